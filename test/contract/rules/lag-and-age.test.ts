/** What the figures say of what is not applied: from the records' own times, while stuck, after a restart, while held. */
import { expect, test } from 'vitest';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { answer, QuickWorld, type QuickOptions } from '../../support/quick-world.ts';
import { samplesNow } from '../../support/scrape.ts';

const HOUR_MS = 3_600_000;
const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax: 100, slowScheduleMs: [60_000, HOUR_MS] };
const guard = { groupPercent: 100, groupFloor: 10, groupCount: 5, windowCount: 1_000_000, windowMs: 600_000 };

const aWorld = ({ pipeline, ...options }: QuickOptions = {}): QuickWorld =>
  new QuickWorld({ ...options, pipeline: { retry, ...pipeline } });

/** What a scrape says now. */
async function scrape(world: QuickWorld, pipeline: Pipeline): Promise<(series: string) => number | undefined> {
  const samples = await samplesNow(world, pipeline);
  return (series) => samples.get(series);
}

const LAG = 'rollcall_lag';
const PAUSED = 'rollcall_intake_paused';
const UNAPPLIED = 'rollcall_oldest_unapplied_seconds{partition="0"}';
const HELD = 'rollcall_oldest_held_seconds{partition="0"}';
const WAITING = 'rollcall_oldest_waiting_seconds{partition="0"}';

const fails = (world: QuickWorld): void => {
  world.target.onGet = () => answer(503);
};

test('lag and age: at rest everything is 0', async () => {
  const world = aWorld();
  world.produce({ add_members: ['a'] });
  const { pipeline } = await world.start();
  await world.clock.advance(10_000);
  const said = await scrape(world, pipeline);
  expect([LAG, PAUSED, UNAPPLIED, HELD, WAITING].map(said)).toEqual([0, 0, 0, 0, 0]);
});

test('lag and age: the age counts from when the record was written, not from when it was read', async () => {
  const world = aWorld();
  fails(world);
  world.produce({ add_members: ['a'] });
  await world.clock.advance(HOUR_MS);
  const { pipeline } = await world.start();
  await world.clock.advance(60_000);
  expect((await scrape(world, pipeline))(UNAPPLIED)).toBeCloseTo(3_662, 0);
});

test('lag and age: behind the limit of pending changes lag and age are those of what is not read', async () => {
  const world = aWorld({ pipeline: { pendingIntentsMax: 2 } });
  const { pipeline, log } = await world.start();
  // given a paused intake with nothing to apply: the reports of what was applied cannot be written
  log.beforeSend = async (records) => {
    if (records.some(({ topic }) => topic === 'reports')) throw new Error('NOT_ENOUGH_REPLICAS');
  };
  world.produce({ add_members: ['a', 'b'] });
  await world.clock.advance(5_000);
  const before = await scrape(world, pipeline);
  expect([PAUSED, LAG, UNAPPLIED].map(before)).toEqual([1, 0, 0]);
  // when more is written, which no batch tells of
  for (let i = 0; i < 300; i += 1) world.produce({ add_members: [`m${i}`] });
  await world.clock.advance(10_000);
  world.produce({ add_members: ['last'] });
  await world.clock.advance(90_000);
  // then
  const stuck = await scrape(world, pipeline);
  expect([PAUSED, LAG, UNAPPLIED].map(stuck)).toEqual([1, 301, 100]);
  // and when it goes on
  log.beforeSend = async () => undefined;
  await world.clock.advance(60_000);
  const after = await scrape(world, pipeline);
  expect([PAUSED, LAG, UNAPPLIED].map(after)).toEqual([0, 0, 0]);
});

test('lag and age: after a restart what is parked has the age of its record', async () => {
  const world = aWorld();
  fails(world);
  const one = await world.start();
  world.produce({ add_members: ['a'] });
  await world.clock.advance(30_000);
  expect(world.committed()).toBe(1n);
  one.kill();
  await world.clock.advance(HOUR_MS);
  const two = await world.start();
  await world.clock.advance(1_000);
  expect((await scrape(world, two.pipeline))(UNAPPLIED)).toBeCloseTo(3_633, 0);
});

test('lag and age: while its partition is restored, what was read so far of what is parked has its age', async () => {
  const world = aWorld();
  fails(world);
  const { pipeline, log } = await world.start();
  world.produce({ add_members: ['a'] });
  await world.clock.advance(30_000);
  // given a restore that cannot come to its end
  log.inspect = () => new Promise(() => undefined);
  log.rejoin('a test');
  await world.clock.advance(60_000);
  expect(pipeline.stats().partitions[0]?.phase).toBe('restoring');
  const said = await scrape(world, pipeline);
  expect([LAG, UNAPPLIED, HELD, WAITING].map(said)).toEqual([undefined, 90, undefined, undefined]);
});

test('lag and age: while what is parked cannot be restored nothing is said to be 0', async () => {
  const world = aWorld();
  const { pipeline, log } = await world.start();
  // given a fence that cannot be written
  log.beforeSend = () => Promise.reject(new Error('NOT_ENOUGH_REPLICAS'));
  log.rejoin('a test');
  await world.clock.advance(60_000);
  world.produce({ add_members: ['a'] });
  await world.clock.advance(60_000);
  const said = await scrape(world, pipeline);
  expect(pipeline.stats().partitions[0]?.phase).toBe('restoring');
  expect([LAG, UNAPPLIED, HELD, WAITING].map(said)).toEqual([undefined, undefined, undefined, undefined]);
});

