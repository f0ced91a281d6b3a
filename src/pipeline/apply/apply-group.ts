/**
 * Room pipeline/apply: a group in flight: reads and PATCHes, and what each answer means for its intents.
 * Not here: when its turn comes (dispatch), and how an intent ends (intents).
 *
 * One request after the other until everything that was due when its slot opened is final, parked or held. What comes next is
 * decided by core/group/step.ts, what an answer means by core/target/outcome.ts.
 */
import { WHOLE_GROUP, isSamePosition, type Intent } from '../../core/change/change.ts';
import { waitsForAdditions } from '../../core/group/full-state.ts';
import { nextStep } from '../../core/group/step.ts';
import type { RequestFacts } from '../../core/target/refusals.ts';
import type { Unconfirmed } from '../../core/target/doubt.ts';
import { isSatisfied, sightOf, type Snapshot, type Membership } from '../../core/target/snapshot.ts';
import { requestsMax } from '../../core/target/retry.ts';
import { takeDue } from '../dispatch/dispatcher.ts';
import { ensureToken } from '../dispatch/look-up.ts';
import {
  groupAnswered,
  markAlreadySynced,
  markApplied,
  noteRemoved,
  supersedeIfReplaced,
  supersedeReplaced,
} from '../intents/conclude.ts';
import { expandState } from '../intents/expand.ts';
import { keptBackIn, passageIn } from '../intents/full-state-removals.ts';
import { hold, pendingRemovals, removedInWindow, reserveRemovals } from '../intents/guard.ts';
import { lookUpAgain, mayHaveAnotherId } from '../intents/identify.ts';
import { markAccepted } from '../intents/precedence.ts';
import { DueQueue } from '../state/due-queue.ts';
import { GroupRun, isExhausted, isStillDue, type Next } from '../state/group-run.ts';
import type { Group, Run } from '../state/group.ts';
import { mayDispatch, type Owners } from '../state/owners.ts';
import { giveUpExhausted, notEffective } from './failed-tries.ts';
import { overBudget, patchFailed, readAfterConflict, readFailed } from './failures.ts';
import { forgetSnapshot, patchGroup, readGroup, type Patched } from './request.ts';

/** The slot is open and holds one permit of the gate, but for a probe. */
export async function applyGroup(owners: Owners, group: Group): Promise<void> {
  const { queue, api, breaker } = owners;
  const due = new DueQueue(takeDue(owners, group));
  const isProbe = breaker.isProbing(group);
  const run = new GroupRun(group, due, {
    snapshot: owners.snapshots.get(group),
    hasPermit: !isProbe,
    suspects: group.takeSuspects(due),
    membersMax: owners.options.membersPerPatchMax,
  });
  group.beginRun(run);
  try {
    if (isProbe && !(await ensureToken(owners, group, [group]))) return;
    // Nothing of it can be sent, and still its answer tells.
    if (isProbe && due.size === 0) await read(owners, run, null);
    while (mayDispatch(owners, group) && (await takeStep(owners, run)) === 'go_on');
  } finally {
    group.partition.removals.release(group.id);
    if (run.hasPermit) api.gate.giveBack();
    if (owners.partitions.isCurrent(group.partition)) supersedeReplaced(owners, group);
    group.endRun(run);
    breaker.settleOwed(group);
    queue.unlock(group);
    breaker.endProbe(group);
    leave(owners, group.id, new Set([...due].map(({ member }) => member)));
  }
}

/** The group may have another owner state by now: the partition was lost and gained again. */
function leave(owners: Owners, id: string, names: ReadonlySet<string>): void {
  for (const partition of owners.partitions) {
    const group = partition.groups.get(id);
    if (group === undefined) continue;
    for (const name of [...names, WHOLE_GROUP]) group.tidyMember(name);
    owners.review(group);
  }
  owners.settle();
  owners.dispatch();
}

async function takeStep(owners: Owners, run: Run): Promise<Next> {
  const { group } = run;
  const passage = passageIn(group);
  const isKeptBack = keptBackIn(group, passage);
  const due = run.slice(isKeptBack);
  if (due.length > 0 && isUsedUp(owners, run)) return overBudget(owners, run);
  const step = nextStep({
    due,
    exhausted: new Set(due.filter((intent) => isExhausted(group, intent))),
    snapshot: run.snapshot,
    isFresh: run.isFresh,
    doubt: group.doubt,
    unconfirmed: group.unconfirmed?.view ?? null,
    suspects: run.suspects,
    search: run.search,
    membersMax: run.membersMax,
    unseenMax: run.unseenMax,
    guard: owners.options.guard,
    removalCountMax: group.members.guarded.size,
    get pendingRemovals() {
      return pendingRemovals(group);
    },
    removed: removedInWindow(owners, group),
    isUnresolved: passage === 'hold' && due.some(waitsForAdditions),
    nowMs: owners.clock.now().monotonic,
  });
  switch (step.kind) {
    case 'done':
      return 'stop';
    case 'forget_doubt':
      group.endDoubt();
      forgetSnapshot(owners, run);
      return 'go_on';
    case 'look':
      return look(owners, run);
    case 'read':
      return read(owners, run, null);
    case 'confirm':
      return read(owners, run, step.snapshot);
    case 'expand':
      await expandState(owners, group, step.state, step.snapshot);
      // What is newer waits for the second look.
      return step.snapshot.isDoubtful ? 'stop' : 'go_on';
    case 'hold_removals':
      hold(owners, group, { intents: step.intents, by: step.by, snapshot: run.snapshot });
      return 'go_on';
    case 'patch':
      reserveRemovals(run, step.snapshot);
      return patch(owners, run, step);
    case 'final':
      for (const intent of step.noop) {
        if (mayHaveAnotherId(owners, group, intent)) lookUpAgain(owners, group, intent);
        else markAlreadySynced(owners, group, intent);
      }
      for (const intent of step.givenUp) giveUpExhausted(owners, group, intent, run.snapshot);
      groupAnswered(group);
      // Of what is due no more than a slice is final.
      return run.due.size > due.length ? 'go_on' : 'stop';
    case 'wait_for_doubt':
      group.waitForDoubt(step.untilMs, run.stillDue());
      return 'stop';
  }
}

