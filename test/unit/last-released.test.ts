import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Delta, FullState } from '../../src/core/change/change.ts';
import { LastReleased, type Occurrence } from '../../src/ingest/topic/reorder.ts';

const header = { group: 'g', eventId: null, occurredAt: null };
const adding = (...add: string[]): Delta => ({ kind: 'delta', ...header, add, remove: [] });
const removing = (...remove: string[]): Delta => ({ kind: 'delta', ...header, add: [], remove });
const state = (...members: string[]): FullState => ({ kind: 'state', ...header, members, deleted: false });
const certain = (at: number, partition = 0): Occurrence => ({ at, partition, isCertain: true });
const guessed = (at: number, partition = 0): Occurrence => ({ at, partition, isCertain: false });

function aMemory(): LastReleased {
  return new LastReleased(100);
}

test('an older change of the same member is superseded, and names the newer one', () => {
  const memory = aMemory();
  memory.judge(removing('m'), certain(20));
  expect(memory.judge(adding('m'), certain(10))).toEqual({
    event: null,
    superseded: ['m'],
    newestAt: 20,
    uncertainCount: 0,
  });
});

test('only the members that are concerned are left out', () => {
  const memory = aMemory();
  memory.judge(removing('m'), certain(20));
  const { event, superseded } = memory.judge(adding('m', 'n'), certain(10));
  expect(event).toMatchObject({ add: ['n'], remove: [] });
  expect(superseded).toEqual(['m']);
});

test('other groups and newer changes go on as they are', () => {
  const memory = aMemory();
  memory.judge(removing('m'), certain(20));
  expect(memory.judge({ ...adding('m'), group: 'other' }, certain(10)).superseded).toEqual([]);
  expect(memory.judge(adding('m'), certain(30)).superseded).toEqual([]);
});

test('two spellings of a UUID are one group, and one member', () => {
  const [upper, lower] = ['0FBD1A2E-7C4B-4D5E-9F60-AABBCCDDEEFF', '0fbd1a2e-7c4b-4d5e-9f60-aabbccddeeff'];
  const memory = aMemory();
  memory.judge(removing(lower), certain(20));
  expect(memory.judge(adding(upper, 'n'), certain(10))).toMatchObject({ event: { add: ['n'] }, superseded: [upper] });
  memory.judge({ ...removing('m'), group: lower }, certain(20));
  expect(memory.judge({ ...adding('m'), group: upper }, certain(10)).event).toBeNull();
  memory.judge({ ...state('m'), group: upper }, certain(40));
  expect(memory.judge({ ...adding('o'), group: lower }, certain(30)).event).toBeNull();
  expect(memory.judge({ ...state('o'), group: lower }, certain(35)).event).toBeNull();
});

test('of one event that names a member twice, the removal is remembered', () => {
  const [upper, lower] = ['0FBD1A2E-7C4B-4D5E-9F60-AABBCCDDEEFF', '0fbd1a2e-7c4b-4d5e-9f60-aabbccddeeff'];
  const memory = aMemory();
  memory.judge({ ...adding(upper), remove: [lower] }, certain(20));
  expect(memory.judge(adding(lower), certain(10)).superseded).toEqual([lower]);
  expect(memory.judge(removing(lower), certain(10)).superseded).toEqual([]);
});

test('where one of both does not say when it happened, the order of arrival stands', () => {
  const memory = aMemory();
  memory.judge(removing('m'), guessed(20));
  expect(memory.judge(adding('m'), certain(10))).toMatchObject({ superseded: [], uncertainCount: 1 });
  // After that nothing is certain any more, and still less is dropped.
  expect(memory.judge(removing('m'), certain(15))).toMatchObject({ superseded: [], uncertainCount: 1 });
});

test('of the very same time, the order is known within a partition only', () => {
  const memory = aMemory();
  memory.judge(removing('m'), certain(20, 0));
  expect(memory.judge(adding('m'), certain(20, 0)).uncertainCount).toBe(0);
  expect(memory.judge(removing('m'), certain(20, 1))).toMatchObject({ superseded: [], uncertainCount: 1 });
});

test('to want the same again is harmless, and does not make the newer one look older', () => {
  const memory = aMemory();
  memory.judge(removing('m'), certain(20));
  expect(memory.judge(removing('m'), certain(10))).toMatchObject({ superseded: [], uncertainCount: 0 });
  expect(memory.judge(adding('m'), certain(15)).superseded).toEqual(['m']);
});

test('a full state covers every member of its group, and is covered by any later change of it', () => {
  const memory = aMemory();
  memory.judge(state('a'), certain(20));
  expect(memory.judge(adding('b'), certain(10)).superseded).toEqual(['b']);
  memory.judge(adding('c'), certain(30));
  expect(memory.judge(state('a', 'b'), certain(25))).toMatchObject({ event: null, superseded: ['g'], newestAt: 30 });
});

test('an event without members goes on', () => {
  expect(aMemory().judge(adding(), certain(10)).event).toMatchObject({ add: [], remove: [] });
});

test('what goes on comes to what the times say, in whatever order it comes', () => {
  const changes = fc.uniqueArray(
    fc.record({ at: fc.integer({ min: 1, max: 1_000 }), op: fc.constantFrom('add', 'remove'), member: fc.nat(3) }),
    { selector: ({ at }) => at, maxLength: 20 },
  );
  fc.assert(
    fc.property(changes, (list) => {
      const memory = aMemory();
      const found = new Map<number, string>();
      for (const { at, op, member } of list) {
        const event = op === 'add' ? adding(`m${member}`) : removing(`m${member}`);
        if (memory.judge(event, certain(at)).event !== null) found.set(member, op);
      }
      const wanted = new Map(list.toSorted((a, b) => a.at - b.at).map(({ member, op }) => [member, op]));
      expect(found).toEqual(wanted);
    }),
  );
});

test('it remembers the latest, and forgets what is older than twice as many', () => {
  const memory = new LastReleased(6);
  const superseded = (member: string): boolean => memory.judge(adding(member), certain(10)).event === null;
  for (const member of ['a', 'b', 'c', 'd', 'e']) memory.judge({ ...removing(member), group: 'g' }, certain(20));
  expect(superseded('a')).toBe(true);
  for (let index = 0; index < 12; index += 1) memory.judge(removing(`m${index}`), certain(20));
  expect(superseded('m11')).toBe(true);
  expect(superseded('a')).toBe(false);
});
