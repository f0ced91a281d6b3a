/** Acts on the removal guard (core/group/guard.ts): holds, and counts what is removed. Held intents are parked. */
import { isSameId, type Held, type Intent, type ShownTargets } from '../../core/change/change.ts';
import { isHeld, type HeldIntent } from '../../core/change/pending.ts';
import {
  heldDigest,
  heldFailure,
  isRetargeted,
  removalsOfRun,
  sizeOf,
  type RemovedInWindow,
} from '../../core/group/guard.ts';
import { NO_LAG, heldReport, type Report } from '../../core/report/reporting.ts';
import type { Membership } from '../../core/target/snapshot.ts';
import { isStillDue, isTried } from '../state/group-run.ts';
import type { Group, Run } from '../state/group.ts';
import type { Owners } from '../state/owners.ts';
import { reportWait } from './conclude.ts';
import { identifyGroup, knownTarget } from './identify.ts';

interface Holding {
  readonly intents: readonly Intent[];
  readonly by: Held['by'];
  /** Of the group that was judged; null: they were held before. */
  readonly snapshot: Membership | null;
}

/** They wait in the live record for an operator, and are reported once they stand there. */
export function hold(owners: Owners, group: Group, { intents, by, snapshot }: Holding): void {
  const since = owners.clock.now().wall;
  const size = snapshot === null ? null : sizeOf(snapshot, intents);
  const held = intents.map((intent) => ({ ...intent, guard: heldGuard(owners, group, intent, { by, since, size }) }));
  for (const intent of held) group.members.obtain(intent.member).advance(intent);
  group.partition.toWrite.add(group);
  const digest = digestOf(owners, group);
  for (const intent of held) {
    const member = group.members.obtain(intent.member);
    member.dropDeferredReports();
    member.deferReport(heldReportOf(owners, group, intent, digest));
  }
  owners.logger.warn({ group: group.id, removals: held.length, by, digest }, 'removals are held');
}

function heldGuard(
  owners: Owners,
  group: Group,
  intent: Intent,
  { by, since, size }: Pick<Held, 'by' | 'since'> & { readonly size: number | null },
): Held {
  const groupSize = size ?? (intent.guard?.kind === 'held' ? intent.guard.groupSize : undefined);
  const shown = shownTargets(owners, group, intent);
  return { kind: 'held', by, since, ...(groupSize !== undefined && { groupSize }), ...shown };
}

/** The members that the operator is shown. Without an id map, and of a full state, the member has its own name at the target. */
export const shownTargets = (
  { ids }: Owners,
  { target: groupTarget }: Group,
  { target, namedBy }: Intent,
): ShownTargets => ({
  ...(ids !== null && namedBy !== 'target' && target !== null && { target }),
  ...(ids !== null && groupTarget !== null && { groupTarget }),
});

/** The id map names other users, or another group, than the operator was shown: held once more, under another digest. */
export function holdRetargeted(owners: Owners, group: Group): void {
  const { ids } = owners;
  const guarded = ids === null ? [] : decidableIn(group).filter(({ dead }) => dead === null);
  if (ids === null || guarded.length === 0) return;
  identifyGroup(owners, group);
  const again = new Map<Held['by'], Intent[]>();
  for (const pending of guarded) {
    // Under the name that the id map has for the member now, where it is known without asking.
    const target = isHeld(pending) ? knownTarget(ids, pending) : undefined;
    const intent = target === undefined ? pending : { ...pending, target };
    if (!isOfAnotherGroup(group, intent) && !(isHeld(intent) && isRetargeted(intent))) continue;
    const by = isHeld(intent) ? intent.guard.by : 'target_changed';
    const others = again.get(by);
    if (others === undefined) again.set(by, [intent]);
    else others.push(intent);
    group.noteAlias(intent);
  }
  for (const [by, intents] of again) hold(owners, group, { intents, by, snapshot: null });
  if (again.size > 0) owners.settle();
}

/** As the hold says. */
export const targetsOf = ({ guard }: Intent): ShownTargets => ({
  ...(guard?.target !== undefined && { target: guard.target }),
  ...(guard?.groupTarget !== undefined && { groupTarget: guard.groupTarget }),
});

const isOfAnotherGroup = ({ target }: Group, { guard }: Intent): boolean =>
  target !== null && guard?.groupTarget !== undefined && !isSameId(target, guard.groupTarget);

/** After a restore, under the same ids: a hold may never have another report, and the former owner may not have reported it. */
export function reportHeld(owners: Owners, group: Group): void {
  const held = decidableIn(group).filter(isHeld);
  if (held.length === 0) return;
  const digest = digestOf(owners, group);
  for (const intent of held) reportWait(owners, group, heldReportOf(owners, group, intent, digest));
}

/** Of all that is held; an operator may decide about it from now on. */
function digestOf({ sha256 }: Owners, group: Group): string {
  const digest = heldDigest(group.id, decidableIn(group), sha256) ?? '';
  group.partition.digests.note(group, digest);
  return digest;
}

function heldReportOf({ clock }: Owners, group: Group, intent: HeldIntent, digest: string): Report {
  const reason = heldFailure(intent.guard.by, digest);
  const facts = { lag: NO_LAG, groupTarget: group.target, reportedAt: clock.now().wall, request: null, reason };
  return heldReport(intent, facts);
}

/** An operator decides, or has decided, about them. */
export const decidableIn = ({ members }: Group): Intent[] =>
  [...members.decidable].flatMap(({ pending }) => pending ?? []);

/** What the guard counts besides the removals of this group that are pending. */
export function removedInWindow({ partitions, clock }: Owners, group: Group): RemovedInWindow {
  const now = clock.now();
  let ofOwner = 0;
  for (const partition of partitions) {
    partition.removals.expire(now);
    ofOwner += partition.removals.countBeside(partition === group.partition ? group.id : null);
  }
  return { ...group.partition.removals.removedOf(group.id), ofOwner };
}

/** Each minute: what has left the window leaves memory and the retry topic, also where nothing is removed any more. */
export function dropOldRemovals({ partitions, clock, settle }: Owners): void {
  for (const { removals } of partitions) {
    removals.expire(clock.now());
    if (removals.isDue) settle();
  }
}

/** Of the group, all but those that wait for an operator: neither tried for the last time, nor accepted by the target. */
export const pendingRemovals = (group: Group): Intent[] =>
  [...group.members.guarded].flatMap(({ pending }) => (pending !== null && isTried(group, pending) ? [pending] : []));

/** Until they have taken effect, or the group is not in flight any more. */
export function reserveRemovals(run: Run, snapshot: Membership): void {
  const { group } = run;
  const { removals: window } = group.partition;
  if (run.reservedUnseen === null) {
    const isLeft = (intent: Intent): boolean => isStillDue(group, intent) && isTried(group, intent);
    const { count, unseenCount } = removalsOfRun(run.due, snapshot, isLeft);
    run.noteReserved(unseenCount);
    window.reserve(group.id, { count, size: snapshot.members.size + unseenCount });
    // What lands leaves it by itself.
  } else window.resize(group.id, snapshot.members.size + run.reservedUnseen);
}
