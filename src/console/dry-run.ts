/** What a set of changes would come to: the same folding and planning as the real thing, and nothing else. */
import { sha256 } from '../adapters/system.ts';
import type { Failure } from '../core/target/refusals.ts';
import { WHOLE_GROUP, idKey, sourceMember, type Intent } from '../core/change/change.ts';
import { isHeld } from '../core/change/pending.ts';
import { heldDigest } from '../core/group/guard.ts';
import { DOUBTFUL_STATE } from '../core/group/full-state.ts';
import { memberFailure, type SureResolution } from '../core/ids/resolution.ts';
import type { ReportOutcome } from '../core/report/report.ts';
import type { Outcome } from '../core/target/outcome.ts';
import { groupPath, patchBody, type PatchBody, type Snapshot } from '../core/target/snapshot.ts';
import type { PausesOf } from '../core/log/pause-record.ts';
import { Rehearsal, isKnown, rehearse, type Expanded, type RehearsalOptions } from './rehearsal.ts';
import { NOT_RECORDED, awaitedAdditions, isLeft, released, turnsOf, type Tries, type Turn } from './rehearsed-turns.ts';
import { workedOut, type StandingChanges } from './standing-changes.ts';
import { decideRetry, scheduleOf, type RetryPolicy, type RetryRule } from '../core/target/retry.ts';

/** One group's changes, folded; a full state stands under WHOLE_GROUP. */
export interface GroupIntents extends StandingChanges {
  /** As the source spells it first. */
  readonly group: string;
  /** Newer ones took their place: how many of each member, as the source spells it; null: full states. */
  readonly superseded: ReadonlyMap<string | null, number>;
}

/**
 * Many groups wait for their reads at a time, so those of a file are put together only when they are asked for. Those of topics are
 * put together when they are handed out: only then is it known whether anything is pending.
 */
export interface ChangedGroup extends Pick<GroupIntents, 'group'> {
  /** Of its partition; absent: nothing is paused. */
  readonly pauses?: PausesOf;
  /** The same each time. */
  folded(): GroupIntents;
}

export interface PlannedRequest {
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
  /** But for what is superseded by a later change of the file, and for what is left. */
  readonly predicted: readonly Prediction[];
  /** Changes that a replay does not wake, since they were held before, or have a time of their own. */
  readonly leftCount: number;
  /** Of those that the guard counts. */
  readonly removalCount: number;
  /** What the guard holds; null: nothing, or it was not asked for. */
  readonly held: HeldPlan | null;
  /** Until the last of it is tried, epoch ms; 0: nothing waits for its time. */
  readonly waitsUntil: number;
  /** By whom it is paused, and since when; absent: it is not. */
  readonly pause?: string;
}

export interface HeldPlan {
  /** As `apply` names it. */
  readonly digest: string;
  /** That follow the others once the removals are approved. */
  readonly requests: readonly PlannedRequest[];
}

/** One for each change of the group. */
export function* predictionsOf({ superseded, predicted }: GroupPlan): Generator<Prediction> {
  for (const [member, count] of superseded) {
    for (let each = 0; each < count; each += 1) yield { member, outcome: 'superseded', code: null };
  }
  yield* predicted;
}

export interface PlanOptions extends RehearsalOptions {
  /** `$ref` begins with it; without a slash at the end. */
  readonly publicApiUrl: string;
  readonly retry: RetryPolicy;
  /** What is said of what is held: its digest, or also what an approval of all of it sends. Absent: nothing. */
  readonly held?: 'digest' | 'requests';
  /** Of changes that wait for another try. Absent: none does. */
  readonly tries?: Tries;
}

const ALL_NOW: Tries = { which: 'all', now: 0 };

/** What the target calls the group and its members; members that are not in it have the same id there. */
export interface Names {
  readonly group: string;
  /** The name that the group's look-up returned; absent or null: there is none to compare answers with. */
  readonly groupName?: string | null;
  /** They come from an id map. */
  readonly isMapped?: true;
  readonly members: ReadonlyMap<string, SureResolution>;
}

