import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ID_LENGTH_MAX, idProblem, intentId, intentsOf } from '../../src/core/change.ts';
import { validId } from '../support/an-intent.ts';

const source = { topic: 't', partition: 2, offset: 42n, eventId: 'e', timestamp: 5 };
const event = (add: readonly string[], remove: readonly string[]) => ({ group: 'g', add, remove, eventId: 'e' });

describe('the intents of an event', () => {
  test('are one per member; a member in both lists is removed', () => {
    const members = fc.array(fc.constantFrom('a', 'b', 'A', ' a', 'c'));
    fc.assert(
      fc.property(members, members, (add, remove) => {
        const intents = intentsOf(event(add, remove), source, 9);
        const ops = new Map(intents.map(({ member, op }) => [member, op]));
        expect(ops.size).toBe(intents.length);
        const expected = new Map<string, string>();
        for (const member of add) expected.set(member, 'add');
        for (const member of remove) expected.set(member, 'remove');
        expect(ops).toEqual(expected);
      }),
    );
  });

  test('are untried, due at once, and know where they come from', () => {
    expect(intentsOf(event(['m'], []), source, 9)).toEqual([
      {
        group: 'g',
        member: 'm',
        op: 'add',
        source,
        attempt: 0,
        conflicts: 0,
        notBefore: 0,
        firstSeenAt: 9,
        dead: null,
        waits: null,
      },
    ]);
  });

  test('of an event without members are none', () => {
    expect(intentsOf(event([], []), source, 9)).toEqual([]);
  });

  test('have ids that follow from the source record alone', () => {
    expect(intentId({ source, member: 'a/b' })).toBe('t/2/42/a/b');
  });
});

describe('an id', () => {
  test.each([
    ['', 'empty_id'],
    ['a\u0000', 'control_character'],
    ['\n', 'control_character'],
    ['\u007f', 'control_character'],
    ['\u0085', 'control_character'],
    ['x'.repeat(ID_LENGTH_MAX + 1), 'id_too_long'],
    ['👩'.repeat(129), 'id_too_long'],
    ['x'.repeat(ID_LENGTH_MAX), null],
    ['👩'.repeat(128), null],
    [' ', null],
    ['\u200d', null],
  ])('%j: %s', (id, problem) => {
    expect(idProblem(id)).toBe(problem);
  });

  test('is otherwise anything', () => {
    fc.assert(fc.property(validId(), (id) => idProblem(id) === null));
  });
});
