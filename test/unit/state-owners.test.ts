/** Owners of the pipeline's state, each by itself: what they say before and after each transition. */
import { describe, expect, test } from 'vitest';
import { Group } from '../../src/pipeline/state/group.ts';
import { LookUps } from '../../src/pipeline/state/look-ups.ts';
import { Lease } from '../../src/pipeline/state/ownership.ts';
import type { Phase } from '../../src/pipeline/state/partition.ts';
import { Partitions } from '../../src/pipeline/state/partitions.ts';
import { Snapshots } from '../../src/pipeline/state/snapshots.ts';
import { IntakeLimit } from '../../src/pipeline/state/intake-limits.ts';
import { aPartition, readToGoal } from '../support/a-partition.ts';
import { aSnapshot, versioned } from '../support/a-snapshot.ts';
import { ManualClock } from '../support/manual-clock.ts';

const LEASE_MS = 10_000;
const LATE_APPLY_MS = 5_000;

describe('the lease', () => {
  function aMember() {
    const clock = new ManualClock();
    const lease = new Lease(clock, LEASE_MS);
    lease.joining();
    lease.assigned({ memberId: 'm', partitions: [0], partitionCount: 1 });
    return { clock, lease };
  }

  test('holds from the join until its time is over, and from each heartbeat again', async () => {
    const { clock, lease } = aMember();
    await clock.advance(LEASE_MS);
    expect(lease.mayAsk).toBe(true);
    await clock.advance(1);
    expect(lease.mayAsk).toBe(false);
    lease.heartbeat({ generation: 1, sentAt: clock.now() });
    expect(lease.mayAsk).toBe(true);
  });

  test.each<[string, (lease: Lease) => void]>([
    ['joins', (lease) => lease.joining()],
    ['is lost', (lease) => lease.lost()],
    ['ends', (lease) => lease.end()],
  ])('lets no request start once the member %s', (_, change) => {
    const { lease } = aMember();
    expect(lease.mayAsk).toBe(true);
    change(lease);
    expect(lease.mayAsk).toBe(false);
  });

  test('is no member before the assignment, and after the loss', () => {
    expect(new Lease(new ManualClock(), LEASE_MS).memberId).toBeNull();
    const { lease } = aMember();
    expect(lease.memberId).toBe('m');
    lease.lost();
    expect(lease.memberId).toBeNull();
  });
});

describe('a partition', () => {
  const wayTo: Readonly<Record<string, readonly Phase[]>> = {
    restored: ['restoring', 'loading', 'catching_up', 'running'],
    'kept through a join': ['restoring', 'catching_up', 'running', 'fencing', 'restoring', 'catching_up'],
    overtaken: ['restoring', 'fencing', 'restoring'],
  };
  test.each(Object.entries(wayTo))('that is %s moves from phase to phase', (_, phases) => {
    const partition = aPartition();
    readToGoal(partition);
    for (const phase of phases) partition.move(phase);
    expect(partition.phase).toBe(phases.at(-1));
  });

  test.each<Phase>(['running', 'loading', 'catching_up', 'refused'])('does not move from fencing to %s', (phase) => {
    expect(() => aPartition().move(phase)).toThrow(`partition 0: fencing → ${phase}`);
  });

  test('that has not caught up is dispatched only where the intake has reached its limit', () => {
    const partition = aPartition();
    for (const phase of ['restoring', 'loading', 'catching_up'] as const) partition.move(phase);
    expect(partition.isDispatchable).toBe(false);
    expect(() => partition.move('running')).toThrow('partition 0 runs before it has caught up');
    readToGoal(partition);
    partition.dispatchEarly();
    expect(partition.isDispatchable).toBe(true);
  });

  test('is current until it is lost, and not for another of its number', () => {
    const [partitions, partition, other] = [new Partitions(), aPartition(), aPartition()];
    partitions.add(partition);
    expect([partitions.isCurrent(partition), partitions.isCurrent(other)]).toEqual([true, false]);
    partitions.add(other);
    expect([partitions.isCurrent(partition), partitions.isCurrent(other)]).toEqual([false, true]);
    partitions.delete(other);
    expect(partitions.size).toBe(0);
  });
});

