/** When a live record is written again because it may say less. */
import { expect, test } from 'vitest';
import { WHOLE_GROUP } from '../../src/core/change/change.ts';
import { GroupQueue } from '../../src/pipeline/state/group-queue.ts';
import { Lease } from '../../src/pipeline/state/ownership.ts';
import { Partitions, groupOf } from '../../src/pipeline/state/partitions.ts';
import { goesOn as groupGoesOn } from '../../src/pipeline/settle/live-records.ts';
import type { Group } from '../../src/pipeline/state/group.ts';
import type { Owners } from '../../src/pipeline/state/owners.ts';
import { MEMBERS_PER_PATCH, aPartition, readToGoal } from '../support/a-partition.ts';
import { atOffset } from '../support/an-intent.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

const PIECE = 4 * MEMBERS_PER_PATCH;
const NAMES = Array.from({ length: 32 * PIECE }, (_, i) => `m${i}`);

/** Its record keeps a full state of so many names. */
function aGroup(nameCount: number): Group {
  const group = groupOf({ ids: null }, aPartition(), 'g');
  const whole = { members: NAMES.slice(0, nameCount), deleted: false };
  const state = atOffset(1n, { op: 'state', member: WHOLE_GROUP, attempt: 1, whole });
  group.members.obtain(WHOLE_GROUP).noteRecorded(nameCount === 0 ? null : state);
  return group;
}

const goesOn = (): boolean => true;

function reported(group: Group, count: number): readonly Group[] {
  for (let i = 0; i < count; i += 1) group.partition.toWrite.addInTime(group);
  return [...group.partition.toWrite.due(goesOn)];
}

test('a short record is written after each report', () => {
  const group = aGroup(0);
  expect(reported(group, 1)).toEqual([group]);
});

test('a record of a full state in pieces is written once half a piece has left', () => {
  const group = aGroup(NAMES.length);
  group.members.obtain('next').replace({ ...atOffset(1n, { member: 'next' }), waits: 'record' });
  expect(group.partition.toWrite.pieceMax(group)).toBe(2 * PIECE);
  expect(reported(group, PIECE - 1)).toEqual([]);
  expect(group.partition.toWrite.has(group)).toBe(true);
  expect(reported(group, 1)).toEqual([group]);
});

test('a record of many parked changes is written once a quarter of it has changed', () => {
  const group = aGroup(0);
  for (const member of NAMES) group.members.obtain(member).noteRecorded(atOffset(1n, { member, attempt: 1 }));
  expect(reported(group, NAMES.length / 4 - 1)).toEqual([]);
  expect(reported(group, 1)).toEqual([group]);
});

test('a long record is written as soon as its group has nothing more to do', () => {
  const group = aGroup(NAMES.length);
  expect(reported(group, 1)).toEqual([]);
  expect([...group.partition.toWrite.due(() => false)]).toEqual([group]);
});

test('a long record that has something new to say is written, once', () => {
  const group = aGroup(NAMES.length);
  reported(group, 1);
  group.partition.toWrite.add(group);
  expect(reported(group, 1)).toEqual([group]);
  group.partition.toWrite.delete(group);
  expect(group.partition.toWrite.size).toBe(0);
});

test.each<[string, boolean, (owners: Owners) => void]>([
  ['is in flight', true, ({ queue }) => queue.lock({ id: 'g' })],
  ['waits for its turn', true, () => undefined],
  ['waits for its turn, and the instance is asked to stop', false, ({ lease }) => lease.end()],
  ['waits for its turn, and the instance joins its group again', false, ({ lease }) => lease.joining()],
])('a group that %s goes on: %s', (_, expected, change) => {
  const group = aGroup(0);
  const { partition } = group;
  readToGoal(partition);
  for (const phase of ['restoring', 'catching_up', 'running'] as const) partition.move(phase);
  const clock = new ManualClock(1);
  const [lease, partitions, queue] = [new Lease(clock, 1_000), new Partitions(), new GroupQueue()];
  partitions.add(partition);
  lease.joining();
  lease.assigned({ memberId: 'm', partitions: [0], partitionCount: 1 });
  queue.makeReady(group, { class: 'add', since: 1, now: 1 });
  const breaker = stubOf<Owners['breaker']>({ lets: () => true });
  const owners = stubOf<Owners>({ lease, partitions, queue, clock, breaker });
  change(owners);
  expect(groupGoesOn(owners, group)).toBe(expected);
});