export function preview(wanted: GroupIntents, snapshot: Snapshot, names: Names, options: PlanOptions): GroupPlan {
  const { deltas: all, replaced, expansion, state } = workedOut(wanted, snapshot, names.members);
  const { tries = ALL_NOW, retry } = options;
  const worked = expansion && { intents: expansion.intents, awaited: expansion.awaited.map(({ member }) => member) };
  const additions = awaitedAdditions(all, worked, wanted.recorded ?? NOT_RECORDED, tries);
  const deltas = all.map((intent) => released(intent, additions));
  const standing = deltas.filter((intent) => intent.dead === null && !isHeld(intent));
  const intents = [...standing, ...(expansion?.intents ?? [])];
  const unknown = intents.filter((intent) => !isKnown(intent));
  const rehearsal = new Rehearsal(
    snapshot,
    intents.filter((intent) => isKnown(intent) || failedOutcome('slow', intent, retry) === 'retry_scheduled'),
    options,
  );
  holdAgain(rehearsal, deltas);
  const sent = [...(state === null ? [] : [state]), ...standing.filter(isKnown)];
  const expanded = expansion === null || expansion.isTwice ? null : expansion.intents.filter(isKnown);
  const turns = turnsOf({ sent, expanded, additions }, tries);
  const isNow = turns.length > 0;
  const isUnseen = rehearse(rehearsal, {
    turns: turns.map(withoutState),
    expanded: isNow ? expansion : null,
    isUnresolved: additions?.isUnresolved === true,
  });
  const left = new Set(leftOf(deltas, (intent) => isLeft(intent, tries), tries));
  const isCounted = (intent: Intent): boolean => !left.has(intent);
  const held = new Set(rehearsal.held.flatMap((of) => of.intents));
  const requestOf = (part: readonly Intent[], index: number): PlannedRequest => ({
    method: 'PATCH',
    path: groupPath(names.group),
    if_match: index === 0 ? snapshot.version : null,
    body: patchBody(part, { snapshot, publicApiUrl: options.publicApiUrl }),
  });
  const { requests, noop } = rehearsal;
  // An approved run changes what the rehearsal says, so it comes last.
  const heldPlan = (wish: 'digest' | 'requests'): HeldPlan | null => {
    const digest = heldDigestOf(wanted.group, rehearsal, names);
    const approved = digest === null || wish === 'digest' ? [] : rehearsal.runApproved();
    return digest === null
      ? null
      : { digest, requests: approved.map((part, i) => requestOf(part, requests.length + i)) };
  };
  return {
    group: wanted.group,
    etag: snapshot.version,
    requests: requests.map(requestOf),
    noop: noop.map(sourceMember),
    superseded: wanted.superseded,
    removalCount: rehearsal.removedCount,
    predicted: [
      ...predict(replaced, 'superseded', null),
      ...(isNow ? endOfState(expansion, isUnseen) : []),
      ...noop.flatMap((intent) => predict([intent], afterTries(intent, 'already_synced'), null)),
      ...requests.flat().flatMap((intent) => predict([intent], afterTries(intent, 'applied'), null)),
      ...rehearsal.held.flatMap((of) => predict(of.intents.filter(isCounted), 'held', of.by)),
      ...unknown
        .filter((intent) => isCounted(intent) && !held.has(intent))
        .flatMap((intent) => predictUnknown(intent, names, retry)),
    ],
    leftCount: left.size,
    held: options.held === undefined ? null : heldPlan(options.held),
    waitsUntil: latestOf(turns),
  };
}

/** What a replay does not wake. @param isBefore its own time */
const leftOf = (
  intents: readonly Intent[],
  isBefore: (intent: Intent) => boolean,
  { which }: Tries,
): readonly Intent[] =>
  which === 'all' ? [] : intents.filter((intent) => intent.dead === null && (isHeld(intent) || isBefore(intent)));

const withoutState = (turn: Turn): Turn => ({ ...turn, intents: turn.intents.filter(({ op }) => op !== 'state') });

const latestOf = (turns: readonly Turn[]): number => turns.reduce((latest, { at }) => Math.max(latest, at), 0);

/** What waits for an operator goes on waiting. */
function holdAgain(rehearsal: Rehearsal, deltas: readonly Intent[]): void {
  for (const intent of deltas)
    if (intent.dead === null && intent.guard?.kind === 'held') rehearsal.hold([intent], intent.guard.by);
}

