/** The guard's window (protocol.md 11.3): removals one at a time are held as the same number together, also by a new owner. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { parseRetryRecord, removalsKey, type RetryRecord } from '../../../src/core/log/live-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { allWaiting, emptyWaiting, readWaiting } from '../../../src/console/retry-topic.ts';
import { QuickWorld, answer, type QuickOptions } from '../../support/quick-world.ts';

const WINDOW_MS = 600_000;
const MINUTE_MS = 60_000;
const guard = { groupPercent: 30, groupFloor: 10, groupCount: 500, windowCount: 5_000, windowMs: WINDOW_MS };
const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `m${from + i}`);

function aGroupOf(count: number, { pipeline, ...options }: QuickOptions = {}): QuickWorld {
  const world = new QuickWorld({ ...options, pipeline: { guard, ...pipeline } });
  for (const name of names(count)) world.target.group('g').members.add(name);
  return world;
}

const outcomesOf = (world: QuickWorld): readonly (readonly [string | null, string, string | undefined])[] =>
  world.reports().map(({ member, outcome, reason }) => [member, outcome, reason?.code] as const);

/** One event each, so long apart. */
async function drip(world: QuickWorld, members: readonly string[], apartMs = MINUTE_MS): Promise<void> {
  for (const member of members) {
    world.produce({ remove_members: [member] });
    await world.clock.advance(apartMs);
  }
}

type Slice = Extract<RetryRecord, { kind: 'removals' }>;
const slices = (world: QuickWorld): readonly Slice[] =>
  world
    .records('retry')
    .map((record) => parseRetryRecord(record))
    .filter((record): record is Slice => record.kind === 'removals');
/** What a restore finds now. */
const recorded = (world: QuickWorld): number =>
  [...new Map(slices(world).map((slice) => [slice.key, slice])).values()]
    .flatMap(({ removals }) => removals ?? [])
    .reduce((sum, { count }) => sum + count, 0);

describe('removals one at a time', () => {
  test('are held from the one on that would be held with those before it, and only while the window lasts', async () => {
    const world = aGroupOf(20);
    await world.start();
    await drip(world, names(8), 30_000);
    expect(world.target.group('g').members.size).toBe(14);
    expect(outcomesOf(world).slice(5)).toEqual([
      ['m5', 'applied', undefined],
      ['m6', 'held', 'group_percent'],
      ['m7', 'held', 'group_percent'],
    ]);
    // Everything has left the window but the last of them.
    await world.clock.advance(WINDOW_MS - 8 * 30_000 + 5 * 30_000);
    await drip(world, names(3, 10), 1_000);
    expect(outcomesOf(world).slice(8)).toEqual(names(3, 10).map((name) => [name, 'applied', undefined]));
  });

  test('count for the limit of a group', async () => {
    const world = aGroupOf(100, { pipeline: { guard: { ...guard, groupCount: 4 } } });
    await world.start();
    await drip(world, names(5));
    expect(outcomesOf(world).map(([, , code]) => code)).toEqual([...names(4).map(() => undefined), 'group_count']);
  });

  test('of other groups do not count for this one, but for the owner', async () => {
    const world = aGroupOf(10, { pipeline: { guard: { ...guard, windowCount: 5 } } });
    for (const name of names(10)) world.target.group('h').members.add(name);
    await world.start();
    for (const [group, count] of [
      ['g', 3],
      ['h', 3],
    ] as const)
      for (const member of names(count)) {
        world.produce({ group_id: group, remove_members: [member] });
        await world.clock.advance(1_000);
      }
    expect(outcomesOf(world).map(([, , code]) => code)).toEqual([...names(5).map(() => undefined), 'window_count']);
  });

  test('are not hidden by members who are added in between', async () => {
    const world = aGroupOf(10);
    await world.start();
    await drip(world, names(3));
    world.produce({ add_members: names(40, 100) });
    await drip(world, ['m5']);
    expect(outcomesOf(world).at(-1)).toEqual(['m5', 'held', 'group_percent']);
  });

  test('do not count where an operator has approved them', async () => {
    const world = aGroupOf(20);
    await world.start();
    world.produce({ remove_members: names(10) });
    await world.clock.advance(MINUTE_MS);
    world.approve('jane');
    await world.clock.advance(MINUTE_MS);
    expect(world.target.group('g').members.size).toBe(10);
    // 30 % of the ten that are left.
    await drip(world, names(4, 10));
    expect(world.target.group('g').members.size).toBe(7);
    expect(outcomesOf(world).at(-1)).toEqual(['m13', 'held', 'group_percent']);
  });

  test('that wait for another try count from the start, so that no schedule makes each look small', async () => {
    const retry = { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 5, slowScheduleMs: [] };
    const world = aGroupOf(10, { pipeline: { retry } });
    world.target.onPatch = () => answer(503);
    await world.start();
    world.produce({ remove_members: names(3) });
    await world.clock.advance(100);
    expect(outcomesOf(world).map(([, outcome]) => outcome)).toEqual(names(3).map(() => 'retry_scheduled'));
    world.produce({ remove_members: ['m3'] });
    await world.clock.advance(100);
    world.target.onPatch = () => null;
    await world.clock.advance(5 * MINUTE_MS);
    const held = outcomesOf(world).filter(([, outcome]) => outcome === 'held');
    expect(new Set(held.map(([member]) => member))).toEqual(new Set(names(4)));
    expect(world.target.group('g').members.size).toBe(10);
  });

  test('that have landed are not counted as reserved too, while the group goes on', async () => {
    // One request each; at the end of the first the other group is judged.
    const limits = { ...guard, groupPercent: 100, windowCount: 6 };
    const world = aGroupOf(10, { pipeline: { guard: limits, membersPerPatchMax: 1 } });
    world.target.group('h').members.add('x');
    let patches = 0;
    world.target.onPatch = ({ group }) => {
      if (group === 'g' && ++patches === 4) world.produce({ group_id: 'h', remove_members: ['x'] });
      return null;
    };
    await world.start();
    world.produce({ remove_members: names(5) });
    await world.clock.advance(MINUTE_MS);
    expect(outcomesOf(world).map(([, outcome]) => outcome)).toEqual(names(6).map(() => 'applied'));
  });
});

