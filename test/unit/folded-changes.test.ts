/** Folding a file keeps numbers beside the heap; what it comes to is compared with maps that are written again for each change. */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { FoldedChanges } from '../../src/console/folded-changes.ts';
import { FoldedMembers } from '../../src/console/folded-members.ts';
import { WHOLE_GROUP, idKey, offsetText, sourceMember, type ChangeEvent } from '../../src/core/change/change.ts';
import { KeptIds } from '../../src/core/change/kept-ids.ts';

const SOURCE = { topic: 't', partition: 0 };
const UUID = 'c0ffee00-aaaa-4bbb-8ccc-0123456789ab';
const start = 5n;

/** More than fit in the first rows. */
const aMember = fc.oneof(
  fc.nat({ max: 99 }).map((i) => `m${i}`),
  fc.constantFrom('m0', 'm1', UUID, UUID.toUpperCase()),
);
const lists = fc.array(aMember, { maxLength: 40 });
const anEvent: fc.Arbitrary<ChangeEvent> = fc
  .record({ group: fc.constantFrom('g', 'h'), lists: fc.tuple(lists, lists), isState: fc.nat({ max: 5 }) })
  .map(({ group, lists: [add, remove], isState }): ChangeEvent => {
    const header = { group, eventId: null, occurredAt: null };
    return isState === 0
      ? { kind: 'state', ...header, members: add, deleted: false }
      : { kind: 'delta', ...header, add, remove };
  });

interface Placed {
  readonly event: ChangeEvent;
  readonly offset: bigint;
  readonly index: number | null;
}

/** Of three records the last holds two events. */
const placed = (events: readonly ChangeEvent[]): readonly Placed[] =>
  events.map((event, i) => {
    const [record, at] = [Math.floor(i / 4) * 3, i % 4];
    return at < 2
      ? { event, offset: start + BigInt(record + at), index: null }
      : { event, offset: start + BigInt(record + 2), index: at - 2 };
  });

class Model {
  /** By member; the newest stand last. */
  readonly standing = new Map<string, { readonly text: string; readonly spelling: string; readonly offset: bigint }>();
  readonly superseded: Record<string, number> = {};

  take({ event, offset, index }: Placed, isComplete: (offset: bigint) => boolean): void {
    const at = offsetText({ offset, index });
    const supersede = (key: string): void => {
      const former = this.standing.get(key);
      if (former === undefined) return;
      this.standing.delete(key);
      if (isComplete(former.offset)) return;
      this.superseded[former.spelling] = (this.superseded[former.spelling] ?? 0) + 1;
    };
    if (event.kind === 'state') {
      for (const key of this.standing.keys()) supersede(key);
      this.standing.set(WHOLE_GROUP, { text: `state ${event.members.join()} ${at}`, spelling: 'null', offset });
      return;
    }
    const done = new Set<string>();
    for (const [op, members] of [['remove', event.remove] as const, ['add', event.add] as const]) {
      for (const member of members) {
        const key = idKey(member);
        if (done.has(key)) continue;
        done.add(key);
        supersede(key);
        this.standing.set(key, { text: `${op} ${member} ${at}`, spelling: member, offset });
      }
    }
  }
}

test('of each member the newest change stands, in the order of the changes, and the others are counted', () => {
  const someOffsets = fc.uniqueArray(fc.bigInt(start, start + 12n), { maxLength: 4 });
  fc.assert(
    fc.property(fc.array(anEvent, { maxLength: 16 }), someOffsets, (events, complete) => {
      const isComplete = (offset: bigint): boolean => complete.includes(offset);
      const folded = new FoldedChanges(SOURCE, { start, ids: new KeptIds(), isComplete });
      const models = new Map<string, Model>();
      for (const each of placed(events)) {
        folded.take(each.event, each);
        const model = models.get(each.event.group) ?? new Model();
        models.set(each.event.group, model);
        model.take(each, isComplete);
      }
      const shown = [...folded.takeGroups()]
        .map((changed) => changed.folded())
        .map(({ group, intents, superseded }) => ({
          group,
          standing: [...intents.values()].map((intent) => {
            const what = intent.whole === null ? sourceMember(intent) : intent.whole.members.join();
            return `${intent.op} ${what} ${offsetText(intent.source)}`;
          }),
          superseded: Object.fromEntries([...superseded].map(([member, count]) => [String(member), count])),
        }));
      expect(shown).toEqual(
        [...models].map(([group, { standing, superseded }]) => ({
          group,
          standing: [...standing.values()].map(({ text }) => text),
          superseded,
        })),
      );
    }),
    { numRuns: 2_000 },
  );
});

test('changes of one event have one source between them', () => {
  const folded = new FoldedChanges(SOURCE);
  const header = { kind: 'delta' as const, group: 'g', eventId: null, occurredAt: null };
  folded.take({ ...header, add: ['a', 'b'], remove: ['c'] }, { offset: 0n, index: null });
  folded.take({ ...header, add: ['d'], remove: [] }, { offset: 1n, index: null });
  const [group] = folded.takeGroups();
  const sources = [...(group?.folded().intents.values() ?? [])].map(({ source }) => source);
  expect(sources.map(({ offset }) => offset)).toEqual([0n, 0n, 0n, 1n]);
  expect(new Set(sources).size).toBe(2);
});

test('a full state goes through what stands, not through all members that were ever named', () => {
  const [members, states] = [1_000, 200];
  const header = { group: 'g', eventId: null, occurredAt: null };
  const folded = new FoldedChanges(SOURCE);
  const add = Array.from({ length: members }, (_, i) => `m${i}`);
  folded.take({ kind: 'delta', ...header, add, remove: [] }, { offset: 0n, index: null });
  const looks = [vi.spyOn(FoldedMembers.prototype, 'changeOf'), vi.spyOn(FoldedMembers.prototype, 'clear')];
  for (let i = 1; i <= states; i++)
    folded.take({ kind: 'state', ...header, members: ['m0'], deleted: false }, { offset: BigInt(i), index: null });
  const count = looks.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  for (const look of looks) look.mockRestore();
  expect(count).toBeLessThanOrEqual(2 * (members + states));
  const [changed] = folded.takeGroups();
  expect(changed?.folded().superseded.size).toBe(members + 1);
});
