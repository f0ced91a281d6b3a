/** Folding with full states: whatever the order of arrival, the newest full state counts, with newer changes on top of it. */
import { aSnapshot, versioned } from '../support/a-snapshot.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/adapters/system.ts';
import {
  WHOLE_GROUP,
  comparePositions,
  intentId,
  positionText,
  type Delta,
  type FullState,
  type Intent,
} from '../../src/core/change/change.ts';
import { intentsOf } from '../../src/core/change/pending.ts';
import { afterPatch, plan, type Snapshot } from '../../src/core/target/snapshot.ts';
import { isFinal, reportId, type Report } from '../../src/core/report/reporting.ts';
import { finish } from '../../src/pipeline/intents/conclude.ts';
import { Counts } from '../../src/pipeline/state/counts.ts';
import { Outbox } from '../../src/pipeline/state/outbox.ts';
import type { Owners } from '../../src/pipeline/state/owners.ts';
import { Partitions, groupOf } from '../../src/pipeline/state/partitions.ts';
import { expandState } from '../../src/pipeline/intents/expand.ts';
import { identified, identifyDue } from '../../src/pipeline/intents/identify.ts';
import { arrive, foldRestored } from '../../src/pipeline/intents/precedence.ts';
import type { Group } from '../../src/pipeline/state/group.ts';
import { Turns } from '../../src/pipeline/state/turns.ts';
import type { IdMap } from '../../src/ports.ts';
import { recordOf, recordAcknowledged } from '../../src/pipeline/settle/record.ts';
import { aPartition } from '../support/a-partition.ts';
import { atOffset } from '../support/an-intent.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

interface Sent {
  readonly event: Delta | FullState;
  readonly intents: readonly Intent[];
}

const HEADER = { group: 'g', eventId: null, occurredAt: null };
const MEMBERS = ['a', 'b', 'c', 'd'];
const some = fc.subarray(MEMBERS);
const event: fc.Arbitrary<Delta | FullState> = fc
  .oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('delta' as const), add: some, remove: some }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('state' as const), members: some, deleted: fc.constant(false) }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'state' as const, members: [], deleted: true }) },
  )
  .map((parts) => ({ ...HEADER, ...parts }));

/** In the order of the source: records of one event, and of several. */
const stream: fc.Arbitrary<readonly Sent[]> = fc
  .array(fc.array(event, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 })
  .map((records) =>
    records.flatMap((events, offset) =>
      events.map((each, i) => {
        const index = events.length === 1 ? null : i;
        const { source } = atOffset(BigInt(offset), { source: { index } });
        return { event: each, intents: intentsOf(each, source, 1) };
      }),
    ),
  );

function anOwner(ids: IdMap | null = null, clock = new ManualClock(1)) {
  const nothing = (): void => undefined;
  const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
  const options = stubOf<Owners['options']>({ topics: { source: 't', retry: 'r', deadLetter: 'd', report: 'p' } });
  const ports = { options, logger, sha256, clock, ids, turns: new Turns(clock) };
  const state = {
    partitions: new Partitions(),
    outbox: new Outbox({ topic: 'p', isShadow: false }, clock),
    counts: new Counts(),
  };
  const owners = stubOf<Owners>({ ...ports, ...state, settle: nothing, review: nothing, dispatch: nothing });
  const partition = aPartition();
  state.partitions.add(partition);
  return { owners, group: groupOf({ ids }, partition, 'g') };
}

type Owner = ReturnType<typeof anOwner>;

const pendingOf = ({ members }: Group): Intent[] => [...members.values()].flatMap(({ pending }) => pending ?? []);
const byId = (intents: readonly Intent[]): readonly Intent[] =>
  intents.toSorted((a, b) => (intentId(a) < intentId(b) ? -1 : 1));
const idsOf = ({ intents }: Sent): readonly string[] => intents.map(intentId);

