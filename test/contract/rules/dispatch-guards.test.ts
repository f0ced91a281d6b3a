import { expect, test } from 'vitest';
import { partitionOfKey } from '../../../src/core/log/reading.ts';
import type { SourceFormat } from '../../../src/core/change/change.ts';
import { native } from '../../../src/formats/native/native.ts';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { anApi, get } from '../../support/genesys.ts';
import { holdNext, requests } from '../../support/group-requests.ts';
import type { Instance } from '../../support/world.ts';
import { aWorld, until } from '../../support/world.ts';

const sessionTimeoutMs = 60_000;
const lateApplyMs = 20_000;
const leaseMs = 30_000;
/** A held request must not time out while the clock jumps. */
const patient = { requestTimeoutMs: 10_000_000 };

/** What was under way has taken every step that it wanted. */
const idle = (instance: Instance): Promise<void> =>
  until(() => instance.pipeline.stats().inFlight === 0, 'the end of the flight');

test('lease: an owner that wakes up sends nothing, the partition has another one', async () => {
  // given an owner that freezes while it reads a group
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs });
  const read = holdNext(world.sandbox, 'GET');
  world.change('g', { add: ['u'] });
  const one = await world.start({ api: patient, pipeline: { leaseMs } });
  await read.arrived;
  one.log.freeze();
  await clock.jump(sessionTimeoutMs);
  // and a new owner, with whom a newer remove is final
  const remove = world.change('g', { remove: ['u'] });
  const two = await world.start({ name: 'two', pipeline: { lateApplyMs }, api: patient });
  await until(() => requests(world.sandbox, 'GET').length === 2, 'the read of the new owner');
  await idle(two);
  await clock.jump(lateApplyMs);
  await world.expectRest(two);
  expect(world.outcome(remove, 'u')).toBe('already_synced');
  // when the former owner has its answer
  read.release();
  await idle(one);
  // then it sends nothing more
  expect(requests(world.sandbox, 'PATCH')).toEqual([]);
  expect(world.sandbox.members('g')).toEqual([]);
});

test('lease: it is asked again in the tick that writes to the socket', async () => {
  // given a request that waits for its token
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs });
  const token = world.sandbox.pauseAt(({ endpoint }) => endpoint === 'token');
  world.change('g', { add: ['u'] });
  const one = await world.start({ api: patient, pipeline: { leaseMs } });
  await token.arrived;
  // when the lease ends meanwhile
  one.log.freeze();
  await clock.jump(leaseMs + 1);
  token.release();
  await idle(one);
  // then nothing is sent, until the lease is renewed
  expect(requests(world.sandbox, 'GET')).toEqual([]);
  one.log.thaw();
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['u']);
});

test.each([
  { what: 'the monotonic clock stood still', advance: async (clock: JumpingClock) => clock.jumpWall(leaseMs + 1) },
  {
    what: 'the wall clock was set back',
    advance: async (clock: JumpingClock) => {
      clock.jumpWall(-3_600_000);
      await clock.jump(leaseMs + 1);
    },
  },
])('lease: the later of both clocks counts, $what', async ({ advance }) => {
  // given a heartbeat, and no other one
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  const read = holdNext(world.sandbox, 'GET');
  world.change('g', { add: ['u'] });
  const one = await world.start({ api: patient, pipeline: { leaseMs } });
  await read.arrived;
  one.log.freeze();
  // when only one of the clocks shows how long ago it was
  await advance(clock);
  read.release();
  await idle(one);
  // then nothing is sent, until the lease is renewed
  expect(requests(world.sandbox, 'PATCH')).toEqual([]);
  one.log.thaw();
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['u']);
});

test('halt: an owner that is joining sends nothing, the partition has another one already', async () => {
  // given a group `g` of the second partition, which belongs to the second member
  expect(partitionOfKey(Buffer.from('g'), 2)).toBe(1);
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs, partitionCount: 2 });
  const first = await world.start({ name: 'first' });
  await until(() => first.pipeline.stats().ready, 'the first member');
  const one = await world.start({ name: 'one', api: patient });
  const owned = (instance: Instance): string =>
    instance.pipeline
      .stats()
      .partitions.map(({ partition, phase }) => `${partition} ${phase}`)
      .join();
  await until(() => owned(first) === '0 running' && owned(one) === '1 running', 'a partition each');
  const read = holdNext(world.sandbox, 'GET');
  world.change('g', { add: ['u'] });
  await read.arrived;
  // when a third member comes and the first is gone, so that the second partition goes to the third member
  first.log.freeze();
  const two = await world.start({ name: 'two', api: patient, pipeline: { lateApplyMs } });
  await until(() => !one.pipeline.stats().ready, 'the join');
  one.log.freeze();
  await clock.jump(sessionTimeoutMs);
  await until(() => owned(two).includes('1 running'), 'the new owner');
  // and a newer remove is final there
  world.change('g', { remove: ['u'] });
  await until(() => requests(world.sandbox, 'GET').length === 2, 'the read of the new owner');
  await idle(two);
  await clock.jump(lateApplyMs);
  await until(() => world.kept().get('source/1/1/u')?.outcome === 'already_synced', 'the remove');
  // then the second member, which still waits for its assignment, sends nothing more
  read.release();
  await idle(one);
  expect(requests(world.sandbox, 'PATCH')).toEqual([]);
  expect(world.sandbox.members('g')).toEqual([]);
});

test('barrier: an old change is not applied before the newer one is read', async () => {
  // given an add, something that makes the log stall, and a remove in a later batch
  const world = await aWorld();
  const add = world.change('g', { add: ['u'] });
  const stall = world.change('stall', {});
  while (world.change('filler', {}) < 600n);
  const remove = world.change('g', { remove: ['u'] });
  let isStalled = false;
  const format: SourceFormat = {
    name: 'stalling',
    decode: (record, topic) => {
      const decoded = native.decode(record, topic);
      if (decoded[0].kind === 'delta' && decoded[0].group === 'stall') {
        isStalled = true;
        one.log.freeze();
      }
      return decoded;
    },
  };
  // when the log stalls after the first batch
  const one = await world.start({ format, pipeline: { lingerMs: 0 } });
  await until(() => isStalled && world.outcomeOfEvent(stall) === 'no_changes', 'the first batch');
  expect(one.pipeline.stats().partitions).toMatchObject([{ phase: 'catching_up' }]);
  const probe = anApi(world.sandbox);
  for (let round = 0; round < 5; round += 1) await get(probe, 'other');
  // then nothing is sent before the rest is read
  expect(requests(world.sandbox, 'GET')).toEqual([]);
  one.log.thaw();
  await world.expectRest(one);
  expect(requests(world.sandbox, 'PATCH')).toEqual([]);
  expect(world.outcome(add, 'u')).toBe('superseded');
  expect(world.outcome(remove, 'u')).toBe('already_synced');
});
