/** What a run has done and found, and whether that is good enough. */
import { promises, type Violation } from '../oracle/violation.ts';

export interface Account {
  readonly seed: number;
  readonly durationMs: number;
  /** The time was up before everything had happened. */
  readonly isCutShort: boolean;
  /** Those that were seen to happen, by kind. */
  readonly faults: readonly (readonly [kind: string, count: number])[];
  /** Records of the source topic. */
  readonly events: number;
  readonly repeatedBatches: number;
  readonly intents: number;
  readonly invalid: number;
  /** By method, by status. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Requests that named no member they would have removed. */
  readonly dangerous: number;
  /** Distinct ids. */
  readonly finalReports: number;
  /** Final reports whose id had come before. */
  readonly repeatedReports: number;
  readonly retryReports: number;
  readonly deadLetters: number;
  readonly outsideLease: number;
  readonly partitionsLost: number;
  readonly recoveryMs: readonly number[];
  /** From the last fault until the oracle had nothing more to say. */
  readonly restMs: number;
  readonly passersWatched: number;
  readonly staleEffects: readonly string[];
  readonly failures: readonly string[];
  readonly violations: readonly Violation[];
}

/** Empty: the run is good. */
export function failures(account: Account): readonly string[] {
  const { faults, violations, failures, staleEffects, isCutShort, dangerous } = account;
  return [
    ...faults.filter(([, count]) => count === 0).map(([kind]) => `never happened: ${kind}`),
    ...(isCutShort ? ['the time was up before everything had happened'] : []),
    ...(dangerous > 0 ? [`${dangerous} requests could have wiped a group`] : []),
    ...staleEffects,
    ...failures,
    ...violations.map(({ promise, detail }) => `${promise}: ${detail}`),
  ];
}

const FAILURES_SHOWN = 20;

export function accountLines(account: Account): readonly string[] {
  const { violations, staleEffects, recoveryMs } = account;
  const broken = (promise: string): number => violations.filter((violation) => violation.promise === promise).length;
  const lost = broken(promises.kept);
  const stale = broken(promises.newest) + staleEffects.length;
  const sorted = recoveryMs.toSorted((a, b) => a - b);
  const found = failures(account);
  const requests = Object.entries(account.requests).map(
    ([method, byStatus]) => `${method} ${Object.values(byStatus).reduce((sum, count) => sum + count, 0)}`,
  );
  return [
    `seed ${account.seed}, ${seconds(account.durationMs)} in all`,
    'faults that happened:',
    ...account.faults.map(([kind, count]) => `  ${String(count).padStart(6)}  ${kind}`),
    `${account.events} events (${account.repeatedBatches} batches sent twice), ${account.intents} intents, ${account.invalid} invalid`,
    `requests: ${requests.join(', ')}; ${account.outsideLease} ended outside their lease`,
    `partitions changed hands ${account.partitionsLost} times`,
    `reports: ${account.finalReports} final, ${account.repeatedReports} repeated with their id, ${account.retryReports} of retries; ${account.deadLetters} dead letters`,
    `recovery, under further faults: median ${seconds(sorted[Math.floor(sorted.length / 2)] ?? 0)}, max ${seconds(sorted.at(-1) ?? 0)}, ${sorted.length} measured`,
    `at rest ${seconds(account.restMs)} after the last fault; ${account.passersWatched} members watched for stale effects`,
    `verdict: ${lost} lost, ${stale} stale, ${broken(promises.unwiped)} wiped, ${broken(promises.accounted)} not accounted for truly`,
    ...found.slice(0, FAILURES_SHOWN).map((failure) => `FAIL  ${failure}`),
    ...(found.length > FAILURES_SHOWN ? [`FAIL  and ${found.length - FAILURES_SHOWN} more, see the JSON file`] : []),
  ];
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
