/** A full state whose wait or failure was reported has its end reported too, from wherever its tries are counted (protocol.md 10.5). */
import { expect, test } from 'vitest';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { requestKey } from '../../../src/core/log/request-record.ts';
import { summarize } from '../../../src/core/report/summary.ts';
import { QuickWorld, answer } from '../../support/quick-world.ts';

const patient = {
  retry: { baseMs: 600_000, capMs: 600_000, attemptsMax: 5, slowScheduleMs: [600_000, 3_600_000] },
};

/** The full states of these groups, each in the way of what a test lets the target answer. */
async function given(groups: readonly string[], status: number) {
  const world = new QuickWorld({ pipeline: patient });
  world.target.onGet = () => answer(status);
  for (const group of groups) world.produce({ group_id: group, members: ['a', 'b'], complete: true });
  return { world, ...(await world.start()) };
}

const toldOf = (world: QuickWorld, offset: number): readonly string[] =>
  world.reports().flatMap(({ id, outcome, member }) => (id.startsWith(`source/0/${offset}`) && !member ? outcome : []));

async function replay(world: QuickWorld, group: string, offset: number): Promise<void> {
  const named = { member: null, topic: 'source', partition: 0, offset: String(offset) };
  const value = JSON.stringify({ v: 1, group, pending: [named] });
  const headers = [textHeader('rollcall-type', 'replay')];
  world.broker.append([{ topic: 'retry', partition: 0, key: requestKey('one'), value, headers }]);
  await world.clock.advance(1_000);
}

test('full state: parked, and woken by a replay', async () => {
  const { world } = await given(['g'], 404);
  await world.clock.advance(10_000);
  expect(toldOf(world, 0)).toEqual(['retry_scheduled']);
  world.target.onGet = () => null;
  await replay(world, 'g', 0);
  await world.clock.advance(60_000);
  expect([...world.target.group('g').members]).toEqual(['a', 'b']);
  expect(toldOf(world, 0)).toEqual(['retry_scheduled', 'recovered']);
  expect(summarize(world.reports(), 0)).toMatchObject({ total_operations: 3, success_count: 3, failure_count: 0 });
});

test('full state: given up, and woken by a replay', async () => {
  const { world } = await given(['g'], 404);
  await world.clock.advance(2 * 3_600_000);
  expect(toldOf(world, 0).at(-1)).toBe('permanent_failure');
  world.target.onGet = () => null;
  await replay(world, 'g', 0);
  await world.clock.advance(60_000);
  expect([...world.target.group('g').members]).toEqual(['a', 'b']);
  expect(toldOf(world, 0).at(-1)).toBe('recovered');
  expect(summarize(world.reports(), 0)).toMatchObject({ total_operations: 3, success_count: 3, failure_count: 0 });
});

test.each(['the same owner', 'the next owner'])(
  'full state: parked by a target that is down, whose failures use up no try: %s',
  async (who) => {
    const { world, ...one } = await given(['g', 'h'], 503);
    await world.clock.advance(10_000);
    expect([toldOf(world, 0), toldOf(world, 1)]).toEqual([['retry_scheduled'], ['retry_scheduled']]);
    for (const group of ['i', 'j', 'k']) world.produce({ group_id: group, members: ['a'], complete: true });
    await world.clock.advance(10_000);
    expect(one.pipeline.stats().breaker).not.toBeNull();
    if (who === 'the next owner') {
      one.kill();
      await world.start();
    }
    world.target.onGet = () => null;
    await world.clock.advance(3 * 3_600_000);
    expect([...world.target.group('h').members]).toEqual(['a', 'b']);
    const { by_outcome: outcomes, success_count: good, total_operations: all } = summarize(world.reports(), 0);
    expect(outcomes).not.toHaveProperty('retry_scheduled');
    expect(good).toBe(all);
  },
);
