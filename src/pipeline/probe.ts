/** Whom an open breaker asks, to see whether the target can be worked with again: it sends what a group needs next. */
import type { ProbeCandidate } from '../core/target/breaker.ts';
import { nextProbe } from '../core/target/breaker.ts';
import { isForTarget } from '../core/change/pending.ts';
import type { IdKind } from '../core/ids/resolution.ts';
import { plannableIn } from './full-state-removals.ts';
import { unknownId } from './identify.ts';
import type { Group } from './group.ts';
import { type Owners, isDispatchable } from './owners.ts';

/** `nothing`: it waits for something else, so it can only be read. */
type Need = 'request' | 'nothing' | { readonly kind: IdKind; readonly id: string };

interface Candidate extends ProbeCandidate {
  readonly group: Group;
  readonly need: Need;
}

/** At most as many as the rule needs to know. */
const PENDING_MAX = 3;

/** Groups that have something to ask the target for. */
export function pendingGroupCount(owners: Owners): number {
  let count = 0;
  for (const { need } of candidates(owners)) {
    if (need !== 'nothing') count += 1;
    if (count >= PENDING_MAX) return count;
  }
  return count;
}

/** null: there is nothing to ask for. */
export function chooseProbe(owners: Owners): Candidate | null {
  const { queue, lookUps } = owners;
  const free = [...candidates(owners)].filter(
    ({ group, need }) => !queue.isLocked(group) && !(typeof need === 'object' && lookUps.isAsked(need)),
  );
  const needy = free.filter(({ need }) => need !== 'nothing');
  return nextProbe(needy.length > 0 ? needy : free.filter(({ group }) => group.target !== null));
}

function* candidates(owners: Owners): Iterable<Candidate> {
  const now = owners.clock.now().wall;
  for (const partition of owners.partitions) {
    if (partition.counts.pending === 0 || !isDispatchable(owners, partition)) continue;
    for (const group of partition.groups.values()) {
      const need = needOf(owners, group, now);
      if (need !== null) yield { group, need, failedAt: owners.breaker.failedAt(group) };
    }
  }
}

/** null: nothing of the group is pending. */
function needOf(owners: Owners, group: Group, now: number): Need | null {
  let need: Need | null = null;
  const isPlannable = plannableIn(owners, group);
  for (const { pending } of group.members.values()) {
    if (pending === null || pending.dead !== null) continue;
    need ??= 'nothing';
    if (!isForTarget(pending, now)) continue;
    if (isPlannable(pending)) return 'request';
    need = unknownId(owners, group, pending) ?? need;
  }
  return need;
}