describe('the next owner', () => {
  test('goes on with the window of a former one that was killed', async () => {
    const world = aGroupOf(20);
    const one = await world.start();
    await drip(world, names(5));
    one.kill();
    const two = await world.start();
    await drip(world, ['m5']);
    two.kill();
    await world.start();
    await drip(world, ['m6']);
    expect(outcomesOf(world).slice(5)).toEqual([
      ['m5', 'applied', undefined],
      ['m6', 'held', 'group_percent'],
    ]);
  });

  test('counts what was added in between no more than the former one', async () => {
    const world = aGroupOf(10);
    const one = await world.start();
    await drip(world, names(3));
    world.produce({ add_members: names(40, 100) });
    await world.clock.advance(MINUTE_MS);
    one.kill();
    await world.start();
    await drip(world, ['m5']);
    expect(outcomesOf(world).at(-1)).toEqual(['m5', 'held', 'group_percent']);
  });

  test('goes on where the partition moves while its former owner lives', async () => {
    const world = aGroupOf(20);
    const one = await world.start();
    await drip(world, names(6));
    one.log.rejoin('a test');
    await world.clock.advance(MINUTE_MS);
    const two = await world.start();
    void one.pipeline.drain();
    await world.clock.advance(MINUTE_MS);
    expect(two.pipeline.stats().partitions).toHaveLength(1);
    await drip(world, ['m6']);
    expect(outcomesOf(world).at(-1)).toEqual(['m6', 'held', 'group_percent']);
  });

  test('counts for the limit of an owner what a former one has removed, also without the names of groups', async () => {
    // So small that no record of the window has room for a long id.
    const long = Array.from({ length: 7 }, () => randomUUID()).join('');
    const options = { ...guard, groupPercent: 100, windowCount: 4 };
    const world = aGroupOf(20, { retryRecordMaxBytes: 400, pipeline: { guard: options } });
    for (const name of names(20)) world.target.group(long).members.add(name);
    const one = await world.start();
    for (const member of names(4)) {
      world.produce({ group_id: long, remove_members: [member] });
      await world.clock.advance(1_000);
    }
    expect(world.committed()).toBe(4n);
    expect(slices(world).flatMap(({ removals }) => removals?.map(({ group }) => group) ?? [])).toContain(null);
    one.kill();
    const { pipeline } = await world.start();
    await drip(world, ['m0']);
    expect([pipeline.stats().held, world.target.group('g').members.has('m0')]).toEqual([1, true]);
  });

  test('forgets what has left the window, and leaves nothing of it in the topic', async () => {
    const world = aGroupOf(20);
    const one = await world.start();
    await drip(world, names(6));
    one.kill();
    await world.clock.advance(WINDOW_MS);
    const { pipeline } = await world.start();
    await world.clock.advance(1_000);
    expect([recorded(world), pipeline.sizes().removals]).toEqual([0, 0]);
    await drip(world, ['m6']);
    expect(outcomesOf(world).at(-1)).toEqual(['m6', 'applied', undefined]);
    await world.clock.advance(WINDOW_MS + MINUTE_MS);
    expect([recorded(world), pipeline.sizes().removals, pipeline.sizes().recordOrders]).toEqual([0, 0, 0]);
  });

  test('is not misled by a wall clock that was set', async () => {
    for (const jumpMs of [-7_200_000, 7_200_000]) {
      const world = aGroupOf(20);
      const one = await world.start();
      await drip(world, names(6));
      world.clock.jumpWall(jumpMs);
      await world.clock.advance(2 * MINUTE_MS);
      one.kill();
      await world.start();
      await drip(world, ['m6']);
      expect(outcomesOf(world).at(-1)).toEqual(['m6', 'held', 'group_percent']);
    }
  });
});