/** Once anything has replaced it, it says so for ever. */
const supersededIds = (owner: Owner): ReadonlySet<string> =>
  new Set(
    reportsOf(owner)
      .filter(({ outcome }) => outcome === 'superseded')
      .map((report) => reportId(report)),
  );

const reportsOf = ({ owners }: Owner): readonly Report[] =>
  [...owners.outbox.outgoing(() => true)].map(({ due }) => due.report);

function arriveAll({ owners, group }: Owner, list: readonly Sent[]): void {
  for (const { intents } of list) for (const intent of intents) arrive(owners, group, intent);
}

function afterAll(list: readonly Sent[]): Owner {
  const owner = anOwner();
  arriveAll(owner, list);
  return owner;
}

/** The plain way: one event after the other, each on the group as the one before has left it. */
function membersAfter(list: readonly Sent[], before: Iterable<string>): ReadonlySet<string> {
  const members = new Set(before);
  for (const { event: each } of list) {
    if (each.kind === 'state') {
      members.clear();
      for (const member of each.members) members.add(member);
      continue;
    }
    for (const member of each.add) members.add(member);
    for (const member of each.remove) members.delete(member);
  }
  return members;
}

/** As a flight does, with an operator who lets everything pass. `choose`: of what is due, what lands. */
async function applyGroup(
  { owners, group }: Owner,
  snapshot: Snapshot,
  choose: (intents: readonly Intent[]) => readonly Intent[],
) {
  const state = group.members.get(WHOLE_GROUP)?.pending ?? null;
  if (state !== null) await expandState(owners, group, state, snapshot);
  expect(pendingOf(group).filter(({ op }) => op === 'state')).toEqual([]);
  const part = choose(pendingOf(group));
  const { todo } = plan(part, snapshot);
  for (const intent of part) finish(owners, group, intent, { outcome: 'applied', request: null });
  return afterPatch(snapshot, todo, versioned('"1"'));
}

const all = (intents: readonly Intent[]): readonly Intent[] => intents;
const shuffled = (list: readonly Sent[]): fc.Arbitrary<readonly Sent[]> =>
  fc.shuffledSubarray([...list], { minLength: list.length });
const streamAndOrder = stream.chain((list) => fc.tuple(fc.constant(list), shuffled(list)));

