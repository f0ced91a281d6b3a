import { describe, expect, test } from 'vitest';
import { WHOLE_GROUP, type Intent } from '../../src/core/change/change.ts';
import { Counts } from '../../src/pipeline/state/counts.ts';
import { Outbox } from '../../src/pipeline/state/outbox.ts';
import type { Owners } from '../../src/pipeline/state/owners.ts';
import { Partitions, groupOf } from '../../src/pipeline/state/partitions.ts';
import { fitRecord, retryRecords } from '../../src/pipeline/settle/fit-record.ts';
import { dropOldDead, recordOf, recordAcknowledged, troubleOf } from '../../src/pipeline/settle/record.ts';
import type { Member } from '../../src/pipeline/state/member.ts';
import type { Group } from '../../src/pipeline/state/group.ts';
import { MEMBERS_PER_PATCH, aPartition } from '../support/a-partition.ts';
import { atOffset } from '../support/an-intent.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

const NOW = 1_000_000;
const PIECE = 4 * MEMBERS_PER_PATCH;
const fresh = (offset: bigint, member = 'm'): Intent => atOffset(offset, { member });
const parked = (offset: bigint, member = 'm'): Intent => atOffset(offset, { member, attempt: 1 });
const dead = (offset: bigint, member = 'm', at = NOW): Intent =>
  atOffset(offset, { member, attempt: 5, dead: { at, reason: 'rejected' } });

function aGroup(members: readonly (Partial<Member> & { readonly id?: string })[]): Group {
  const group = groupOf({ ids: null }, aPartition(), 'g');
  for (const { id = 'm', pending = null, recorded: last = null, ...reported } of members) {
    const member = group.members.obtain(id);
    member.replace(pending);
    member.noteRecorded(last);
    if (reported.isRecordedReported === true) member.endRecorded();
    if (reported.isPendingReported === true && pending !== null) member.noteReported(pending.source);
  }
  return group;
}

const membersOf = (group: Group): readonly string[] => recordOf(group).map(({ member }) => member);

