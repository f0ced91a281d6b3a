/**
 * One run: instances under load while brokers, instances and the target fail, in random order; then a rest, and
 * the oracle's verdict on what is left. It ends by itself, at the latest `limitMs` after its start.
 */
import { finalVerdict, type EndState } from '../oracle/final-verdict.ts';
import { wantedOf } from '../oracle/intents.ts';
import { headerOf } from '../oracle/live-records.ts';
import type { Violation } from '../oracle/violation.ts';
import type { Account } from './account.ts';
import { startBrokers, type Brokers } from './brokers.ts';
import { Changes } from './changes.ts';
import { readEndState } from './end-state.ts';
import { take, type FaultContext } from './faults.ts';
import { Fleet } from './fleet.ts';
import { Load } from './load.ts';
import { SeededRandom, mulberry32 } from '../support/random.ts';
import { openChaosHarness, type ChaosHarness } from './chaos-harness.ts';
import { steps, type Kafka, type Size, type Step } from './scale.ts';
import { StaleEffects } from './stale-effects.ts';
import { comesTrue, rest } from './waiting.ts';
import { Watch } from './watch.ts';

export interface RunOptions {
  readonly kafka: Kafka;
  readonly size: Size;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export async function runChaos({ kafka, size, seed, say }: RunOptions): Promise<Account> {
  const random = new SeededRandom(mulberry32(seed));
  const brokers = await startBrokers(kafka, random);
  try {
    const { addresses, replicationFactor } = brokers;
    const harness = await openChaosHarness({ brokers: addresses, replicationFactor, groupCount: size.groups, seed });
    const run = new Run({ harness, brokers, size, random, seed, say });
    try {
      return await run.run();
    } finally {
      await run.end();
      await harness.close();
    }
  } finally {
    await brokers.stop();
  }
}

interface Dependencies {
  readonly harness: ChaosHarness;
  readonly brokers: Brokers;
  readonly size: Size;
  readonly random: SeededRandom;
  readonly seed: number;
  readonly say: (line: string) => void;
}

/** A guess until the first steps have been measured. */
const STEP_MS = 5_000;
const RECOVERY_LIMIT_MS = 30_000;
/** So many steps wait until reports come again; the others come on top of the one before. */
const PATIENT_SHARE = 0.7;
const REST_LIMIT_MS = 180_000;
const LOOK_AGAIN_MS = 2_000;

class Run {
  readonly #with: Dependencies;
  readonly #fleet: Fleet;
  readonly #watch: Watch;
  readonly #stale: StaleEffects;
  readonly #seen = new Map<Step, number>();
  readonly #startedAt = performance.now();
  /** Steps that are still to be taken, and how long those before have taken. */
  #left = 0;
  #taken = 0;
  #takenMs = 0;

  constructor(dependencies: Dependencies) {
    this.#with = dependencies;
    const { harness, seed } = dependencies;
    this.#fleet = new Fleet(harness.environment(), new SeededRandom(mulberry32(seed + 1)));
    this.#watch = new Watch(harness);
    this.#stale = new StaleEffects(harness.sandbox);
  }

