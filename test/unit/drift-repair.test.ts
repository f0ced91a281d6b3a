/** Which event repairs a group, and what has to follow it where the source has said something before it. */
import { describe, expect, test } from 'vitest';
import type { ChangeEvent } from '../../src/core/change/change.ts';
import { NOTHING_DIFFERS, type Differences, type Unmet, type Wanted } from '../../src/core/drift/differences.ts';
import { correctionOf, leftOf, repairOf, type Repair, type RepairOptions } from '../../src/core/drift/repair.ts';
import type { Membership } from '../../src/core/target/snapshot.ts';

const unmet = (member: string, evidence: Unmet['evidence'] = 'no_report') =>
  ({ member, target: member, evidence, report: null }) as const;
const undone = (member: string, op: 'add' | 'remove') =>
  ({ member, target: member, op, event: 's/0/1', report: null, reported_at: null }) as const;
const pending = (member: string, target: string | null = member) =>
  ({ member, target, op: 'add', state: 'parked' }) as const;
const foreign = (target: string) => ({ member: null, target });

const certain = { members: ['u', 'v'], isCertain: true };
const uncertain = { members: ['u', 'v'], isCertain: false };
const noOne: Wanted = { members: [], isCertain: true };
const byName: RepairOptions = {
  removesForeign: false,
  isDeleted: false,
  nameOf: (member, target) => member ?? target,
};
/** With an id map: whom the source has not named has no name. */
const mapped: RepairOptions = { ...byName, nameOf: (member) => member };
const withForeign = (options: RepairOptions): RepairOptions => ({ ...options, removesForeign: true });
const shown = (members: readonly string[], more: Partial<Membership> = {}): Membership => ({
  members: new Set(members),
  spellings: new Map(),
  nested: new Set(),
  isDoubtful: false,
  ...more,
});
/** More than any of these repairs removes. */
const many = shown(['u', '1', '2', '3', '4', '5']);
const refused = (why: RegExp) => ({ kind: 'refused', why: expect.stringMatching(why) });

