/** When a live record is written again because it may say less. */
import { expect, test } from 'vitest';
import { WHOLE_GROUP } from '../../src/core/change/change.ts';
import type { Context } from '../../src/pipeline/context.ts';
import { goesOn as groupGoesOn } from '../../src/pipeline/live-records.ts';
import { newState } from '../../src/pipeline/state.ts';
import { groupOf, memberOf } from '../../src/pipeline/partition.ts';
import type { Group } from '../../src/pipeline/group.ts';
import type { State } from '../../src/pipeline/state.ts';
import { aPartition, MEMBERS_PER_PATCH } from '../support/a-partition.ts';
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
  memberOf(group, WHOLE_GROUP).noteRecorded(nameCount === 0 ? null : state);
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
  memberOf(group, 'next').replace({ ...atOffset(1n, { member: 'next' }), waits: 'record' });
  expect(group.partition.toWrite.pieceMax(group)).toBe(2 * PIECE);
  expect(reported(group, PIECE - 1)).toEqual([]);
  expect(group.partition.toWrite.has(group)).toBe(true);
  expect(reported(group, 1)).toEqual([group]);
});

test('a record of many parked changes is written once a quarter of it has changed', () => {
  const group = aGroup(0);
  for (const member of NAMES) memberOf(group, member).noteRecorded(atOffset(1n, { member, attempt: 1 }));
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

test.each<[string, boolean, (state: State) => void]>([
  ['is in flight', true, ({ locks }) => locks.add('g')],
  ['waits for its turn', true, () => undefined],
  ['waits for its turn, and the instance is asked to stop', false, (state) => (state.isDraining = true)],
  ['waits for its turn, and the instance joins its group again', false, (state) => (state.isHalted = true)],
])('a group that %s goes on: %s', (_, expected, change) => {
  const group = aGroup(0);
  const state = newState();
  state.partitions.set(0, group.partition);
  group.partition.phase = 'running';
  const clock = new ManualClock(1);
  state.leaseFrom = clock.now();
  state.isHalted = false;
  state.ready.push(group, { class: 'add', since: 1, now: 1 });
  change(state);
  const options = stubOf<Context['options']>({ leaseMs: 1_000 });
  const breaker = stubOf<Context['breaker']>({ lets: () => true });
  expect(groupGoesOn(stubOf<Context>({ state, clock, options, breaker }), group)).toBe(expected);
});
