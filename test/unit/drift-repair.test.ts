/** Which event repairs a group, and what has to follow it where the source has said something before it. */
import { describe, expect, test } from 'vitest';
import type { ChangeEvent } from '../../src/core/change/change.ts';
import type { Differences } from '../../src/core/drift/differences.ts';
import { correctionOf, repairOf, type RepairOptions } from '../../src/core/drift/repair.ts';

const NONE: Differences = {
  missing: [],
  extra: [],
  undone: [],
  pending: [],
  foreign: [],
  nested: [],
  doubts: [],
  obstacles: [],
  unnamedCount: 0,
};
const unmet = (member: string) => ({ member, target: member, evidence: 'no_report', report: null }) as const;
const undone = (member: string, op: 'add' | 'remove') =>
  ({ member, target: member, op, event: 's/0/1', report: null, reported_at: null }) as const;
const foreign = (target: string) => ({ member: null, target });

const certain = { members: ['u', 'v'], isCertain: true };
const uncertain = { members: ['u', 'v'], isCertain: false };
const byName: RepairOptions = { removesForeign: false, nameOf: (member, target) => member ?? target };
/** With an id map: whom the source has not named has no name. */
const mapped: RepairOptions = { removesForeign: false, nameOf: (member) => member };

describe('the event that repairs a group', () => {
  test('is a delta of exactly what is missing, extra or undone', () => {
    const differences: Differences = {
      ...NONE,
      missing: [unmet('a')],
      extra: [unmet('b')],
      undone: [undone('c', 'add'), undone('d', 'remove')],
      pending: [{ member: 'e', target: 'e', op: 'add', state: 'parked' }],
      foreign: [foreign('f')],
    };
    expect(repairOf(differences, certain, byName)).toEqual({ kind: 'delta', add: ['a', 'c'], remove: ['b', 'd'] });
    expect(repairOf(differences, certain, { ...byName, removesForeign: true })).toEqual({
      kind: 'delta',
      add: ['a', 'c'],
      remove: ['b', 'd', 'f'],
    });
  });

  test('is none where all is on its way or foreign', () => {
    const pending = [{ member: 'e', target: 'e', op: 'add', state: 'parked' }] as const;
    expect(repairOf({ ...NONE, pending, foreign: [foreign('f')] }, certain, byName)).toBeNull();
  });

  test('is a full state where a member who is to leave has no name, and no foreign member would leave with it', () => {
    const differences = { ...NONE, undone: [{ ...undone('b', 'remove'), member: null }] };
    expect(repairOf(differences, certain, mapped)).toEqual({ kind: 'state', members: ['u', 'v'] });
    const withForeign = { ...differences, foreign: [foreign('f')] };
    expect(repairOf(withForeign, certain, mapped)).toMatchObject({ kind: 'refused', why: /--remove-foreign/ });
    expect(repairOf(withForeign, certain, { ...mapped, removesForeign: true })).toEqual({
      kind: 'state',
      members: ['u', 'v'],
    });
  });

  test('removes no foreign member, and is no full state, where it is not certain who is wanted', () => {
    const refused = { kind: 'refused', why: expect.stringContaining('--from') };
    const differences = { ...NONE, foreign: [foreign('f')] };
    expect(repairOf(differences, uncertain, { ...byName, removesForeign: true })).toEqual(refused);
    const unnamed = { ...NONE, extra: [{ ...unmet('b'), member: null }] };
    expect(repairOf(unnamed, uncertain, mapped)).toEqual(refused);
    expect(repairOf({ ...NONE, extra: [unmet('b')] }, uncertain, mapped)).toMatchObject({ kind: 'delta' });
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
  const state = (members: readonly string[]): ChangeEvent => ({ ...said, kind: 'state', members, deleted: false });
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
  ])('after a delta: %s', (_, between, correction) => {
    expect(correctionOf(written, between, keyOf)).toEqual(correction);
  });

  test.each<[string, readonly ChangeEvent[], object | null]>([
    ['nothing', [], null],
    ['what says the same', [delta(['A'], ['x'])], null],
    ['another member', [delta(['c'])], { kind: 'state', members: ['a', 'b', 'c'] }],
    ['a member who leaves', [delta([], ['B'])], { kind: 'state', members: ['a'] }],
    ['a full state', [delta(['c']), state(['d'])], { kind: 'state', members: ['d'] }],
  ])('after a full state: %s', (_, between, correction) => {
    expect(correctionOf({ kind: 'state', members: ['a', 'b'] }, between, keyOf)).toEqual(correction);
  });
});