describe('the event that repairs a group', () => {
  test('is a delta of exactly what is missing, extra or undone', () => {
    const differences: Differences = {
      ...NOTHING_DIFFERS,
      missing: [unmet('a')],
      extra: [unmet('b')],
      undone: [undone('c', 'add'), undone('d', 'remove')],
      pending: [pending('e')],
      foreign: [foreign('f')],
      nested: ['n'],
    };
    expect(repairOf(differences, certain, many, byName)).toEqual({
      kind: 'delta',
      add: ['a', 'c'],
      remove: ['b', 'd'],
    });
    expect(repairOf(differences, certain, many, withForeign(byName))).toEqual({
      kind: 'delta',
      add: ['a', 'c'],
      remove: ['b', 'd', 'f'],
    });
  });

  test.each(['\uD800', 'f\u0001', '..', 'f'.repeat(257)])(
    'is refused where a foreign member has no usable id: %j',
    (id) => {
      const differences = { ...NOTHING_DIFFERS, extra: [unmet('b')], foreign: [foreign(id)] };
      expect(repairOf(differences, certain, many, withForeign(byName))).toEqual(
        refused(/^Genesys Cloud shows 1 foreign/),
      );
      expect(repairOf(differences, certain, many, byName)).toEqual({ kind: 'delta', add: [], remove: ['b'] });
    },
  );

  test('is none where all is on its way, foreign or a group inside of the group', () => {
    const differences = { ...NOTHING_DIFFERS, pending: [pending('e')], foreign: [foreign('f')], nested: ['n'] };
    expect(repairOf(differences, certain, many, byName)).toBeNull();
    expect(repairOf({ ...NOTHING_DIFFERS, nested: ['n'] }, certain, many, withForeign(byName))).toBeNull();
  });

  test('is a full state where a member who is to leave has no name, and no foreign member would leave with it', () => {
    const differences = { ...NOTHING_DIFFERS, undone: [{ ...undone('b', 'remove'), member: null }] };
    const state = { kind: 'state', members: ['u', 'v'], deleted: false };
    expect(repairOf(differences, certain, many, mapped)).toEqual(state);
    const besideForeign = { ...differences, foreign: [foreign('f')] };
    expect(repairOf(besideForeign, certain, many, mapped)).toEqual(refused(/--remove-foreign/));
    expect(repairOf(besideForeign, certain, many, withForeign(mapped))).toEqual(state);
  });

  test('is an empty full state, which the guard holds whole, where none is wanted', () => {
    const differences = { ...NOTHING_DIFFERS, extra: [unmet('a'), unmet('b')] };
    const state = { kind: 'state', members: [], deleted: false };
    expect(repairOf(differences, noOne, shown(['a', 'b']), byName)).toEqual(state);
    expect(repairOf(differences, noOne, shown(['a', 'b']), { ...byName, isDeleted: true })).toEqual({
      ...state,
      deleted: true,
    });
    const besideForeign = { ...differences, foreign: [foreign('f')] };
    expect(repairOf(besideForeign, noOne, shown(['a', 'b', 'f']), byName)).toEqual(refused(/--remove-foreign/));
    expect(repairOf(besideForeign, noOne, shown(['a', 'b', 'f']), withForeign(byName))).toEqual(state);
  });

  test('leaves a user in the group; groups inside of it are none', () => {
    const differences = { ...NOTHING_DIFFERS, extra: [unmet('a')], nested: ['n'] };
    const group = shown(['a', 'n'], { nested: new Set(['n']) });
    expect(repairOf(differences, certain, group, byName)).toEqual(refused(/no user would stay.*wants 2 members/));
    const joined = { ...differences, missing: [unmet('u')] };
    expect(repairOf(joined, certain, group, byName)).toEqual({ kind: 'delta', add: ['u'], remove: ['a'] });
  });

  test('removes no foreign member, and is no full state, where it is not certain who is wanted', () => {
    const differences = { ...NOTHING_DIFFERS, foreign: [foreign('f')] };
    expect(repairOf(differences, uncertain, many, withForeign(byName))).toEqual(refused(/--from/));
    const unnamed = { ...NOTHING_DIFFERS, extra: [{ ...unmet('b'), member: null }] };
    expect(repairOf(unnamed, uncertain, many, mapped)).toEqual(refused(/--from/));
    expect(repairOf({ ...NOTHING_DIFFERS, extra: [unmet('b')] }, uncertain, many, mapped)).toMatchObject({
      kind: 'delta',
    });
  });

  test('is refused where evidence could not be read', () => {
    const differences = { ...NOTHING_DIFFERS, missing: [unmet('a')], obstacles: ['s/0/7 could not be read', 'more'] };
    expect(repairOf(differences, certain, many, byName)).toEqual(refused(/^s\/0\/7 could not be read; more$/));
    expect(repairOf({ ...NOTHING_DIFFERS, obstacles: ['more'] }, certain, many, byName)).toBeNull();
  });

  test.each<[string, Partial<Differences>]>([
    ['is not known', { unnamedCount: 1 }],
    ['is not known, and waits for that', { pending: [pending('w', null)] }],
  ])('removes none while a member is wanted whose name at the target %s', (_, more) => {
    const differences = { ...NOTHING_DIFFERS, extra: [unmet('b')], ...more };
    expect(repairOf(differences, certain, many, byName)).toEqual(refused(/of 1 member .* add them to the id map/));
    const joining = { ...NOTHING_DIFFERS, missing: [unmet('a')], ...more };
    expect(repairOf(joining, certain, many, byName)).toEqual({ kind: 'delta', add: ['a'], remove: [] });
  });

  test.each<[string, Partial<Differences>, Membership, RegExp]>([
    ['something is pending', { pending: [pending('c')] }, shown(['a']), /replace the 1 change .* pending/],
    ['not all members may be shown', {}, shown(['a'], { isDoubtful: true }), /whom Genesys Cloud does not show/],
    [
      'a member is left',
      { extra: [unmet('a'), unmet('b', 'refused')] },
      shown(['a', 'b']),
      /the members that are left/,
    ],
  ])('is no full state where %s', (_, more, group, why) => {
    const differences = { ...NOTHING_DIFFERS, extra: [unmet('a')], ...more };
    expect(repairOf(differences, noOne, group, byName)).toEqual(refused(why));
    const unnamed = { ...differences, undone: [{ ...undone('z', 'remove'), member: null }] };
    expect(repairOf(unnamed, certain, { ...many, isDoubtful: group.isDoubtful }, mapped)).toEqual(refused(why));
  });

  test('changes no member whose removal was refused, or of whom the source says the opposite', () => {
    const differences = {
      ...NOTHING_DIFFERS,
      missing: [unmet('a'), unmet('b', 'source_says_otherwise')],
      extra: [unmet('c', 'refused'), unmet('d', 'failed'), unmet('e', 'source_says_otherwise')],
    };
    expect(repairOf(differences, certain, many, byName)).toEqual({ kind: 'delta', add: ['a'], remove: ['d'] });
    expect(leftOf(differences)).toEqual([
      { member: 'b', target: 'b', why: expect.stringContaining('the opposite of the file'), isDrift: true },
      { member: 'c', target: 'c', why: expect.stringContaining('operator has refused'), isDrift: false },
      { member: 'e', target: 'e', why: expect.stringContaining('the opposite of the file'), isDrift: true },
    ]);
    const onlyLeft = { ...NOTHING_DIFFERS, extra: [unmet('c', 'refused')] };
    expect(repairOf(onlyLeft, noOne, shown(['c']), byName)).toBeNull();
  });
});

