/**
 * One request to the target: permit and lease, and what every answer means besides its outcome: doubt, breaker, 429 of this group,
 * snapshot, counts. Answers null where it was not sent, its partition was lost meanwhile, or the group is another one than the
 * source means; then nothing may be concluded from it.
 */
import type { Intent } from '../../core/change/change.ts';
import { renamedGroup } from '../../core/ids/resolution.ts';
import type { HttpAnswer, Method } from '../../core/target/refusals.ts';
import { isSuccess, type Observation } from '../../core/target/breaker.ts';
import { classify, isSureAnswer, type Applied, type Outcome } from '../../core/target/outcome.ts';
import { afterPatch, patchBody, shownName, type Snapshot } from '../../core/target/snapshot.ts';
import { hasMoved, inFormOf } from '../../core/target/version.ts';
import type { MayStart } from '../../ports.ts';
import type { Group, Run } from '../state/group.ts';
import { mayDispatch, type Owners } from '../state/owners.ts';

export interface Asked {
  readonly answer: HttpAnswer;
  readonly outcome: Outcome;
  /** What the breaker has seen. */
  readonly seen: Observation;
}

export interface Read extends Asked {
  /** null: it was not read, or what is known still holds. */
  readonly snapshot: Snapshot | null;
}

export interface Patched extends Asked {
  /** The group afterwards: as the body shows it, else computed; null: its version is not known. */
  readonly after: Snapshot | null;
}

export async function readGroup(owners: Owners, run: Run, known: Snapshot | null): Promise<Read | null> {
  const { group } = run;
  const ifNoneMatch = known?.version ?? null;
  const asked = await ask(owners, run, {
    method: ifNoneMatch === null ? 'GET' : 'CONDITIONAL_GET',
    send: (mayStart) => owners.api.getGroup({ group: targetOf(group), ifNoneMatch, mayStart }),
  });
  if (asked === null) return null;
  const { outcome } = asked;
  if (isSuccess(asked.seen)) run.noteReadable();
  if (outcome.kind === 'applied' && outcome.snapshot !== null) {
    const { snapshot, oldRead } = owners.snapshots.noteRead(group, outcome.snapshot);
    group.noteRead(snapshot.version, oldRead);
    return { ...asked, snapshot };
  }
  if (outcome.kind !== 'unchanged') owners.snapshots.forget(group);
  return { ...asked, snapshot: null };
}

/** What is known of the group does not hold any more. */
export function forgetSnapshot(owners: Owners, run: Run): void {
  owners.snapshots.forget(run.group);
  run.forgetSnapshot();
}

export async function patchGroup(
  owners: Owners,
  run: Run,
  { snapshot, part }: { snapshot: Snapshot; part: readonly Intent[] },
): Promise<Patched | null> {
  const { group } = run;
  const asked = await ask(owners, run, {
    method: 'PATCH',
    send: (mayStart) =>
      owners.api.patchGroup({
        group: targetOf(group),
        ifMatch: snapshot.version,
        body: patchBody(part, { snapshot, publicApiUrl: owners.options.publicApiUrl }),
        mayStart,
      }),
  });
  if (asked === null) return null;
  const { answer, outcome } = asked;
  const isSure = isSureAnswer(answer);
  if (!isSure) {
    const sentAtMs = owners.clock.now().monotonic - ('durationMs' in answer ? answer.durationMs : 0);
    group.noteNoAnswer({ ifMatch: snapshot.version, sentAtMs }, owners.options.lateApplyMs);
  }
  if (!isSure || (outcome.kind === 'applied' && outcome.version === null))
    owners.snapshots.noteSent(group, snapshot.version);
  if (outcome.kind === 'conflict') owners.snapshots.noteRefused(group, snapshot.version);
  if (outcome.kind !== 'applied') {
    if (outcome.kind === 'conflict' || outcome.kind === 'transient') owners.snapshots.forget(group);
    return { ...asked, after: null };
  }
  const after = snapshotAfter(snapshot, part, outcome);
  // The version has moved, so nothing that was sent before can land any more; accepted without effect, it has not.
  if (after !== null && hasMoved(snapshot, after)) group.noteMoved();
  owners.snapshots.noteApplied(group, snapshot, after);
  return { ...asked, after };
}