describe('records of the window', () => {
  test('are acknowledged before what they count is committed', async () => {
    const world = aGroupOf(20);
    const { log } = await world.start();
    let refused = 0;
    log.beforeSend = async (records) => {
      if (!records.some(({ key }) => typeof key === 'string' && key.includes('rollcall.removals'))) return;
      refused += 1;
      throw new Error('no leader');
    };
    world.produce({ remove_members: ['m0'] });
    await world.clock.advance(20_000);
    expect([world.target.group('g').members.has('m0'), refused > 1, world.committed()]).toEqual([false, true, 0n]);
    log.beforeSend = async () => undefined;
    await world.clock.advance(60_000);
    expect([recorded(world), world.committed()]).toEqual([1, 1n]);
  });

  test('that a former owner writes late are written again', async () => {
    const world = aGroupOf(20);
    const one = await world.start();
    await drip(world, names(6));
    const late = world.records('retry').find((record) => parseRetryRecord(record).kind === 'removals');
    one.kill();
    await world.start();
    await world.clock.advance(1_000);
    const before = recorded(world);
    // The record of a slice that is known, when it counted less, and one of an unknown slice.
    const headers = (late?.headers ?? []).map(([name, value]) => [name, value] as const);
    const foreign = { topic: 'retry', partition: 0, headers };
    const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString();
    world.broker.append([{ ...foreign, key: text(late?.key), value: text(late?.value) }]);
    world.broker.append([{ ...foreign, key: removalsKey(1), value: text(late?.value) }]);
    await world.clock.advance(1_000);
    expect(recorded(world)).toBe(before);
    const last = slices(world).findLast(({ key }) => key === removalsKey(1));
    expect(last?.removals).toBeNull();
  });

  test('are no groups, no requests and nothing that waits, for readers of the topic', async () => {
    const world = aGroupOf(20);
    await world.start();
    await drip(world, names(6));
    const view = emptyWaiting();
    for (const record of world.records('retry')) readWaiting(view, 0, record);
    expect([slices(world).length > 0, allWaiting(view), view.unreadableCount]).toEqual([true, [], 0]);
  });

  test('of a kind that a newer version adds are passed over', async () => {
    const world = aGroupOf(20);
    const headers = ['owner', 'epoch', 'seq'].map((name) => textHeader(`rollcall-${name}`, '0'));
    const record = { topic: 'retry', partition: 0, value: '{"v":9}', headers };
    world.broker.append([{ ...record, key: '\u0000rollcall.something.1' }]);
    world.broker.append([{ ...record, key: removalsKey(5), headers: [] }]);
    const { pipeline } = await world.start();
    await drip(world, ['m0']);
    expect(outcomesOf(world)).toEqual([['m0', 'applied', undefined]]);
    expect([pipeline.stats().ready, pipeline.sizes().groups]).toEqual([true, 0]);
  });
});
