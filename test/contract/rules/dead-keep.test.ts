import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { anIntent, aRequest, expire, failing } from '../../support/retry-records.ts';
import type { InstanceOptions } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const once = { retry: { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] }, breakerFailures: 1_000 };

/** Three adds that were given up one after the other; the sweep comes every minute. */
async function threeDead(pipeline: InstanceOptions['pipeline']) {
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  failing(world);
  const one = await world.start({ pipeline: { ...once, ...pipeline } });
  for (const member of ['a', 'b', 'c']) {
    world.change('g', { add: [member] });
    await world.expectRest(one);
  }
  await until(() => world.lastState('g')?.intents.length === 3, 'three marks');
  return { clock, world, one };
}

test('DEAD_KEEP_COUNT: beyond it the oldest dead changes are dropped, and a replay says so', async () => {
  const { clock, world } = await threeDead({ deadKeepCount: 1 });
  await clock.jump(60_001);
  await until(() => world.lastState('g')?.intents.length === 1, 'the drop');
  expect(world.lastState('g')?.intents).toMatchObject([{ member: 'c' }]);
  world.produce(aRequest('r', [anIntent({ offset: 0n, op: 'add', member: 'a' })]));
  await until(() => world.retry().some((record) => record.kind === 'request' && record.wanted === null), 'the answer');
  expect(world.lastState('g')?.intents).toMatchObject([{ member: 'c' }]);
});

test('DEAD_KEEP_MS: older dead changes are dropped', async () => {
  const { clock, world, one } = await threeDead({ deadKeepMs: 30_000 });
  await clock.jump(60_001);
  await until(() => world.lastState('g')?.intents.length === 0, 'the tombstone');
  expect(one.pipeline.stats().dead).toBe(0);
});

test('live record: of one that is too large dead changes are dropped, after their reports', async () => {
  // given a live record that is full of dead changes
  const world = await aWorld({ retryRecordMaxBytes: 2_000 });
  failing(world);
  const one = await world.start({ pipeline: once });
  const members = Array.from({ length: 150 }, () => randomUUID());
  world.change('g', { add: members });
  await world.expectRest(one);
  // then some of them are dropped, and all are reported
  const kept = world.lastState('g')?.intents.map(({ member }) => member) ?? [];
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.length).toBeLessThan(150);
  expect(one.pipeline.stats().dead).toBe(kept.length);
  expect(
    new Set(
      world
        .reports()
        .filter(({ final }) => final)
        .map(({ member }) => member),
    ),
  ).toEqual(new Set(members));
});

test('dead-keep: what is given up is kept until its report is acknowledged', async () => {
  // given an add that was parked and is given up, and reports that cannot be written
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  const repair = failing(world);
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({
    pipeline: { ...once, retry: { ...once.retry, attemptsMax: 2 }, deadKeepCount: 0 },
  });
  let refused = 0;
  one.log.beforeSend = async (records) => {
    if (!records.some(({ topic, value }) => topic === topics.report && JSON.parse(String(value)).final)) return;
    refused += 1;
    throw new Error('the report topic has no leader');
  };
  await until(() => one.pipeline.stats().dead === 1 && world.committed() === add + 1n, 'the giving-up');
  // when the sweep comes, and rounds of settling after it
  await clock.jump(60_001);
  const before = refused;
  for (let rounds = 1; rounds <= 2; rounds += 1) {
    await clock.jump(10_000);
    await until(() => refused >= before + rounds, 'another round');
  }
  // then the next owner still finds the add
  one.kill();
  repair();
  expire(world);
  const next = await world.start({ name: 'next' });
  await world.expectRest(next);
  expect(world.outcome(add, 'u')).toBe('recovered');
  expect(world.sandbox.members('g')).toEqual(['u']);
});
