/** What is pending of a group by its records, as an instance finds it after a restart. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WHOLE_GROUP, type ChangeEvent, type Intent } from '../../src/core/change/change.ts';
import { KeptIds } from '../../src/core/change/kept-ids.ts';
import { pendingByRecords } from '../../src/core/change/pending-by-records.ts';
import { intentsOf } from '../../src/core/change/pending.ts';
import { FoldedChanges } from '../../src/console/folded-changes.ts';
import { atOffset } from '../support/an-intent.ts';

const add = (offset: bigint, member: string, parts: Partial<Intent> = {}): Intent =>
  atOffset(offset, { member, ...parts, source: undefined as never });
const state = (offset: bigint, parts: Partial<Intent> = {}): Intent =>
  atOffset(offset, {
    op: 'state',
    member: WHOLE_GROUP,
    whole: { members: ['a'], deleted: false },
    ...parts,
    source: undefined as never,
  });
const dead = { at: 1, reason: 'rejected' } as const;

/** `member@offset`. */
function pending(waiting: readonly Intent[], unread: readonly Intent[], complete: readonly bigint[] = []) {
  const found = pendingByRecords({ waiting, unread, isComplete: (offset) => complete.includes(offset) });
  const shown = (intents: Iterable<Intent>): string[] =>
    [...intents].map(({ member, source, dead: end }) => `${member}@${source.offset}${end === null ? '' : ' dead'}`);
  return { pending: shown(found.pending.values()), superseded: shown(found.superseded) };
}

describe('pending by records', () => {
  test('of what waits and what is unread the newest change of a member counts, in either direction', () => {
    expect(pending([add(5n, 'a'), add(9n, 'b')], [add(7n, 'a'), add(8n, 'b')])).toEqual({
      pending: ['b@9', 'a@7'],
      superseded: ['a@5', 'b@8'],
    });
  });

  test('what waits is further than the same change read again', () => {
    const waiting = add(5n, 'a', { attempt: 2 });
    const { pending: found } = pendingByRecords({
      waiting: [waiting],
      unread: [add(5n, 'a')],
      isComplete: () => false,
    });
    expect(found.get('a')).toBe(waiting);
  });

  test('what is dead stays dead against what is older, and goes without a word for what is newer', () => {
    expect(pending([add(5n, 'a', { dead })], [add(4n, 'a')])).toEqual({ pending: ['a@5 dead'], superseded: ['a@4'] });
    expect(pending([add(5n, 'a', { dead })], [add(6n, 'a')])).toEqual({ pending: ['a@6'], superseded: [] });
  });

  test('a full state takes the place of all that is older, and carries what is newer', () => {
    expect(pending([add(4n, 'a'), add(5n, 'b', { dead }), add(7n, 'c')], [state(6n)])).toEqual({
      pending: ['c@7', '@6'],
      superseded: ['a@4'],
    });
    expect(pending([state(6n)], [add(5n, 'a'), add(7n, 'b')])).toEqual({ pending: ['@6', 'b@7'], superseded: ['a@5'] });
  });

  test('a full state that is dead is gone with the first newer change', () => {
    expect(pending([state(6n, { dead })], [add(7n, 'a')])).toEqual({ pending: ['a@7'], superseded: [] });
  });

  test('what is complete is not pending, and takes the place of what is older', () => {
    expect(pending([add(5n, 'a'), add(6n, 'b')], [add(8n, 'a'), add(9n, 'c')], [8n])).toEqual({
      pending: ['b@6', 'c@9'],
      superseded: ['a@5'],
    });
  });

  test('what is complete is wanted once more on top of a full state that is not', () => {
    expect(pending([], [state(5n), add(6n, 'a')], [6n]).pending).toEqual(['@5', 'a@6']);
    expect(pending([], [state(5n), add(6n, 'a')], [5n, 6n]).pending).toEqual([]);
    expect(pending([state(5n, { dead })], [add(6n, 'a')], [6n]).pending).toEqual([]);
  });
});

const members = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 2 });
const common = { group: 'g', eventId: null, occurredAt: null };
const anEvent: fc.Arbitrary<ChangeEvent> = fc.oneof(
  fc.record({ add: members, remove: members }).map((lists) => ({ kind: 'delta' as const, ...common, ...lists })),
  members.map((names) => ({ kind: 'state' as const, ...common, members: names, deleted: false })),
);

test('folding the unread records first changes nothing of what is pending', () => {
  // A full state that is dead stands in no live record beside something newer.
  const aWaiting = fc
    .uniqueArray(
      fc.record({ member: fc.constantFrom('a', 'b', WHOLE_GROUP), offset: fc.bigInt(0n, 8n), isDead: fc.boolean() }),
      { selector: ({ member }) => member, maxLength: 3 },
    )
    .filter((drawn) => drawn.length === 1 || !drawn.some(({ member, isDead }) => member === WHOLE_GROUP && isDead));
  const offsets = fc.uniqueArray(fc.bigInt(3n, 9n), { maxLength: 4 });
  fc.assert(
    fc.property(aWaiting, fc.array(anEvent, { maxLength: 6 }), offsets, (drawn, events, completed) => {
      const waiting = drawn.map(({ member, offset, isDead }) => {
        const parts = isDead ? { dead } : {};
        return member === WHOLE_GROUP ? state(offset, parts) : add(offset, member, parts);
      });
      const isComplete = (offset: bigint): boolean => completed.includes(offset);
      const source = { topic: 't', partition: 0 };
      const folded = new FoldedChanges(source, { start: 3n, ids: new KeptIds(), isComplete });
      const each = events.flatMap((event, i) => {
        const offset = 3n + BigInt(i);
        folded.take(event, { offset, index: null });
        return intentsOf(event, { ...source, offset, index: null, eventId: null, timestamp: 0 }, 0);
      });
      const [group] = folded.takeGroups();
      const shown = (unread: Iterable<Intent>): readonly string[] =>
        [...pendingByRecords({ waiting, unread, isComplete }).pending.values()].map(
          ({ member, op, source: { offset } }) => `${member} ${op} ${offset}`,
        );
      expect(shown(group?.folded().intents.values() ?? [])).toEqual(shown(each));
    }),
    { numRuns: 2_000 },
  );
});
