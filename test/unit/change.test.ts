import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Delta,
  type FullState,
  ID_LENGTH_MAX,
  idProblem,
  intentId,
  isId,
  isStoredId,
  pathPart,
  WHOLE_GROUP,
} from '../../src/core/change/change.ts';
import { intentsOf } from '../../src/core/change/pending.ts';
import { validId } from '../support/an-intent.ts';

const source = { topic: 't', partition: 2, offset: 42n, index: null, eventId: 'e', timestamp: 5 };
const header = { group: 'g', eventId: 'e', occurredAt: null };
const event = (add: readonly string[], remove: readonly string[]): Delta => ({ ...header, kind: 'delta', add, remove });
const state = (members: readonly string[], deleted = false): FullState => ({
  ...header,
  kind: 'state',
  members,
  deleted,
});

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
        whole: null,
        target: 'm',
        dead: null,
        waits: null,
        guard: null,
      },
    ]);
  });

  test('of an event without members are none', () => {
    expect(intentsOf(event([], []), source, 9)).toEqual([]);
  });

  test('have ids that follow from the source record alone', () => {
    expect(intentId({ source, member: 'a/b' })).toBe('t/2/42/a/b');
    expect(intentId({ source: { ...source, index: 0 }, member: 'a/b' })).toBe('t/2/42.0/a/b');
  });
});

describe('the intent of a full state', () => {
  test.each([
    ['of some members', state(['a', 'b'])],
    ['without members', state([])],
    ['of a deleted group', state([], true)],
  ])('%s is one about the group as a whole, which no request can name', (_, event) => {
    const [intent, ...others] = intentsOf(event, source, 9);
    expect(others).toEqual([]);
    const { members, deleted } = event;
    expect(intent).toMatchObject({ op: 'state', member: WHOLE_GROUP, whole: { members, deleted }, target: null });
    expect(intent).toMatchObject({ group: 'g', source, attempt: 0, notBefore: 0, firstSeenAt: 9, guard: null });
  });

  test('has the id of its event, with no member', () => {
    expect(intentId({ source, member: WHOLE_GROUP })).toBe('t/2/42');
    expect(intentId({ source: { ...source, index: 3 }, member: WHOLE_GROUP })).toBe('t/2/42.3');
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
    expect(isId(id)).toBe(problem === null);
  });

  test.each(['.', '..'])('is none where a path would lead elsewhere: %j', (id) => {
    expect(idProblem(id)).toBe('unsafe_id');
    expect(isId(id)).toBe(false);
    expect(pathPart(id)).not.toBe(id);
    expect(idProblem(`${id}a`)).toBeNull();
    // A live record that an older version wrote stays readable.
    expect(isStoredId(id)).toBe(true);
  });

  test.each(['\uD800', 'a\uDFFF', '\uDC00\uD800'])('is none where it has no UTF-8 form: %j', (id) => {
    expect(isId(id)).toBe(false);
    expect(() => encodeURIComponent(id)).toThrow(URIError);
  });

  test('is otherwise anything', () => {
    fc.assert(fc.property(validId(), (id) => idProblem(id) === null && isId(id)));
  });
});