describe('folding with full states', () => {
  test('is commutative: what stands does not depend on the order of arrival', () => {
    fc.assert(
      fc.property(streamAndOrder, ([list, order]) => {
        expect(byId(pendingOf(afterAll(order).group))).toEqual(byId(pendingOf(afterAll(list).group)));
      }),
      { numRuns: 500 },
    );
  });

  test('is idempotent: what arrives again changes nothing', () => {
    fc.assert(
      fc.property(streamAndOrder, fc.nat(8), ([list, order], count) => {
        const owner = afterAll(list);
        const before = byId(pendingOf(owner.group));
        arriveAll(owner, order.slice(0, count));
        expect(byId(pendingOf(owner.group))).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  test('is associative: what one owner has folded, and the next one restores, goes on as if nothing had happened', () => {
    fc.assert(
      fc.property(streamAndOrder, fc.nat(8), ([list, order], cut) => {
        const restored = pendingOf(afterAll(order.slice(0, cut)).group);
        const next = anOwner();
        for (const intent of restored) next.group.members.obtain(intent.member).replace(intent);
        foldRestored(next.owners, next.group);
        arriveAll(next, order.slice(cut));
        expect(byId(pendingOf(next.group))).toEqual(byId(pendingOf(afterAll(list).group)));
      }),
      { numRuns: 500 },
    );
  });

  test('leaves the newest full state, and the newest of each member that is newer', () => {
    fc.assert(
      fc.property(streamAndOrder, ([list, order]) => {
        const last = list.findLastIndex(({ event: { kind } }) => kind === 'state');
        const newest = new Map<string, Intent>();
        for (const { intents } of list.slice(Math.max(last, 0)))
          for (const intent of intents) newest.set(intent.member, intent);
        expect(byId(pendingOf(afterAll(order).group))).toEqual(byId([...newest.values()]));
      }),
      { numRuns: 500 },
    );
  });

  test('accounts for everything: each intent stands, or is superseded by something newer', () => {
    fc.assert(
      fc.property(streamAndOrder, ([list, order]) => {
        const owner = afterAll(order);
        const standing = new Set(pendingOf(owner.group).map(intentId));
        const superseded = supersededIds(owner);
        for (const id of list.flatMap(idsOf)) expect([id, standing.has(id)]).toEqual([id, !superseded.has(id)]);
        const sources = new Map(list.flatMap(({ intents }) => intents.map((each) => [intentId(each), each.source])));
        for (const report of reportsOf(owner)) {
          const [older, newer] = [sources.get(reportId(report)), sources.get(report.supersededBy ?? '')];
          if (older === undefined || newer === undefined) throw new Error(`not sent: ${reportId(report)}`);
          expect(comparePositions(newer, older)).toBeGreaterThan(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('ends with the membership of the source, whatever the order of arrival', async () => {
    await fc.assert(
      fc.asyncProperty(streamAndOrder, some, async ([list, order], before) => {
        const after = await applyGroup(afterAll(order), aSnapshot(before), all);
        expect(new Set(after.members)).toEqual(membersAfter(list, before));
      }),
      { numRuns: 1_000 },
    );
  });

  test('ends with it, too, where the group flies in between, and a part of it only', async () => {
    const turns = fc.array(fc.record({ lands: fc.option(some), times: fc.nat(2) }));
    await fc.assert(
      fc.asyncProperty(stream, some, turns, async (list, before, flights) => {
        const owner = anOwner();
        let snapshot: Snapshot = aSnapshot(before);
        for (const [i, sent] of list.entries()) {
          arriveAll(owner, [sent]);
          const { lands = null, times = 0 } = flights[i] ?? {};
          if (lands === null) continue;
          const choose = (intents: readonly Intent[]) => intents.filter(({ member }) => lands.includes(member));
          for (let turn = 0; turn < times; turn += 1) snapshot = await applyGroup(owner, snapshot, choose);
        }
        expect(new Set((await applyGroup(owner, snapshot, all)).members)).toEqual(membersAfter(list, before));
        expect(pendingOf(owner.group)).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('leaves no member pending: each member is reported once per full state', async () => {
    await fc.assert(
      fc.asyncProperty(stream, some, async (list, before) => {
        const owner = afterAll(list);
        await applyGroup(owner, aSnapshot(before), all);
        const finals = reportsOf(owner).filter(isFinal).map(reportId);
        expect(new Set(finals).size).toBe(finals.length);
        const positions = new Set(list.flatMap(({ intents }) => intents.map(({ source }) => positionText(source))));
        for (const id of finals)
          expect([...positions].some((each) => id === each || id.startsWith(`${each}/`))).toBe(true);
      }),
    );
  });
});

test('a full state that is read again after a restart is worked out beside what it came to before', async () => {
  const { owners, group } = anOwner();
  const state = atOffset(4n, { op: 'state', member: WHOLE_GROUP, whole: { members: ['a', 'b'], deleted: false } });
  const guard = { kind: 'held', by: 'group_count', since: 1 } as const;
  const held = atOffset(4n, { op: 'remove', member: 'x', guard });
  const retried = atOffset(4n, { member: 'a', attempt: 2, notBefore: 9 });
  for (const intent of [held, retried]) group.members.obtain(intent.member).replace(intent);
  foldRestored(owners, group);
  arrive(owners, group, state);
  await expandState(owners, group, state, aSnapshot(['x', 'y']));
  expect(group.members.get('x')?.pending).toBe(held);
  expect(group.members.get('a')?.pending).toBe(retried);
  expect(byId(pendingOf(group)).map(({ op, member }) => [op, member])).toEqual([
    ['add', 'a'],
    ['add', 'b'],
    ['remove', 'x'],
    ['remove', 'y'],
  ]);
});

describe('a full state that takes several turns of the event loop', () => {
  const names = Array.from({ length: 25_000 }, (_, i) => `m${i}`);
  const large = atOffset(4n, { op: 'state', member: WHOLE_GROUP, whole: { members: names, deleted: false } });

  /** A few of them. */
  const opsOf = (group: Group) =>
    pendingOf(group)
      .slice(0, 3)
      .map(({ op }) => op);

  /** `meanwhile`: after so many turns, the first one included. */
  async function workedOut(
    meanwhile: (owner: Owner, clock: ManualClock) => unknown,
    turns = 1,
    snapshot = aSnapshot(['x', 'y']),
    state = large,
  ) {
    const clock = new ManualClock(1);
    const owner = anOwner(null, clock);
    owner.owners.partitions.add(owner.group.partition);
    arrive(owner.owners, owner.group, state);
    const work = expandState(owner.owners, owner.group, state, snapshot);
    expect(opsOf(owner.group)).toEqual(['state']);
    for (let turn = 1; turn < turns; turn += 1) await clock.step();
    await meanwhile(owner, clock);
    await clock.advance(0);
    await work;
    return owner;
  }

  /** Worked out by the third turn, with the first of what it comes to entered; the others enter more of it. */
  const ENTERING = 5;

  test('comes to what it would come to in one', async () => {
    const { group } = await workedOut(() => undefined);
    expect(pendingOf(group)).toHaveLength(names.length + 2);
    expect(group.members.get(WHOLE_GROUP)?.pending ?? null).toBeNull();
  });

  test('leaves standing what arrives meanwhile and is newer', async () => {
    const newer = [
      atOffset(5n, { op: 'remove', member: 'm1' }),
      atOffset(5n, { op: 'remove', member: 'm24999' }),
      atOffset(5n, { op: 'add', member: 'x' }),
    ];
    const { group } = await workedOut(({ owners, group: each }) => {
      for (const intent of newer) arrive(owners, each, intent);
    });
    for (const intent of newer) expect(group.members.get(intent.member)?.pending).toBe(intent);
    expect(pendingOf(group)).toHaveLength(names.length + 2);
  });

  test('lets its removals wait for whom something newer has added meanwhile', async () => {
    const { group } = await workedOut(({ owners, group: each }) =>
      arrive(owners, each, atOffset(5n, { op: 'add', member: 'm1' })),
    );
    expect([...(group.partition.unresolved.removalsOf('g')?.awaited ?? [])]).toEqual(['m1']);
  });

  test('comes to nothing once a newer one has replaced it', async () => {
    const newer = atOffset(5n, { op: 'state', member: WHOLE_GROUP, whole: { members: ['z'], deleted: false } });
    const { group } = await workedOut(({ owners, group: each }) => arrive(owners, each, newer));
    expect(pendingOf(group).slice(0, 3)).toEqual([newer]);
  });

  test('comes to nothing once its partition is lost', async () => {
    const { group } = await workedOut(({ owners, group: { partition } }) => owners.partitions.delete(partition));
    expect(opsOf(group)).toEqual(['state']);
  });

  test('is recorded, and accounted for, only once all that it comes to is entered', async () => {
    const { group } = await workedOut(({ owners, group: each }) => {
      expect(pendingOf(each).length).toBeGreaterThan(1);
      expect(pendingOf(each).length).toBeLessThan(names.length);
      expect(recordOf(each)).toEqual([]);
      // A piece of it was recorded before a restart.
      each.accountForExpansions(large.source);
      recordAcknowledged(owners, each, { intents: [], finals: [] });
      expect(each.members.get(WHOLE_GROUP)?.pending).toBe(large);
      expect(each.expansions).toHaveLength(1);
    }, ENTERING);
    expect(group.members.get(WHOLE_GROUP)?.pending ?? null).toBeNull();
    expect(recordOf(group).length).toBeGreaterThan(0);
    expect(pendingOf(group)).toHaveLength(names.length + 2);
    expect(group.expansions).toMatchObject([{ isEntered: true, isRecorded: true }]);
  });

  test('is not accounted for by what was recorded of it before a restart, while nothing more is entered yet', async () => {
    const { group } = await workedOut(async ({ owners, group: each }, clock) => {
      for (const member of names.slice(0, 5_000)) arrive(owners, each, atOffset(5n, { op: 'remove', member }));
      for (let turn = 1; turn < 3; turn += 1) await clock.step();
      expect(each.expansions).toMatchObject([{ isEntered: false }]);
      const before = atOffset(4n, { member: 'before' });
      recordAcknowledged(owners, each, { intents: [before], finals: [] });
      expect(each.expansions).toMatchObject([{ isRecorded: true }]);
      expect(each.members.get(WHOLE_GROUP)?.firstUnfinished).not.toBeNull();
    });
    expect(group.members.get(WHOLE_GROUP)?.firstUnfinished).not.toBeNull();
    expect(group.expansions).toMatchObject([{ isEntered: true, isRecorded: true }]);
  });

  test('says of what is recorded already as much as before, while it is entered', async () => {
    const guard = { kind: 'held', by: 'group_count', since: 1 } as const;
    const held = atOffset(4n, { op: 'remove', member: 'x', guard });
    const older = atOffset(3n, { member: 'm1', attempt: 1 });
    await workedOut(({ group }) => {
      const [x, m1] = [group.members.obtain('x'), group.members.obtain('m1')];
      x.replace(held);
      x.noteRecorded(held);
      m1.noteRecorded(older);
      expect(m1.pending?.source).toEqual(large.source);
      expect(recordOf(group)).toEqual([held, older]);
    }, ENTERING);
  });

  test('leaves standing what arrives while it is entered, and waits for whom that adds', async () => {
    const newer = [
      atOffset(5n, { op: 'remove', member: 'm1' }),
      atOffset(5n, { op: 'add', member: 'm2' }),
      atOffset(5n, { op: 'remove', member: 'm24998' }),
      atOffset(5n, { op: 'add', member: 'm24999' }),
      atOffset(5n, { op: 'add', member: 'x' }),
    ];
    const owner = await workedOut(({ owners, group }) => {
      for (const intent of newer) arrive(owners, group, intent);
    }, ENTERING);
    const { group } = owner;
    for (const intent of newer) expect(group.members.get(intent.member)?.pending).toBe(intent);
    expect([...(group.partition.unresolved.removalsOf('g')?.awaited ?? [])].toSorted()).toEqual(['m2', 'm24999']);
    const entered = ['m1', 'm2'].map((member) => intentId(atOffset(4n, { member })));
    expect([...supersededIds(owner)].toSorted()).toEqual(entered);
  });

  test('leaves nothing behind where a newer one replaces it while it is entered', async () => {
    const newer = atOffset(5n, { op: 'state', member: WHOLE_GROUP, whole: { members: ['z'], deleted: false } });
    const owner = await workedOut(({ owners, group }) => arrive(owners, group, newer), ENTERING);
    expect(pendingOf(owner.group)).toEqual([newer]);
    expect(owner.group.expansions).toEqual([]);
    expect(supersededIds(owner)).toContain(intentId(large));
  });

  test('has its removals held once all are entered, but for those that something newer has replaced', async () => {
    const deleted = atOffset(4n, { op: 'state', member: WHOLE_GROUP, whole: { members: [], deleted: true } });
    const newer = [atOffset(5n, { member: 'm1' }), atOffset(5n, { op: 'remove', member: 'm2' })];
    const { group } = await workedOut(
      ({ owners, group: each }) => {
        expect(each.members.held.size).toBe(0);
        expect(recordOf(each)).toEqual([]);
        for (const intent of newer) arrive(owners, each, intent);
      },
      ENTERING,
      aSnapshot(names),
      deleted,
    );
    for (const intent of newer) expect(group.members.get(intent.member)?.pending).toBe(intent);
    expect(group.members.held.size).toBe(names.length - newer.length);
    expect(group.partition.counts.held).toBe(names.length - newer.length);
  });
});

describe('a dead intent', () => {
  const dead = { at: 1, reason: 'attempts_exhausted' } as const;
  const remains = (...intents: readonly Intent[]): readonly string[] => {
    const { owners, group } = anOwner();
    for (const intent of intents) arrive(owners, group, intent);
    return byId(pendingOf(group)).map(intentId);
  };
  const state = (offset: bigint, parts: Partial<Intent> = {}): Intent =>
    atOffset(offset, { op: 'state', member: WHOLE_GROUP, whole: { members: ['a'], deleted: false }, ...parts });

  test('is superseded by a newer full state, for any member', () => {
    expect(remains(atOffset(1n, { member: 'a', dead }), atOffset(1n, { member: 'z', dead }), state(2n))).toEqual([
      't/0/2',
    ]);
    expect(remains(state(1n, { dead }), state(2n))).toEqual(['t/0/2']);
  });

  test('that is a full state is gone with the first newer change: it can no longer be applied as a whole', () => {
    expect(remains(state(1n, { dead }), atOffset(2n, { member: 'b' }))).toEqual(['t/0/2/b']);
    expect(remains(state(1n), atOffset(2n, { member: 'b' }))).toEqual(['t/0/1', 't/0/2/b']);
  });

  test('that is newer than a full state stands on top of it', () => {
    expect(remains(atOffset(3n, { member: 'a', dead }), state(2n))).toEqual(['t/0/2', 't/0/3/a']);
  });
});

describe('several names of one member', () => {
  const targets: Readonly<Record<string, string>> = { a: 'A', a2: 'A', a3: 'A', b: 'B', c: 'C', d: 'D', g: 'G' };
  const table: IdMap = {
    known: (_, id) => ({ kind: 'found', id: targets[id] ?? id, isActive: true }),
    lookUp: () => Promise.reject(new Error('the table knows')),
    onChange: () => undefined,
    close: () => Promise.resolve(),
  };

  /** Of each event at most one name for one member: two that disagree in one event have no order. */
  const renamed = (list: readonly Sent[], names: readonly string[]): readonly Sent[] =>
    list.map(({ event: each, intents: [first] }, i) => {
      const name = (member: string): string => (member === 'a' ? (names[i] ?? 'a') : member);
      const again =
        each.kind === 'state'
          ? { ...each, members: each.members.map(name) }
          : { ...each, add: each.add.map(name), remove: each.remove.map(name) };
      const source = first?.source ?? atOffset(0n).source;
      return { event: again, intents: intentsOf(again, source, 1) };
    });

  const cases = fc
    .tuple(stream, fc.array(fc.constantFrom('a', 'a2', 'a3')))
    .chain(([list, names]) => fc.tuple(fc.constant(list), shuffled(renamed(list, names)), some));

  test('count as one, by position: the group ends as if the source had only one', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([list, order, before]) => {
        const owner = anOwner(table);
        const { owners, group } = owner;
        for (const { intents } of order)
          for (const intent of intents) arrive(owners, group, identified(owners, group, intent));
        identifyDue(owners, group, 1);
        const wanted = pendingOf(group).flatMap(({ target }) => target ?? []);
        expect(new Set(wanted).size).toBe(wanted.length);
        const named = (members: Iterable<string>) => new Set([...members].map((member) => targets[member] ?? member));
        const after = await applyGroup(owner, aSnapshot(named(before)), all);
        expect(new Set(after.members)).toEqual(named(membersAfter(list, before)));
      }),
      { numRuns: 500 },
    );
  });
});
