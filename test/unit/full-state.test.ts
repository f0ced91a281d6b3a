/** What a full state comes to, member by member (protocol.md 5.3). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Intent, intentId, WHOLE_GROUP } from '../../src/core/change/change.ts';
import { additionsOf, expand, passageOf, type Standing, waitsForAdditions } from '../../src/core/group/full-state.ts';
import { afterPatch, plan, type Snapshot } from '../../src/core/target/snapshot.ts';
import { resolved, type Resolved, type SureResolution } from '../../src/core/ids/resolution.ts';
import { aSnapshot, versioned } from '../support/a-snapshot.ts';
import { anIntent } from '../support/an-intent.ts';

const showing = (...members: string[]): Snapshot => aSnapshot(members);
const stateOf = (members: readonly string[], deleted = false): Intent =>
  anIntent({
    op: 'state',
    member: WHOLE_GROUP,
    whole: { members, deleted },
    firstSeenAt: 9,
    source: { offset: 42n, index: 1, eventId: 'e' },
  });

const itself = (member: string): Resolved => ({ target: member, canJoin: true });
const nothingNewer = (): null => null;
const expanded = (state: Intent, snapshot: Snapshot, standing: Partial<Standing> = {}) =>
  expand(state, { snapshot, resolve: itself, newerFor: nothingNewer, ...standing });
const operationsOf = ({ intents }: { intents: readonly Intent[] }) =>
  intents.map(({ op, member, target }) => `${op} ${member}${target === member ? '' : ` as ${target}`}`).toSorted();

describe('a full state', () => {
  test('adds whom it names and does not find, and removes whom it does not name', () => {
    const expansion = expanded(stateOf(['a', 'b', 'a']), showing('b', 'c'));
    expect(operationsOf(expansion)).toEqual(['add a', 'remove c']);
    expect(expansion.heldBy).toBeNull();
  });

  test('comes to nothing where the group is so already', () => {
    expect(expanded(stateOf(['a', 'b']), showing('b', 'a'))).toEqual({
      intents: [],
      heldBy: null,
      awaited: [],
    });
  });

  test('keeps an inactive member who is in the group, and adds none who is not', () => {
    const inactive = (member: string): Resolved => ({ target: `u-${member}`, canJoin: false });
    const expansion = expanded(stateOf(['a', 'b']), showing('u-a'), { resolve: inactive });
    expect(operationsOf(expansion)).toEqual(['add b as null']);
  });

  test('gives what it comes to its own position, and sends none of it before it is recorded', () => {
    const state = stateOf(['a']);
    const { intents } = expanded(state, showing('c'));
    const shared = { group: 'g', source: state.source, firstSeenAt: 9, attempt: 0, notBefore: 0, whole: null };
    for (const intent of intents) expect(intent).toMatchObject({ ...shared, waits: 'record', guard: null, dead: null });
    expect(intents.map(intentId)).toEqual(['t/0/42.1/a', 't/0/42.1/c']);
  });

  test('names whom it removes as the target does, and whom it adds as the source does', () => {
    const { intents } = expanded(stateOf(['a']), showing('c'));
    expect(intents.map(({ member, namedBy }) => [member, namedBy])).toEqual([
      ['a', undefined],
      ['c', 'target'],
    ]);
  });

  test('leaves to newer changes whom they speak for', () => {
    const newer = new Map([
      ['a', anIntent({ member: 'a', source: { offset: 43n } })],
      ['c', anIntent({ member: 'c', source: { offset: 43n } })],
      ['e', anIntent({ member: 'e', op: 'remove', source: { offset: 43n } })],
    ]);
    const newerFor = (member: string): Intent | null => newer.get(member) ?? null;
    const expansion = expanded(stateOf(['a', 'b', 'e']), showing('c', 'd'), { newerFor });
    expect(operationsOf(expansion)).toEqual(['add b', 'remove d']);
    // Whom it names, and something newer adds, is awaited as its own additions are.
    expect(expansion.awaited).toEqual(['a']);
  });

  test.each([
    ['a deleted group', stateOf([], true), 'group_deleted'],
    ['an empty one', stateOf([]), 'empty_state'],
  ])('of %s has its removals held whatever their number', (_, state, heldBy) => {
    const expansion = expanded(state, showing('c'));
    expect([operationsOf(expansion), expansion.heldBy]).toEqual([['remove c'], heldBy]);
    expect(expanded(state, showing())).toEqual({ intents: [], heldBy, awaited: [] });
  });

  test('is not held by itself for as little as one member', () => {
    expect(expanded(stateOf(['a']), showing('b', 'c', 'd')).heldBy).toBeNull();
  });
});

describe('a full state in names of the source', () => {
  const table: Readonly<Record<string, SureResolution>> = {
    ada: { kind: 'found', id: 'u-1', isActive: true },
    countess: { kind: 'found', id: 'u-1', isActive: true },
    bob: { kind: 'found', id: 'u-2', isActive: true },
    gone: { kind: 'missing' },
    stranger: { kind: 'unmapped' },
    smith: { kind: 'ambiguous' },
  };
  const resolve = (member: string): Resolved => resolved(table[member] ?? { kind: 'missing' });
  const mapped = (members: readonly string[], snapshot: Snapshot, newer: readonly string[] = []) =>
    expanded(stateOf(members), snapshot, {
      resolve,
      newerFor: (member, target) =>
        newer.includes(member) || (target !== null && newer.includes(target))
          ? anIntent({ member, source: { offset: 43n } })
          : null,
    });

  test('is compared with the group by what the target calls them', () => {
    expect(operationsOf(mapped(['ada', 'bob'], showing('u-2', 'u-3')))).toEqual(['add ada as u-1', 'remove u-3']);
  });

  test('removes no member that it names under another name', () => {
    expect(mapped(['countess', 'ada'], showing('u-1')).intents).toEqual([]);
    expect(operationsOf(mapped(['countess'], showing('u-1', 'u-2')))).toEqual(['remove u-2']);
  });

  test('leaves to a newer change whom it speaks for, under either name', () => {
    expect(operationsOf(mapped(['ada'], showing('u-2'), ['ada', 'u-2']))).toEqual([]);
    expect(operationsOf(mapped(['ada'], showing('u-2'), ['u-1']))).toEqual(['remove u-2']);
  });

  test.each(['gone', 'stranger', 'smith'])('waits with the add of %s, who is not known', (member) => {
    const expansion = mapped(['ada', member], showing('u-3'));
    expect(operationsOf(expansion)).toEqual(['add ada as u-1', `add ${member} as null`, 'remove u-3']);
  });
});

describe('the removals of a full state', () => {
  const at = { offset: 42n };
  const own = (member: string, parts: Partial<Intent> = {}): Intent => anIntent({ ...parts, member, source: at });
  const newer = (member: string, parts: Partial<Intent> = {}): Intent =>
    anIntent({ ...parts, member, source: { offset: 50n } });
  const removal = anIntent({ member: 'r', op: 'remove', namedBy: 'target', source: at });
  const dead = { at: 1, reason: 'rejected' } as const;
  const isUnresolved = true;
  const judged = (pending: readonly Intent[], awaited: readonly string[] = [], accepted: readonly string[] = []) => {
    const byName = new Map([removal, ...pending].map((intent) => [intent.member, intent]));
    const additions = additionsOf(byName, removal.source, awaited);
    return [passageOf(additions, new Set(accepted)), additions.unresolved];
  };

  test.each<[string, readonly Intent[], readonly string[], readonly string[], unknown]>([
    ['go where nothing is to be added', [], [], [], ['go', []]],
    ['wait for an addition that is not sent yet', [own('a')], [], [], ['wait', []]],
    ['wait for one that has failed for a reason of the target', [own('a', { attempt: 2 })], [], [], ['wait', []]],
    ['wait for one beside an unknown member', [own('a'), own('b', { isUnresolved })], [], [], ['wait', ['b']]],
    ['are held for an unknown member', [own('a', { isUnresolved })], [], [], ['hold', ['a']]],
    ['are held for one that was given up', [own('a', { dead })], [], [], ['hold', ['a']]],
    ['are held for one of whom no intent is left', [], ['a'], [], ['hold', ['a']]],
    [
      'go where an operator has accepted all unknown ones',
      [own('a', { dead })],
      ['b'],
      ['a', 'b', 'c'],
      ['go', ['b', 'a']],
    ],
    ['are held where another one is unknown', [own('a', { dead })], ['b'], ['a'], ['hold', ['b', 'a']]],
    ['wait for a newer addition of a member whom the state names', [newer('a')], ['a'], [], ['wait', []]],
    ['are held where that is refused', [newer('a', { isUnresolved })], ['a'], [], ['hold', ['a']]],
    ['do not wait for what is newer and about another member', [newer('a')], [], [], ['go', []]],
    ['do not wait for additions of an older event', [anIntent({ member: 'a' })], [], [], ['go', []]],
  ])('%s', (...[, pending, awaited, accepted, expected]) => {
    expect(judged(pending, awaited, accepted)).toEqual(expected);
  });

  test('wait unless an operator has approved them; other removals do not', () => {
    const guard = { kind: 'approved', digest: 'd', author: 'jane', reason: null, at: 1 } as const;
    expect([removal, { ...removal, guard }, own('x', { op: 'remove' })].map(waitsForAdditions)).toEqual([
      true,
      false,
      false,
    ]);
  });
});

test('a nested group is left where it is, and stays where it is named', () => {
  const snapshot = aSnapshot(['a', 'b', 'inner'], { nested: new Set(['inner']) });
  for (const members of [['a'], ['a', 'inner']]) {
    const { intents } = expanded(stateOf(members), snapshot);
    expect(intents.map(({ op, member }) => `${op} ${member}`)).toEqual(['remove b']);
  }
});

describe('in every case', () => {
  const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
  const some = fc.subarray(NAMES);

  test('carried out, the group has exactly the members that the state names, but for those of newer changes', () => {
    fc.assert(
      fc.property(some, some, some, (members, there, newer) => {
        const snapshot = showing(...there);
        const { intents } = expanded(stateOf(members), snapshot, {
          newerFor: (member) => (newer.includes(member) ? anIntent({ member, source: { offset: 43n } }) : null),
        });
        const after = afterPatch(snapshot, plan(intents, snapshot).todo, versioned('"8"')).members;
        for (const name of NAMES) {
          expect([name, after.has(name)]).toEqual([name, (newer.includes(name) ? there : members).includes(name)]);
        }
        // Nothing is asked for that is so already, and nothing twice.
        expect(plan(intents, snapshot).noop).toEqual([]);
        expect(new Set(intents.map(({ member }) => member)).size).toBe(intents.length);
      }),
      { numRuns: 500 },
    );
  });

  test('no member is removed for whom a name of the state may stand, unless an operator agrees', () => {
    const resolution = fc.oneof(
      fc.constantFrom('a', 'b', 'c').map((id) => ({ kind: 'found' as const, id, isActive: true })),
      fc.constantFrom<SureResolution>({ kind: 'missing' }, { kind: 'unmapped' }, { kind: 'ambiguous' }),
    );
    const names = fc.dictionary(fc.constantFrom('n1', 'n2', 'n3'), resolution);
    fc.assert(
      fc.property(names, some, (names, there) => {
        const state = stateOf(Object.keys(names));
        const { intents, heldBy } = expanded(state, showing(...there), {
          resolve: (member) => resolved(names[member] ?? { kind: 'missing' }),
        });
        const removed = intents.filter(({ op }) => op === 'remove').map(({ target }) => target);
        for (const each of Object.values(names)) {
          if (each.kind === 'found') expect(removed).not.toContain(each.id);
        }
        // As they are parked, without a name at the target.
        const parked = intents.map((intent) =>
          intent.target === null ? { ...intent, isUnresolved: true as const } : intent,
        );
        const landed = parked.filter(({ op, target }) => op === 'remove' || target === null);
        const pending = new Map(landed.map((intent) => [intent.member, intent]));
        const isUnknown = Object.values(names).some(({ kind }) => kind !== 'found');
        const passage = passageOf(additionsOf(pending, state.source, []), new Set());
        if (removed.length > 0 && heldBy === null) expect(passage).toBe(isUnknown ? 'hold' : 'go');
      }),
    );
  });
});