const isUsedUp = ({ options }: Owners, { due, requestCount }: Run): boolean =>
  requestCount >= requestsMax(due.takenCount, options.conflictsMax);

async function read(owners: Owners, run: Run, known: Snapshot | null): Promise<Next> {
  const asked = await readGroup(owners, run, known);
  if (asked === null) return 'stop';
  const { outcome, snapshot } = asked;
  if (snapshot === null && outcome.kind !== 'unchanged') return readFailed(owners, run, asked);
  run.noteRead(snapshot ?? known);
  return readAfterConflict(owners, run);
}

interface Part {
  readonly snapshot: Snapshot;
  readonly part: readonly Intent[];
}

async function patch(owners: Owners, run: Run, { snapshot, part }: Part): Promise<Next> {
  const { group } = run;
  run.beginRequest(part);
  const patchId = owners.random.uuid();
  const asked = await patchGroup(owners, run, { snapshot, part });
  if (asked === null) return 'stop';
  const { answer, outcome, after } = asked;
  const request = requestFacts(patchId, { snapshot, part }, asked);
  if (outcome.kind !== 'applied') {
    run.noteFailed();
    return patchFailed(owners, run, { snapshot, part, answer, outcome, request, seen: asked.seen });
  }
  run.noteApplied(part, after);
  verify(owners, group, { part, request, seen: outcome.seen, isTrusted: after !== null });
  run.endRequest();
  groupAnswered(group);
  return 'go_on';
}

function requestFacts(patchId: string, { snapshot, part }: Part, { answer, outcome, after }: Patched): RequestFacts {
  return {
    patchId,
    etagBefore: snapshot.version,
    etagAfter: outcome.kind === 'applied' ? (after?.version ?? null) : null,
    status: answer.kind === 'response' ? answer.status : null,
    correlationId: answer.kind === 'response' ? answer.correlationId : null,
    durationMs: 'durationMs' in answer ? answer.durationMs : 0,
    verified: false,
    isUnseen: part.some((intent) => sightOf(intent, snapshot) === 'unknown'),
  };
}

/* What becomes of a PATCH that was accepted: it lands where an answer shows it, else looks decide (core/target/doubt.ts). */

interface Landing {
  readonly part: readonly Intent[];
  readonly request: RequestFacts;
  /** The group as the answer shows it; null: it does not. */
  readonly seen: Membership | null;
  /** An answer without a body is believed where it names the new version. */
  readonly isTrusted: boolean;
}

/** Lands what is seen to be so; the rest is unconfirmed, and its slot does not wait for it. */
function verify(owners: Owners, group: Group, { part, request, seen, isTrusted }: Landing): void {
  const { clock, options } = owners;
  const isLanded = (intent: Intent): boolean => (seen === null ? isTrusted : sightOf(intent, seen) !== 'not_so');
  for (const intent of part) {
    // It was accepted, so that it counts for the guard also where nothing shows it yet.
    noteRemoved(owners, group, intent);
    if (isLanded(intent)) {
      group.unconfirmed?.forget(intent);
      markApplied(owners, group, intent, { ...request, verified: seen !== null && isSatisfied(intent, seen) });
      continue;
    }
    const acceptance = { intent, request, isShownOtherwise: seen !== null };
    group.noteAccepted(acceptance, clock.now().monotonic, options.lateApplyMs);
    supersedeIfReplaced(owners, group, intent);
    if (!isStillDue(group, intent)) markAccepted(owners, group, intent);
  }
  group.dropConfirmed();
}

/** One fresh read, for all that is unconfirmed of the group. */
async function look(owners: Owners, run: Run): Promise<Next> {
  const asked = await readGroup(owners, run, null);
  if (asked === null) return 'stop';
  const { snapshot } = asked;
  concludeLook(owners, run.group, snapshot);
  if (snapshot === null) return readFailed(owners, run, asked);
  run.noteRead(snapshot);
  return readAfterConflict(owners, run);
}

function concludeLook(owners: Owners, group: Group, snapshot: Membership | null): void {
  const nowMs = owners.clock.now().monotonic;
  const looked = group.unconfirmed?.look({ snapshot, isDoubted: group.doubt !== null, nowMs });
  for (const { intent, request } of pendingOf(group, looked?.shown ?? []))
    markApplied(owners, group, intent, { ...request, verified: snapshot !== null && isSatisfied(intent, snapshot) });
  for (const { intent, request } of pendingOf(group, looked?.ineffective ?? [])) notEffective(group, intent, request);
  group.dropConfirmed();
}

/** Something newer may have taken its place. */
const pendingOf = ({ members }: Group, changes: readonly Unconfirmed[]): Unconfirmed[] =>
  changes.flatMap((change) => {
    const pending = members.get(change.intent.member)?.pending ?? null;
    return pending !== null && isSamePosition(pending.source, change.intent.source)
      ? [{ ...change, intent: pending }]
      : [];
  });