test('the intake pauses at its limit, and resumes at four fifths of it', () => {
  const limit = new IntakeLimit(10);
  expect([9, 10, 11, 9, 8, 9].map((count) => limit.note(count))).toEqual([null, 'paused', null, null, 'resumed', null]);
});

describe('look-ups', () => {
  const sought = { kind: 'user', id: 'u' } as const;
  const aGroup = (partition = aPartition()) => new Group('g', partition, 'g');

  test('ask once for all groups that wait for the id', () => {
    const lookUps = new LookUps();
    const [one, other] = [aGroup(), aGroup()];
    const wanted = lookUps.want(one, sought);
    expect(lookUps.want(other, sought)).toBe(wanted);
    expect([[...wanted.groups], lookUps.size]).toEqual([[one, other], 1]);
  });

  test('that were not sent are wanted still, others are gone', () => {
    const lookUps = new LookUps();
    const wanted = lookUps.want(aGroup(), sought);
    lookUps.begin(wanted);
    expect([lookUps.isAsked(sought), lookUps.inFlight]).toEqual([true, 1]);
    lookUps.end(wanted, false);
    expect([lookUps.isAsked(sought), lookUps.inFlight, lookUps.size]).toEqual([false, 0, 1]);
    lookUps.begin(wanted);
    lookUps.end(wanted, true);
    expect([lookUps.inFlight, lookUps.size]).toEqual([0, 0]);
  });

  test('are asked once at a time, and end only when they were asked', () => {
    const lookUps = new LookUps();
    const wanted = lookUps.want(aGroup(), sought);
    expect(() => lookUps.end(wanted, true)).toThrow('look-up user/u is not asked');
    lookUps.begin(wanted);
    expect(() => lookUps.begin(wanted)).toThrow('look-up user/u is not wanted');
    expect(() => lookUps.delete(wanted)).toThrow('look-up user/u is not wanted');
  });

  test('of a lost partition are forgotten, unless they are on their way or wanted elsewhere', () => {
    const lookUps = new LookUps();
    const [lost, kept] = [aPartition(), aPartition()];
    const asked = lookUps.want(aGroup(lost), sought);
    lookUps.begin(asked);
    lookUps.want(aGroup(lost), { kind: 'user', id: 'nobody waits' });
    lookUps.want(aGroup(lost), { kind: 'user', id: 'shared' });
    lookUps.want(aGroup(kept), { kind: 'user', id: 'shared' });
    lookUps.revoke(lost);
    expect([...lookUps].map(({ id, groups }) => [id, groups.size])).toEqual([
      ['u', 0],
      ['shared', 1],
    ]);
  });
});

describe('snapshots', () => {
  const group = { id: 'g', target: null };
  const [before, after] = [aSnapshot(['a']), aSnapshot(['a', 'b'], versioned('"8"'))];

  function known() {
    const clock = new ManualClock();
    return { clock, snapshots: new Snapshots(clock, { snapshotMembersMax: 100, lateApplyMs: LATE_APPLY_MS }) };
  }

  test('show a group as it was read or changed last, until it is forgotten', () => {
    const { snapshots } = known();
    expect(snapshots.get(group)).toBeNull();
    snapshots.noteRead(group, before);
    expect(snapshots.get(group)).toEqual(before);
    snapshots.noteApplied(group, before, after);
    expect(snapshots.get(group)).toEqual(after);
    snapshots.forget(group);
    expect(snapshots.get(group)).toBeNull();
  });

  test('do not keep a read of a version that a PATCH has replaced, as long as reads may lag', async () => {
    const { clock, snapshots } = known();
    snapshots.noteApplied(group, before, after);
    expect(snapshots.noteRead(group, before).oldRead).not.toBeNull();
    expect(snapshots.get(group)).toBeNull();
    await clock.advance(LATE_APPLY_MS + 1);
    expect(snapshots.noteRead(group, before).oldRead).toBeNull();
  });

  test('stand under the name that the target has for the group', () => {
    const { snapshots } = known();
    snapshots.noteRead({ id: 'g', target: 'one' }, before);
    expect(snapshots.get({ id: 'g', target: 'other' })).toBeNull();
  });
});