  async run(): Promise<Account> {
    const { harness, size, seed, say } = this.#with;
    this.#watch.start();
    const first = Array.from({ length: size.instances }, () => this.#fleet.start());
    await comesTrue(60_000, () => first.some(({ partitions }) => partitions.length > 0));
    say(`${size.instances} instances are at work`);
    const course = this.#with.random.shuffled(steps.flatMap((step) => Array<Step>(size.counts[step]).fill(step)));
    this.#left = course.length;
    const leftMs = (): number => this.#left * (this.#taken === 0 ? STEP_MS : this.#takenMs / this.#taken);
    const changes = new Changes(new SeededRandom(mulberry32(seed + 2)), harness.groups);
    const load = new Load(harness, changes, { total: size.events, leftMs });
    const loading = load.run(() => this.#isLate());
    loading.catch(() => undefined);
    for (const step of course) {
      if (this.#isLate()) break;
      await this.#take(step);
    }
    this.#left = 0;
    await loading;
    const targetCounts = harness.targetCounts();
    harness.sandbox.clearRules();
    say(`all faults are over, ${load.sent} events are sent`);
    const { end, violations, restMs } = await this.#settle();
    return this.#account({ end, violations, restMs, targetCounts, repeatedBatches: load.repeatedBatches });
  }

  /** Also after a failure. */
  async end(): Promise<void> {
    this.#stale.stop();
    await this.#fleet.killAll();
    await this.#watch.stop();
  }

  async #take(step: Step): Promise<void> {
    const { harness, brokers, random, size, say } = this.#with;
    const context: FaultContext = {
      harness,
      brokers,
      random,
      fleet: this.#fleet,
      watch: this.#watch,
      targetDownMs: size.targetDownMs,
    };
    const from = performance.now();
    await rest(random.between(100, 2_000));
    const { seen, recovered } = await take(step, context);
    this.#seen.set(step, (this.#seen.get(step) ?? 0) + seen);
    if (random.happens(PATIENT_SHARE)) await Promise.race([recovered, rest(RECOVERY_LIMIT_MS)]);
    this.#left -= 1;
    this.#taken += 1;
    this.#takenMs += performance.now() - from;
    const at = Math.round((performance.now() - this.#startedAt) / 1_000);
    say(`${at} s: ${step}${seen > 0 ? '' : ' (not seen)'}, ${this.#left} steps left, ${this.#watch.finals.size} final`);
  }

  /** Everything has its end, or the time is up; then the instances stop, and what is left is judged. */
  async #settle(): Promise<{ end: EndState; violations: readonly Violation[]; restMs: number }> {
    const { harness, say } = this.#with;
    const from = performance.now();
    let end = await readEndState(harness);
    const wanted = end.source.flatMap((record) => wantedOf(end.topic, record, end.sourceEnds.size));
    const idCount = wanted.filter(({ kind }) => kind !== 'nothing').length;
    const timeLeft = (): number => REST_LIMIT_MS - (performance.now() - from);
    await comesTrue(timeLeft(), () => this.#watch.finals.size >= idCount);
    say(`${this.#watch.finals.size} of ${idCount} changes have a final report`);
    let violations: readonly Violation[] = [];
    await comesTrue(timeLeft(), async () => {
      end = await readEndState(harness);
      violations = finalVerdict(end);
      if (violations.length > 0) await rest(LOOK_AGAIN_MS);
      return violations.length === 0;
    });
    const restMs = performance.now() - from;
    await this.#fleet.stopAll();
    end = await readEndState(harness);
    return { end, violations: finalVerdict(end), restMs };
  }

  #account(rest: {
    end: EndState;
    violations: readonly Violation[];
    restMs: number;
    targetCounts: Account['faults'];
    repeatedBatches: number;
  }): Account {
    const { harness, size, seed } = this.#with;
    const { end, violations, restMs, targetCounts, repeatedBatches } = rest;
    const planned = steps.filter((step) => size.counts[step] > 0);
    const wanted = end.source.flatMap((record) => wantedOf(end.topic, record, end.sourceEnds.size));
    const { requests, dangerous } = harness.sandbox.stats;
    const givenUp = end.deadLetters.filter((letter) => headerOf(letter, 'rollcall-reason') !== 'invalid').length;
    return {
      seed,
      durationMs: Math.round(performance.now() - this.#startedAt),
      isCutShort: this.#isLate(),
      faults: [
        ...planned.map((step) => [step, this.#seen.get(step) ?? 0] as const),
        ...targetCounts,
        ['changes given up', givenUp],
      ],
      events: end.source.length,
      repeatedBatches,
      intents: wanted.filter(({ kind }) => kind === 'intent').length,
      invalid: wanted.filter((one) => one.kind === 'event' && one.outcome === 'invalid').length,
      requests,
      dangerous,
      finalReports: this.#watch.finals.size,
      repeatedReports: this.#watch.repeated,
      retryReports: this.#watch.retries,
      deadLetters: end.deadLetters.length,
      outsideLease: this.#fleet.said('a request ended outside its lease'),
      partitionsLost: this.#fleet.said('partition lost'),
      recoveryMs: this.#watch.recoveryMs,
      restMs: Math.round(restMs),
      passersWatched: this.#stale.watched,
      staleEffects: this.#stale.found,
      failures: this.#fleet.failures,
      violations,
    };
  }

  #isLate(): boolean {
    return performance.now() - this.#startedAt > this.#with.size.limitMs;
  }
}