/** Where the answer shows no list, or one that may be cut, a whole one at the version of the request says more. */
function snapshotAfter(
  before: Snapshot,
  part: readonly Intent[],
  { seen, snapshot, version }: Applied,
): Snapshot | null {
  if (version === null) return null;
  const isShown = seen !== null && (!seen.isDoubtful || before.isDoubtful);
  return inFormOf(isShown && snapshot !== null ? snapshot : afterPatch(before, part, version), before);
}

/** Nothing is dispatched for a group that is not resolved. */
function targetOf({ id, target }: Group): string {
  if (target === null) throw new Error(`group ${id} is not resolved`);
  return target;
}

interface Request {
  readonly method: Method;
  readonly send: (mayStart: MayStart) => Promise<HttpAnswer>;
}

async function ask(owners: Owners, run: Run, { method, send }: Request): Promise<Asked | null> {
  const { api, counts, clock, lease, logger, partitions, options } = owners;
  const { group } = run;
  if (!run.usePermit()) await api.gate.take();
  const mayStart = (): boolean => mayDispatch(owners, group);
  if (!mayStart()) {
    api.gate.giveBack();
    return null;
  }
  if (run.noteAsked()) noteFirstRequest(run, clock.now().wall);
  counts.requestsInFlight.add();
  const answer = await send(mayStart);
  counts.requestsInFlight.add(-1);
  if (answer.kind === 'not_started') {
    api.gate.giveBack();
    return null;
  }
  run.noteAnswered();
  const request = method === 'PATCH' ? 'write' : 'read';
  if ('durationMs' in answer) counts.noteRequestTime(options.isShadow ? 'read' : request, answer.durationMs);
  const outcome = classify(answer, method);
  counts.requests.note(outcome.kind);
  if (outcome.kind === 'conflict') counts.conflicts.add();
  if (!lease.holds) {
    counts.outsideLease.add();
    logger.warn({ group: group.id, partition: group.partition.number }, 'a request ended outside its lease');
  }
  const seen = owners.breaker.observe({ request, answer, outcome, groups: [group], subject: group });
  owners.throttled.note(group, request, outcome.kind === 'throttled');
  if (partitions.isCurrent(group.partition) && noteName(owners, group, { answer, method })) return null;
  return partitions.isCurrent(group.partition) ? { answer, outcome, seen } : null;
}

function noteFirstRequest(run: Run, now: number): void {
  for (const intent of run.due) {
    const member = run.group.members.get(intent.member);
    if (member?.pending === intent) member.noteRequested(now);
  }
}

/*
 * A group that was looked up by its name, and shows another one in its answers: it was renamed, and another group may have
 * the name by now. Nothing is concluded from such an answer; the name is looked up again.
 */

/** Answers whether the group is another one than the source means, as this answer of it shows. */
export function noteName(
  owners: Owners,
  group: Group,
  { answer, method }: { answer: HttpAnswer; method: Method },
): boolean {
  if (answer.kind !== 'response' || answer.status < 200 || answer.status >= 300) return false;
  const seen = renamedGroup(group, shownName(answer.body));
  if (seen === null) return false;
  const { id, displayName, shown } = seen;
  const fields = { group: group.id, genesysId: id, lookedUp: displayName, shown };
  owners.logger.warn(
    fields,
    method === 'PATCH' && !owners.options.isShadow
      ? WRITTEN
      : 'a group shows another name than its look-up: it is looked up again',
  );
  owners.ids?.groupNames?.noteRenamed(group.id, seen);
  owners.snapshots.forget(group);
  group.forgetTarget();
  return true;
}

const WRITTEN =
  'a group that a PATCH has changed shows another name than its look-up: it is looked up again, and the changes go to the group that has the name; whether the rename came before this PATCH is not known: check the members of the renamed group, and send the full state of the group again while nothing changes it';