/** As the pipeline says it of what has failed before. */
const afterTries = ({ attempt }: Intent, outcome: 'applied' | 'already_synced'): ReportOutcome =>
  attempt > 0 ? 'recovered' : outcome;

function heldDigestOf(group: string, rehearsal: Rehearsal, { group: groupTarget, isMapped }: Names): string | null {
  const intents = rehearsal.held.flatMap(({ intents: held, by }) =>
    held.map((intent): Intent => {
      const isNamed = isMapped === true && intent.namedBy !== 'target' && intent.target !== null;
      const shown = { ...(isNamed && { target: intent.target ?? '' }), ...(isMapped === true && { groupTarget }) };
      return { ...intent, guard: { kind: 'held', by, since: 0, ...shown } };
    }),
  );
  return heldDigest(idKey(group), intents, sha256);
}

/** Of a full state as a whole: that it comes to nothing, or that it was not to be seen whether there is more. */
function endOfState(expansion: Expanded | null, isUnseen: boolean): Prediction[] {
  if (expansion === null) return [];
  if (isUnseen) return predict([expansion.state], 'failed', DOUBTFUL_STATE.code);
  return expansion.intents.length === 0 ? predict([expansion.state], 'already_synced', null) : [];
}

function predictUnknown(intent: Intent, { members }: Names, retry: RetryPolicy): Prediction[] {
  const resolution = members.get(sourceMember(intent));
  const code = resolution === undefined ? null : memberFailure(resolution).code;
  return predict([intent], failedOutcome('slow', intent, retry), code);
}

/** Why nothing can be planned for a group. */
export interface Refused {
  readonly failure: Pick<Failure, 'code'>;
  readonly rule: RetryRule;
}

export type Unreadable = Extract<Outcome, { readonly kind: 'denied' | 'not_found' | 'rejected' }>;

export const refusedBy = ({ failure, kind }: Unreadable): Refused => ({ failure, rule: scheduleOf(kind) });

/** What becomes of the changes of a group that cannot be read. */
export function foreseeRefused(wanted: GroupIntents, refused: Refused, { retry, tries }: TriedOptions): GroupPlan {
  const { code } = refused.failure;
  return unsent(wanted, tries, (intent) => predict([intent], failedOutcome(refused.rule, intent, retry), code));
}

type TriedOptions = Pick<PlanOptions, 'retry' | 'tries'>;

/** Nothing of the group is sent before a resume. @param pause by whom, and since when */
export const foreseePaused = (wanted: GroupIntents, pause: string, { tries }: TriedOptions): GroupPlan => ({
  ...unsent(wanted, tries, (intent) => predict([intent], 'retry_scheduled', 'paused')),
  pause,
});

function unsent(
  { group, intents, superseded }: GroupIntents,
  tries: Tries | undefined,
  predictionsFor: (intent: Intent) => readonly Prediction[],
): GroupPlan {
  const waiting = [...intents.values()].filter(({ dead }) => dead === null);
  const left = new Set(leftOf(waiting, ({ notBefore }) => notBefore > (tries?.now ?? 0), tries ?? ALL_NOW));
  return {
    group,
    etag: null,
    requests: [],
    noop: [],
    superseded,
    removalCount: 0,
    held: null,
    waitsUntil: 0,
    leftCount: left.size,
    predicted: waiting
      .filter((intent) => !left.has(intent))
      .flatMap((intent) => (isHeld(intent) ? predict([intent], 'held', intent.guard.by) : predictionsFor(intent))),
  };
}

/** Where its next try fails. */
function failedOutcome(schedule: RetryRule, { attempt }: Intent, retry: RetryPolicy): ReportOutcome {
  if (schedule !== 'slow' && schedule !== 'fast') return 'failed';
  const decision = decideRetry(retry, { schedule, attempt, now: 0, random: 0, retryAfterMs: null });
  return decision.kind === 'park' ? 'retry_scheduled' : 'permanent_failure';
}

const predict = (intents: readonly Intent[], outcome: ReportOutcome, code: string | null): Prediction[] =>
  intents.map((intent) => ({
    member: intent.member === WHOLE_GROUP ? null : sourceMember(intent),
    outcome,
    code,
  }));

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
