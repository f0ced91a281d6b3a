/** What a set of changes would come to: the same folding and planning as the real thing, and nothing else. */
import type { Failure } from '../core/target/refusals.ts';
import { WHOLE_GROUP, idKey, sourceMember, type HeldBy, type Intent } from '../core/change/change.ts';
import { supersedes } from '../core/change/pending.ts';
import { DOUBTFUL_STATE, expand } from '../core/group/full-state.ts';
import { NOTHING_REMOVED, guardVerdict, isGuarded, type GuardLimits } from '../core/group/guard.ts';
import { additionsFirst, allRemovals, sizeOf } from '../core/group/step.ts';
import { memberFailure, resolved, targetFor, type SureResolution } from '../core/ids/resolution.ts';
import type { ReportOutcome } from '../core/report/report.ts';
import type { Outcome } from '../core/target/outcome.ts';
import { apart, groupPath, patchBody, plan, type PatchBody, type Snapshot } from '../core/target/snapshot.ts';
import { decideRetry, scheduleOf, type RetryPolicy, type RetryRule } from '../core/target/retry.ts';

/** One group's changes, folded; a full state stands under WHOLE_GROUP. */
export interface GroupIntents {
  /** As the source spells it first. */
  readonly group: string;
  readonly intents: Map<string, Intent>;
  /** Newer ones took their place: how many of each member, as the source spells it; null: full states. */
  readonly superseded: ReadonlyMap<string | null, number>;
}

interface PlannedRequest {
  readonly method: 'PATCH';
  readonly path: string;
  /** null: the version that the request before it answers with. */
  readonly if_match: string | null;
  readonly body: PatchBody;
}

export interface Prediction {
  /** null: a full state that changes nothing, or that a newer one has replaced. */
  readonly member: string | null;
  readonly outcome: ReportOutcome;
  readonly code: string | null;
}

export interface GroupPlan {
  readonly group: string;
  /** null: the group could not be read. */
  readonly etag: string | null;
  readonly requests: readonly PlannedRequest[];
  readonly noop: readonly string[];
  readonly superseded: GroupIntents['superseded'];
  /** But for what is superseded by a later change of the file. */
  readonly predicted: readonly Prediction[];
  /** Of those that the guard counts. */
  readonly removalCount: number;
}

/** One for each change of the group. */
export function* predictionsOf({ superseded, predicted }: GroupPlan): Generator<Prediction> {
  for (const [member, count] of superseded) {
    for (let each = 0; each < count; each += 1) yield { member, outcome: 'superseded', code: null };
  }
  yield* predicted;
}

export interface PlanOptions {
  /** `$ref` begins with it; without a slash at the end. */
  readonly publicApiUrl: string;
  readonly membersPerPatchMax: number;
  readonly guard: GuardLimits;
  readonly retry: RetryPolicy;
  /** Removals in the groups before this one. */
  readonly removedBefore: number;
}

/** What the target calls the group and its members; members that are not in it have the same id there. */
export interface Names {
  readonly group: string;
  /** The name that the group's look-up returned; absent or null: there is none to compare answers with. */
  readonly groupName?: string | null;
  readonly members: ReadonlyMap<string, SureResolution>;
}

export function preview(wanted: GroupIntents, snapshot: Snapshot, names: Names, options: PlanOptions): GroupPlan {
  const { intents, replaced, heldBy, unchanged } = workedOut(wanted, snapshot, names);
  const known = intents.filter(({ target }) => target !== null);
  const unknown = intents.filter(({ target }) => target === null);
  const { noop, todo } = plan(known, snapshot);
  // What stands on top of the full state is judged for itself.
  const isOfHeldState = ({ namedBy }: Intent): boolean => heldBy !== null && namedBy === 'target';
  const heldWhole = todo.filter(isOfHeldState);
  const rest = todo.filter((intent) => !isOfHeldState(intent));
  const guarded = rest.filter(isGuarded);
  const removals = guarded.length === 0 ? [] : allRemovals(guarded, unknown.filter(isGuarded), snapshot);
  const removed = { ...NOTHING_REMOVED, ofOwner: options.removedBefore };
  const removing = { count: removals.length, groupSize: sizeOf(snapshot, removals), removed };
  const by = guardVerdict(removing, options.guard);
  const sent = by === null ? rest : rest.filter((intent) => !isGuarded(intent));
  const held = new Set(by === null ? [] : removals);
  return {
    group: wanted.group,
    etag: snapshot.version,
    requests: parts(sent, snapshot, options.membersPerPatchMax).map((part, index) => ({
      method: 'PATCH',
      path: groupPath(names.group),
      if_match: index === 0 ? snapshot.version : null,
      body: patchBody(part, { snapshot, publicApiUrl: options.publicApiUrl }),
    })),
    noop: noop.map(sourceMember),
    superseded: wanted.superseded,
    removalCount: by === null ? guarded.length : 0,
    predicted: [
      ...predict(replaced, 'superseded', null),
      ...(snapshot.isDoubtful
        ? predict(unchanged, 'failed', DOUBTFUL_STATE.code)
        : predict(unchanged, 'already_synced', null)),
      ...predict(noop, 'already_synced', null),
      ...predict(sent, 'applied', null),
      ...predict(heldWhole, 'held', heldBy),
      ...predict([...held], 'held', by),
      ...unknown
        .filter((intent) => !held.has(intent))
        .flatMap((intent) => predictUnknown(intent, names, options.retry)),
    ],
  };
}

