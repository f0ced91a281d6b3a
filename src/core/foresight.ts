/** What a set of changes would come to: the same folding and planning as the real thing, and nothing else. */
import type { Intent } from './change.ts';
import type { Outcome } from './outcome.ts';
import { fold } from './pending.ts';
import { groupPath, patchBody, plan, type PatchBody, type Snapshot } from './plan.ts';
import type { ReportOutcome } from './report.ts';
import { decideRetry, scheduleOf, type RetryPolicy } from './retry.ts';

/** One group's changes, folded. */
export interface Wanted {
  readonly group: string;
  readonly intents: Map<string, Intent>;
  /** Newer ones took their place. */
  readonly superseded: Intent[];
}

export interface PlannedRequest {
  readonly method: 'PATCH';
  readonly path: string;
  /** null: the version that the request before it answers with. */
  readonly if_match: string | null;
  readonly body: PatchBody;
}

export interface Prediction {
  readonly member: string;
  readonly outcome: ReportOutcome;
  readonly code: string | null;
}

/** The line of `plan --json`. */
export interface GroupPlan {
  readonly group: string;
  /** null: the group could not be read. */
  readonly etag: string | null;
  readonly requests: readonly PlannedRequest[];
  readonly noop: readonly string[];
  readonly predicted: readonly Prediction[];
}

/** Takes one intent in; `wanted` is changed in place. */
export function want(wanted: Map<string, Wanted>, intent: Intent): void {
  const group: Wanted = wanted.get(intent.group) ?? { group: intent.group, intents: new Map(), superseded: [] };
  wanted.set(intent.group, group);
  const known = group.intents.get(intent.member);
  const { winner, loser } = known === undefined ? { winner: intent, loser: null } : fold(known, intent);
  group.intents.set(intent.member, winner);
  if (loser !== null) group.superseded.push(loser);
}

export interface PlanOptions {
  /** Without a slash at the end. */
  readonly apiUrl: string;
  readonly membersPerPatchMax: number;
}

export function foresee({ group, intents, superseded }: Wanted, snapshot: Snapshot, options: PlanOptions): GroupPlan {
  const { noop, todo } = plan([...intents.values()], snapshot);
  return {
    group,
    etag: snapshot.version,
    requests: chunks(todo, options.membersPerPatchMax).map((part, index) => ({
      method: 'PATCH',
      path: groupPath(group),
      if_match: index === 0 ? snapshot.version : null,
      body: patchBody(part, options.apiUrl),
    })),
    noop: noop.map(({ member }) => member),
    predicted: [
      ...predict(superseded, 'superseded', null),
      ...predict(noop, 'already_synced', null),
      ...predict(todo, 'applied', null),
    ],
  };
}

export type Unreadable = Extract<Outcome, { readonly kind: 'denied' | 'not_found' | 'rejected' }>;

/** What becomes of the changes of a group whose reading is refused. */
export function foreseeRefused(
  { group, intents, superseded }: Wanted,
  refusal: Unreadable,
  retry: RetryPolicy,
): GroupPlan {
  const failed = [...intents.values()];
  return {
    group,
    etag: null,
    requests: [],
    noop: [],
    predicted: [
      ...predict(superseded, 'superseded', null),
      ...predict(failed, refusedOutcome(refusal, retry), refusal.failure.code),
    ],
  };
}

/** A dry run knows of no failures before this one. */
function refusedOutcome({ kind }: Unreadable, retry: RetryPolicy): ReportOutcome {
  const schedule = scheduleOf(kind);
  if (schedule !== 'slow' && schedule !== 'fast') return 'failed';
  const decision = decideRetry(retry, { schedule, attempt: 0, now: 0, random: 0, retryAfterMs: null });
  return decision.kind === 'park' ? 'retry_scheduled' : 'permanent_failure';
}

const predict = (intents: readonly Intent[], outcome: ReportOutcome, code: string | null): Prediction[] =>
  intents.map(({ member }) => ({ member, outcome, code }));

const chunks = (intents: readonly Intent[], size: number): (readonly Intent[])[] =>
  Array.from({ length: Math.ceil(intents.length / size) }, (_, index) =>
    intents.slice(index * size, (index + 1) * size),
  );