describe('what follows where other events came before it', () => {
  const said = { group: 'g', eventId: null, occurredAt: null } as const;
  const delta = (add: readonly string[], remove: readonly string[] = []): ChangeEvent => ({
    ...said,
    kind: 'delta',
    add,
    remove,
  });
  const state = (members: readonly string[], deleted = false): ChangeEvent => ({
    ...said,
    kind: 'state',
    members,
    deleted,
  });
  const keyOf = (name: string): string => name.toLowerCase();
  const written = { kind: 'delta', add: ['a'], remove: ['b'] } as const;

  test.each<[string, readonly ChangeEvent[], object | null]>([
    ['nothing', [], null],
    ['what says the same', [delta(['A'], ['b'])], null],
    ['changes of others', [delta(['x'], ['y'])], null],
    ['the opposite', [delta([], ['A'])], { kind: 'delta', add: [], remove: ['a'] }],
    ['both, of which the newer counts', [delta(['b']), delta([], ['b'])], null],
    ['in one event, of which the removal counts', [delta(['a'], ['a'])], { kind: 'delta', add: [], remove: ['a'] }],
    ['a full state', [state(['b'])], { kind: 'delta', add: ['b'], remove: ['a'] }],
    ['a full state that says the same', [state(['a', 'x'])], null],
  ])('after a delta: %s', (_, between, repair) => {
    expect(correctionOf(written, between, keyOf)).toEqual(repair === null ? null : { repair, restCount: 0 });
  });

  const ofState = { kind: 'state', members: ['a', 'b'], deleted: false } as const;
  const deltaOf = (add: readonly string[], remove: readonly string[] = []) => ({ kind: 'delta', add, remove });

  test.each<[string, readonly ChangeEvent[], object | null, number]>([
    ['nothing', [], null, 0],
    ['what says the same', [delta(['A'], ['x'])], null, 0],
    ['another member', [delta(['c'])], deltaOf(['c']), 0],
    ['a member who leaves', [delta([], ['B'])], deltaOf([], ['b']), 0],
    ['a full state', [delta(['c']), state(['d'])], { kind: 'state', members: ['d'], deleted: false }, 0],
    ['one that says the same, and a change', [state(['B', 'A']), delta(['c'])], deltaOf(['c']), 0],
    // The addition comes after it, so that the guard holds it as it would have held the first.
    ['an empty one, and a change', [state([]), delta(['c'])], { kind: 'state', members: [], deleted: false }, 1],
    ['that the group is deleted', [state([], true)], { kind: 'state', members: [], deleted: true }, 0],
  ])('after a full state: %s', (_, between, repair, restCount) => {
    expect(correctionOf(ofState, between, keyOf)).toEqual(repair === null ? null : { repair, restCount });
  });

  test('an empty full state stays, and an addition follows it', () => {
    const empty: Repair = { kind: 'state', members: [], deleted: false };
    expect(correctionOf(empty, [delta(['c'])], keyOf)).toEqual({ repair: deltaOf(['c']), restCount: 0 });
  });
});
