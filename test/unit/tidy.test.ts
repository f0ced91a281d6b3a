/** A group is forgotten when nothing of it is left, and not before: met again, it is another object. */
import { describe, expect, test } from 'vitest';
import { afterTakeover } from '../../src/core/target/doubt.ts';
import { groupOf, tidyGroup } from '../../src/pipeline/state/partitions.ts';
import type { Group } from '../../src/pipeline/state/group.ts';
import { GroupQueue } from '../../src/pipeline/state/group-queue.ts';
import { aPartition } from '../support/a-partition.ts';
import { atOffset } from '../support/an-intent.ts';
import { ManualClock } from '../support/manual-clock.ts';

const LATE_APPLY_MS = 5_000;
const WORKED_OUT = atOffset(1n);

function anOwner() {
  const queue = new GroupQueue();
  const clock = new ManualClock();
  const partition = aPartition();
  const group = groupOf({ ids: null }, partition, 'g');
  let dispatches = 0;
  const owners = { queue, clock, dispatch: () => void (dispatches += 1) };
  const isKept = (): boolean => {
    tidyGroup(owners, group);
    return partition.groups.has('g');
  };
  return { queue, clock, partition, group, isKept, dispatches: () => dispatches };
}

describe('a group', () => {
  test('of which nothing is left is forgotten, and is in no queue any more', () => {
    const { queue, group, isKept } = anOwner();
    queue.makeReady(group, { class: 'add', since: 1, now: 1 });
    queue.wake(group, 1);
    expect([isKept(), queue.waitingCount, queue.readyCount]).toEqual([false, 0, 0]);
  });

  test.each<[string, (group: Group, queue: GroupQueue) => void, (group: Group, queue: GroupQueue) => void]>([
    ['has a member', (group) => group.members.obtain('u'), (group) => group.tidyMember('u')],
    ['is in flight, or about to be', (group, queue) => queue.lock(group), (group, queue) => queue.unlock(group)],
    [
      'waits to be written',
      (group) => group.partition.toWrite.add(group),
      (group) => group.partition.toWrite.delete(group),
    ],
    [
      'has a live record and a report on their way',
      (group) => {
        group.partition.noteReportDue(group);
        group.partition.noteReportDue(group);
        group.partition.noteReportAcknowledged(group);
      },
      (group) => group.partition.noteReportAcknowledged(group),
    ],
    [
      'has a full state that is not accounted for',
      (group) => group.beginExpansion(WORKED_OUT),
      (group) => group.endExpansion(WORKED_OUT),
    ],
    [
      'remembers what is final of a user whose other name is not known',
      (group) =>
        group.partition.finals.note(group, { target: 'u', member: 'u', op: 'add', source: atOffset(1n).source }),
      (group) => {
        group.partition.finals.retain(group, () => false);
        group.partition.finals.noteRecorded(group, []);
      },
    ],
  ])('that %s is kept until it has not', (_, begin, end) => {
    const { queue, group, isKept } = anOwner();
    begin(group, queue);
    expect(isKept()).toBe(true);
    end(group, queue);
    expect(isKept()).toBe(false);
  });

  test('in doubt is kept until a late request can no longer land, and looked at then', async () => {
    const { queue, clock, group, isKept, dispatches } = anOwner();
    group.noteNoAnswer({ ifMatch: '"1"', sentAtMs: clock.now().monotonic }, LATE_APPLY_MS);
    expect(isKept()).toBe(true);
    expect(queue.wakeAt(group)).toBe(clock.now().wall + LATE_APPLY_MS);
    // The dispatcher waits for it.
    expect(dispatches()).toBe(1);
    await clock.advance(LATE_APPLY_MS);
    expect([isKept(), queue.waitingCount]).toEqual([false, 0]);
  });

  test('in the doubt of its partition is forgotten: met again, it is given it again', () => {
    const { clock, partition, group: before, isKept } = anOwner();
    partition.doubtFormerOwner(afterTakeover(clock.now().monotonic, LATE_APPLY_MS));
    partition.remove(before);
    const group = groupOf({ ids: null }, partition, 'g');
    tidyGroup({ queue: new GroupQueue(), clock, dispatch: () => undefined }, group);
    expect(partition.groups.size).toBe(0);
    expect(groupOf({ ids: null }, partition, 'g').doubt).toBe(partition.takeoverDoubt);
    expect(isKept()).toBe(true);
  });

  test('of which nothing is left is meant by no digest, and no removals of it wait for additions', () => {
    const { partition, group, isKept } = anOwner();
    partition.digests.note(group, 'digest');
    const { source } = atOffset(1n, {});
    partition.unresolved.expanded('g', source, { added: ['u'], awaited: [], hasRemovals: true });
    expect(partition.unresolved.removalsOf('g')).not.toBeNull();
    expect(isKept()).toBe(false);
    expect([partition.digests.size, partition.unresolved.removalsOf('g')]).toEqual([0, null]);
  });

  test('that is not the one of its id any more leaves the other one alone', () => {
    const { partition, group, isKept } = anOwner();
    partition.remove(group);
    const other = groupOf({ ids: null }, partition, 'g');
    expect(isKept()).toBe(true);
    expect(partition.groups.get('g')).toBe(other);
  });
});

test('names of an id map go with their members, the others of the same target stay', () => {
  const { group } = anOwner();
  for (const [member, target] of [
    ['a', 't'],
    ['b', 't'],
    ['a', 'corrected'],
  ] as const)
    group.noteAlias(atOffset(1n, { member, target }));
  for (const member of ['a', 'b']) group.members.obtain(member).replace(atOffset(1n, { member, target: 't' }));
  expect(group.aliasesPending({ member: 'c', target: 't' })).toEqual(['a', 'b']);
  group.aliases?.forget('a');
  expect(group.aliasesPending({ member: 'c', target: 't' })).toEqual(['b']);
  group.aliases?.forget('b');
  expect([group.aliasesPending({ member: 'c', target: 't' }), group.aliases?.size]).toEqual([[], 0]);
});