interface WorkedOut {
  readonly intents: readonly Intent[];
  /** Under another name of its member something else stands. */
  readonly replaced: readonly Intent[];
  readonly heldBy: HeldBy | null;
  /** A full state that comes to nothing. */
  readonly unchanged: readonly Intent[];
}

function workedOut({ intents }: GroupIntents, snapshot: Snapshot, { members }: Names): WorkedOut {
  const known = (member: string): SureResolution =>
    members.get(member) ?? { kind: 'found', id: idKey(member), isActive: true };
  const resolve = (member: string) => resolved(known(member));
  const named = [...intents.values()]
    .filter(({ op }) => op !== 'state')
    .map((intent): Intent => ({ ...intent, target: targetFor(intent.op, known(sourceMember(intent))) }));
  const { deltas, replaced } = ofEachMember(named);
  const state = intents.get(WHOLE_GROUP);
  if (state === undefined) return { intents: deltas, replaced, heldBy: null, unchanged: [] };
  const newer = new Map(
    deltas.flatMap((delta) => [
      [delta.target === null ? delta.member : idKey(delta.target), delta],
      [delta.member, delta],
    ]),
  );
  const newerFor = (member: string, target: string | null): Intent | null =>
    newer.get(member) ?? newer.get(idKey(target ?? member)) ?? null;
  const expansion = expand(state, { snapshot, resolve, newerFor });
  const isUnknown = ({ op, target }: Intent): boolean => op === 'add' && target === null;
  const names = new Set(expansion.awaited);
  const awaited = deltas.filter(({ member }) => names.has(member));
  return {
    intents: [...deltas, ...expansion.intents],
    replaced,
    heldBy: expansion.heldBy ?? ([...expansion.intents, ...awaited].some(isUnknown) ? 'unresolved_members' : null),
    unchanged: expansion.intents.length === 0 ? [state] : [],
  };
}

/** Two names may stand for one member of the target. */
function ofEachMember(named: readonly Intent[]): { deltas: readonly Intent[]; replaced: readonly Intent[] } {
  const standing = new Map<string, Intent>();
  for (const intent of named) {
    if (intent.target === null) continue;
    const rival = standing.get(idKey(intent.target));
    if (rival === undefined || supersedes(intent, rival)) standing.set(idKey(intent.target), intent);
  }
  const stands = (intent: Intent): boolean => intent.target === null || standing.get(idKey(intent.target)) === intent;
  return { deltas: named.filter(stands), replaced: named.filter((intent) => !stands(intent)) };
}

function predictUnknown(intent: Intent, { members }: Names, retry: RetryPolicy): Prediction[] {
  const resolution = members.get(sourceMember(intent));
  const code = resolution === undefined ? null : memberFailure(resolution).code;
  return predict([intent], failedOutcome('slow', retry), code);
}

/** Why nothing can be planned for a group. */
export interface Refused {
  readonly failure: Pick<Failure, 'code'>;
  readonly rule: RetryRule;
}

export type Unreadable = Extract<Outcome, { readonly kind: 'denied' | 'not_found' | 'rejected' }>;

export const refusedBy = ({ failure, kind }: Unreadable): Refused => ({ failure, rule: scheduleOf(kind) });

/** What becomes of the changes of a group that cannot be read. */
export function foreseeRefused(
  { group, intents, superseded }: GroupIntents,
  refused: Refused,
  retry: RetryPolicy,
): GroupPlan {
  const failed = [...intents.values()];
  return {
    group,
    etag: null,
    requests: [],
    noop: [],
    superseded,
    removalCount: 0,
    predicted: predict(failed, failedOutcome(refused.rule, retry), refused.failure.code),
  };
}

/** A dry run knows of no failures before this one. */
function failedOutcome(schedule: RetryRule, retry: RetryPolicy): ReportOutcome {
  if (schedule !== 'slow' && schedule !== 'fast') return 'failed';
  const decision = decideRetry(retry, { schedule, attempt: 0, now: 0, random: 0, retryAfterMs: null });
  return decision.kind === 'park' ? 'retry_scheduled' : 'permanent_failure';
}

const predict = (intents: readonly Intent[], outcome: ReportOutcome, code: string | null): Prediction[] =>
  intents.map((intent) => ({
    member: intent.member === WHOLE_GROUP ? null : sourceMember(intent),
    outcome,
    code,
  }));

const parts = (sent: readonly Intent[], snapshot: Snapshot, membersMax: number): (readonly Intent[])[] => {
  const first = new Set(additionsFirst(sent));
  return [[...first], sent.filter((intent) => !first.has(intent))].flatMap((some) => {
    const { seen, unseen } = apart(some, snapshot);
    return [...chunks(seen, membersMax), ...chunks(unseen, membersMax)];
  });
};

export function* chunks<T>(values: Iterable<T>, size: number): Generator<readonly T[]> {
  let chunk: T[] = [];
  for (const value of values) {
    chunk.push(value);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