test('lag and age: an instance that owns nothing says nothing of lag and age', async () => {
  const world = aWorld();
  world.produce({ add_members: ['a'] });
  const owner = await world.start();
  const spare = await world.start();
  await world.clock.advance(5_000);
  const owned = [owner, spare].map(({ pipeline }) => pipeline.stats().partitions.length);
  const [idle] = [owner, spare].filter((_, i) => owned[i] === 0);
  const said = await scrape(world, (idle ?? spare).pipeline);
  expect([LAG, UNAPPLIED, HELD, WAITING].map(said)).toEqual([undefined, undefined, undefined, undefined]);
  expect(said(PAUSED)).toBe(0);
});

test('lag and age: a partition that is refused is not said to have nothing to read', async () => {
  const world = aWorld();
  world.produce({ add_members: ['a'] });
  const { pipeline, log } = await world.start();
  await world.clock.advance(5_000);
  world.broker.deleteTopic('source');
  world.broker.createTopic({ topic: 'source', partitionCount: 1, replicationFactor: 1, settings: {} });
  world.produce({ add_members: ['b'] });
  log.rejoin('a test');
  await world.clock.advance(5_000);
  expect(pipeline.stats().partitions[0]?.phase).toBe('refused');
  const quiet = await scrape(world, pipeline);
  expect([LAG, UNAPPLIED].map(quiet)).toEqual([undefined, undefined]);
  // and when more is written, it is what lies behind the committed offset
  world.produce({ add_members: ['c'] });
  world.produce({ add_members: ['d'] });
  await world.clock.advance(60_000);
  const said = await scrape(world, pipeline);
  expect([LAG, UNAPPLIED, HELD, WAITING].map(said)).toEqual([2, 60, undefined, undefined]);
});

test('lag and age: with the breaker open the age goes on', async () => {
  const world = aWorld({ pipeline: { retry: { ...retry, attemptsMax: 5 } } });
  fails(world);
  const { pipeline } = await world.start();
  for (const group of ['g', 'h', 'i']) world.produce({ group_id: group, add_members: ['a'] });
  await world.clock.advance(HOUR_MS);
  expect(pipeline.stats().breaker).toMatchObject({ reason: 'target' });
  expect((await scrape(world, pipeline))(UNAPPLIED)).toBe(3_600);
});

test('lag and age: what is denied to the client as a whole does not count as waiting by a schedule', async () => {
  const world = aWorld();
  world.target.onGet = () => answer(403);
  const { pipeline } = await world.start();
  for (const group of ['g', 'h', 'i', 'j']) world.produce({ group_id: group, add_members: ['a'] });
  // What has opened the breaker waits for it, once its tries were given back.
  await world.clock.advance(500);
  expect(pipeline.stats().breaker).toMatchObject({ reason: 'permission' });
  const opened = await scrape(world, pipeline);
  expect([UNAPPLIED, WAITING].map(opened)).toEqual([0.5, 0]);
  await world.clock.advance(HOUR_MS);
  const said = await scrape(world, pipeline);
  expect([UNAPPLIED, WAITING].map(said)).toEqual([3_600.5, 0]);
});

test('lag and age: removals that are held have an age of their own, after a restart too', async () => {
  const world = aWorld({ pipeline: { guard } });
  const members = Array.from({ length: 12 }, (_, i) => `m${i}`);
  for (const member of members) world.target.group('g').members.add(member);
  const one = await world.start();
  world.produce({ remove_members: members });
  await world.clock.advance(60_000);
  const held = await scrape(world, one.pipeline);
  expect([UNAPPLIED, HELD, WAITING].map(held)).toEqual([0, 60, 0]);
  one.kill();
  const two = await world.start();
  await world.clock.advance(58_000);
  const restored = await scrape(world, two.pipeline);
  expect([UNAPPLIED, HELD, WAITING].map(restored)).toEqual([0, 120, 0]);
  // and what is approved can be worked on
  world.target.onPatch = () => answer(503);
  world.approve('kim');
  await world.clock.advance(1_000);
  const approved = await scrape(world, two.pipeline);
  expect([UNAPPLIED, HELD].map(approved)).toEqual([121, 0]);
});

test('lag and age: what waits on the slow schedule has an age of its own until its time comes, after a restart too', async () => {
  const world = aWorld();
  world.target.onGet = () => answer(404);
  const one = await world.start();
  world.produce({ add_members: ['a'] });
  await world.clock.advance(30_000);
  const waiting = await scrape(world, one.pipeline);
  expect([UNAPPLIED, HELD, WAITING].map(waiting)).toEqual([0, 0, 30]);
  one.kill();
  const two = await world.start();
  const restored = await scrape(world, two.pipeline);
  expect([UNAPPLIED, HELD, WAITING].map(restored)).toEqual([0, 0, 32]);
  // when its time has come, and the target fails
  fails(world);
  await world.clock.advance(60_000);
  const due = await scrape(world, two.pipeline);
  expect([UNAPPLIED, HELD, WAITING].map(due)).toEqual([92, 0, 0]);
});

test('lag and age: what the broker does not tell for a while is not known', async () => {
  const world = aWorld();
  const { pipeline, log } = await world.start();
  log.lookAhead = () => Promise.reject(new Error('ECONNREFUSED'));
  await world.clock.advance(10_000);
  const fresh = await scrape(world, pipeline);
  expect([LAG, UNAPPLIED].map(fresh)).toEqual([0, 0]);
  await world.clock.advance(30_000);
  const stale = await scrape(world, pipeline);
  expect([LAG, UNAPPLIED].map(stale)).toEqual([undefined, undefined]);
});