/** Of the owners that part which these functions need. */
function contextOf(group: Group, options: { deadKeepCount?: number; deadKeepMs?: number } = {}) {
  const partitions = new Partitions();
  partitions.add(group.partition);
  const settled: true[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const clock = new ManualClock(NOW);
  const settle = (): void => void settled.push(true);
  const kept = stubOf<Owners['options']>({ deadKeepCount: 10, deadKeepMs: 500, ...options });
  const nothing = (): void => undefined;
  const state = { partitions, outbox: new Outbox({ topic: 'p', isShadow: false }, clock), counts: new Counts() };
  const parts = { ...state, clock, logger, settle, review: nothing, dispatch: nothing, options: kept };
  return { owners: stubOf<Owners>(parts), settled };
}

describe('the live record of a group', () => {
  test.each<[string, Partial<Member>, readonly Intent[]]>([
    ['nothing of an untried one', { pending: fresh(5n) }, []],
    ['a parked one', { pending: parked(5n) }, [parked(5n)]],
    ['an untried one that is recorded already', { pending: fresh(5n), recorded: parked(5n) }, [fresh(5n)]],
    ['the recorded one until its report', { recorded: parked(5n) }, [parked(5n)]],
    ['nothing after its report', { recorded: parked(5n), isRecordedReported: true }, []],
    ['the older one until its report', { pending: parked(6n), recorded: parked(5n) }, [parked(5n)]],
    ['the newer after it', { pending: parked(6n), recorded: parked(5n), isRecordedReported: true }, [parked(6n)]],
    ['no untried newer one after it', { pending: fresh(6n), recorded: parked(5n), isRecordedReported: true }, []],
    ['no dead one before its report', { pending: dead(5n) }, []],
    ['the parked one until the dead one is reported', { pending: dead(5n), recorded: parked(5n) }, [parked(5n)]],
    ['the mark after it', { pending: dead(5n), isPendingReported: true, recorded: parked(5n) }, [dead(5n)]],
  ])('says %s', (_, member, expected) => {
    expect(recordOf(aGroup([member]))).toEqual(expected);
  });

  test('where room is short keeps all that is recorded, and as many new ones as fit', () => {
    const group = aGroup([
      { id: 'a', pending: parked(1n, 'a') },
      { id: 'b', pending: parked(2n, 'b'), recorded: parked(2n, 'b') },
      { id: 'c', pending: parked(3n, 'c') },
    ]);
    const { owners } = contextOf(group);
    fitRecord(owners, group, recordOf(group));
    expect(membersOf(group)).toEqual(['b', 'a']);
    fitRecord(owners, group, recordOf(group));
    expect(membersOf(group)).toEqual(['b']);
  });

  test('takes what a full state came to before what is parked, and held removals last', () => {
    const held = atOffset(1n, { member: 'h', op: 'remove', guard: { kind: 'held', by: 'group_count', since: 1 } });
    const group = aGroup([
      { id: 'h', pending: held },
      { id: 'p', pending: parked(2n, 'p') },
      { id: 's', pending: { ...fresh(3n, 's'), waits: 'record' } },
    ]);
    expect(membersOf(group)).toEqual(['s', 'p', 'h']);
  });

  test('goes on saying the shorter thing where there is no room for the longer one', () => {
    const before = { ...parked(1n, 'a'), notBefore: 0 };
    const group = aGroup([
      { id: 'a', pending: { ...before, attempt: 2, notBefore: 1_790_000_000_000 }, recorded: before },
    ]);
    expect(recordOf(group)).toMatchObject([{ attempt: 2 }]);
    fitRecord(contextOf(group).owners, group, recordOf(group));
    expect(recordOf(group)).toEqual([before]);
  });

  test('has its room back when it has been empty', () => {
    const group = aGroup([
      { id: 'a', pending: parked(1n, 'a') },
      { id: 'b', pending: parked(1n, 'b') },
    ]);
    fitRecord(contextOf(group).owners, group, recordOf(group));
    expect(recordOf(group)).toHaveLength(1);
    for (const id of ['a', 'b']) group.members.obtain(id).replace(null);
    expect(recordOf(group)).toEqual([]);
    for (const id of ['a', 'b']) group.members.obtain(id).replace(parked(2n, id));
    expect(recordOf(group)).toHaveLength(2);
  });

  // It leaves the record with the full state, which waits for its pieces: no limit of theirs may count it.
  test('has room for what a full state came to, however much is newer than that', () => {
    const newer = Array.from({ length: PIECE }, (_, i) => atOffset(2n, { member: `n${i}`, waits: 'group' }));
    const whole = atOffset(1n, { op: 'state', member: WHOLE_GROUP, whole: { members: ['a'], deleted: false } });
    const group = aGroup([
      { id: WHOLE_GROUP, recorded: whole },
      ...newer.map((intent) => ({ id: intent.member, pending: intent, recorded: intent })),
      { id: 'a', pending: { ...fresh(1n, 'a'), waits: 'record' } },
    ]);
    expect(membersOf(group)).toContain('a');
  });

  // It was kept out by an older change of its member, until the report of that; its removals wait for it.
  test('has room for an addition of a full state, however many of its removals are there already', () => {
    const removals = Array.from({ length: PIECE }, (_, i) => atOffset(1n, { op: 'remove', member: `r${i}` }));
    const group = aGroup([
      ...removals.map((intent) => ({ id: intent.member, pending: intent, recorded: intent })),
      { id: 'a', pending: { ...fresh(1n, 'a'), waits: 'record' } },
      { id: 'r', pending: { ...atOffset(1n, { op: 'remove', member: 'r' }), waits: 'record' } },
    ]);
    expect(membersOf(group)).toContain('a');
    expect(membersOf(group)).not.toContain('r');
  });

  test('of a full state holds a piece, and the next one once half of it has left', () => {
    const ids = Array.from({ length: 1_200 }, (_, i) => `m${i}`);
    const group = aGroup(ids.map((id) => ({ id, pending: { ...fresh(1n, id), waits: 'record' } })));
    const first = recordOf(group);
    expect(first).toHaveLength(PIECE);
    for (const intent of first) {
      const member = group.members.obtain(intent.member);
      member.advance({ ...intent, waits: null });
      member.noteRecorded(intent);
    }
    expect(recordOf(group)).toHaveLength(PIECE);
    for (const { member: name } of first.slice(0, PIECE / 2)) {
      const member = group.members.obtain(name);
      member.replace(null);
      member.noteRecorded(null);
    }
    expect(recordOf(group)).toHaveLength(PIECE);
    expect(recordOf(group).filter((intent) => !first.some(({ member }) => member === intent.member))).toHaveLength(
      PIECE / 2,
    );
  });
});

describe('a live record that is too large', () => {
  const deadMember = (id: string, at: number): Partial<Member> & { id: string } => {
    const intent = dead(1n, id, at);
    return { id, pending: intent, isPendingReported: true, recorded: intent, isRecordedReported: true };
  };

  test('loses dead ones first, the oldest first', () => {
    const group = aGroup([
      deadMember('a', 3),
      deadMember('b', 1),
      deadMember('c', 2),
      { id: 'd', pending: parked(9n, 'd') },
    ]);
    fitRecord(contextOf(group).owners, group, recordOf(group));
    expect(recordOf(group).map(({ member }) => member)).toEqual(['a', 'd']);
    expect([...group.partition.toWrite.due(() => false)]).toEqual([group]);
    expect(group.partition.counts.dead).toBe(1);
  });

  test('then takes only so many new ones, and always room for one where nothing else is in it', () => {
    const group = aGroup(['a', 'b', 'c', 'd'].map((id) => ({ id, pending: parked(1n, id) })));
    const { owners } = contextOf(group);
    const lengths = [4, 2].map((length) => {
      expect(recordOf(group)).toHaveLength(length);
      fitRecord(owners, group, recordOf(group));
      return recordOf(group).length;
    });
    expect(lengths).toEqual([2, 1]);
    expect(group.partition.counts.pending).toBe(4);
  });

  test('leaves out what is refused alone, goes on with the others, and tries it again later', () => {
    const group = aGroup(['a', 'b'].map((id) => ({ id, pending: parked(1n, id) })));
    const { owners } = contextOf(group);
    fitRecord(owners, group, recordOf(group));
    expect(membersOf(group)).toEqual(['a']);
    fitRecord(owners, group, recordOf(group));
    expect(membersOf(group)).toEqual(['b']);
    expect(group.recordLimit?.isStuck).toBe(true);
    group.partition.toWrite.delete(group);
    retryRecords(owners);
    expect([...group.partition.toWrite.due(() => false)]).toEqual([group]);
    expect(membersOf(group)).toContain('a');
    // It is over once it is written, or done with.
    group.members.obtain('a').replace(null);
    recordOf(group);
    expect(group.recordLimit?.isStuck).toBe(false);
  });

  test('grows again with each record that is taken in full', () => {
    const ids = Array.from({ length: 16 }, (_, i) => `m${i}`);
    const group = aGroup(ids.map((id) => ({ id, pending: parked(1n, id) })));
    const { owners } = contextOf(group);
    fitRecord(owners, group, recordOf(group));
    const lengths = Array.from({ length: 4 }, () => {
      const intents = recordOf(group);
      recordAcknowledged(owners, group, { intents, finals: [] });
      return intents.length;
    });
    expect(lengths).toEqual([8, 10, 13, 16]);
  });

  test('is not sent again and again where nothing can be left out', () => {
    const group = aGroup([{ id: 'a', pending: parked(1n, 'a') }]);
    const member = group.members.obtain('a');
    member.noteRecorded(member.pending);
    group.partition.toWrite.add(group);
    fitRecord(contextOf(group).owners, group, recordOf(group));
    expect([group.partition.toWrite.size, group.recordLimit?.isStuck]).toEqual([0, true]);
  });
});

describe('dead intents', () => {
  const members = (ids: readonly string[], isReported: (id: string) => boolean) =>
    ids.map((id, i) => ({ id, pending: dead(1n, id, NOW - 100 * i), isPendingReported: isReported(id) }));
  const left = (group: Group) => [...group.members.values()].flatMap(({ pending }) => pending?.member ?? []);

  test('are dropped when they are too many, the oldest first', () => {
    const group = aGroup(members(['a', 'b', 'c'], () => true));
    const { owners, settled } = contextOf(group, { deadKeepCount: 2 });
    dropOldDead(owners);
    expect(left(group)).toEqual(['a', 'b']);
    expect([settled.length, group.partition.counts.dead, group.partition.toWrite.size]).toEqual([1, 2, 1]);
  });

  test('are dropped when they are too old', () => {
    const group = aGroup(members(['a', 'b', 'c'], () => true));
    dropOldDead(contextOf(group, { deadKeepMs: 150 }).owners);
    expect(left(group)).toEqual(['a', 'b']);
  });

  test('stay until their report is acknowledged, however many and old', () => {
    const group = aGroup(members(['a', 'b', 'c'], (id) => id === 'a'));
    dropOldDead(contextOf(group, { deadKeepCount: 0, deadKeepMs: 0 }).owners);
    expect(left(group)).toEqual(['b', 'c']);
  });

  test('are left alone otherwise', () => {
    const group = aGroup(members(['a', 'b', 'c'], () => true));
    const { owners, settled } = contextOf(group);
    dropOldDead(owners);
    expect([left(group), settled]).toEqual([['a', 'b', 'c'], []]);
  });
});

test('the live record tells the newest failure of its group where room is not short', () => {
  const group = groupOf({ ids: null }, aPartition(), 'g');
  group.noteFailure({ code: 'http_503', message: 'down' }, 1);
  expect(troubleOf(group)).toEqual({ code: 'http_503', message: 'down', firstFailureAt: 1 });
});
