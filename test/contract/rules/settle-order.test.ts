import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { OutRecord } from '../../../src/ports.ts';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { holdNext } from '../../support/group-requests.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const sessionTimeoutMs = 60_000;
/** What is parked does not come back by itself. */
const retry = { baseMs: 1e9, capMs: 1e9, attemptsMax: 100, slowScheduleMs: [1e9] };

/** The next owner, once the former one has died. */
async function aNextOwner(world: World, clock: JumpingClock) {
  await clock.jump(sessionTimeoutMs);
  return world.start({ name: 'two' });
}

/** An event of another group, and the commit that follows its report. */
async function commitBehind(world: World): Promise<void> {
  const offset = world.change('behind', { add: [] });
  await until(() => (world.committed() ?? 0n) > offset || world.hasCompletedRange(), 'a commit');
}

async function leavesNothing(world: World, owner: Instance): Promise<void> {
  await until(() => world.lastState('g')?.intents.length === 0, 'the tombstone');
  await until(() => world.committed() === world.broker.topic(topics.source).partition(0).end, 'the end');
  expect(owner.pipeline.stats().pending).toBe(0);
}

const isTo = (topic: string, records: readonly OutRecord[]): boolean =>
  records.some((record) => record.topic === topic);

test('park: what is neither reported nor parked is not committed', async () => {
  // given a change whose request is on its way, and a later one that is final
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs });
  const held = holdNext(world.sandbox, 'PATCH');
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ api: { requestTimeoutMs: 600_000 } });
  await held.arrived;
  await commitBehind(world);
  expect(world.committed()).toBe(add);
  // when the owner dies, and its request never arrives
  one.kill();
  const two = await aNextOwner(world, clock);
  // then the next owner applies it
  await until(() => world.outcome(add, 'u') === 'applied', 'the change');
  await world.expectRest(two);
  expect(world.sandbox.members('g')).toEqual(['u']);
  held.release();
});

test('park: it counts as parked when the live record is acknowledged', async () => {
  // given a failed change whose live record cannot be written
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs });
  const down = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: { retry } });
  await until(() => one.pipeline.stats().ready, 'the restore');
  one.log.beforeSend = async (records) => {
    if (isTo(topics.retry, records)) throw new Error('the retry topic has no leader');
  };
  await until(() => world.outcome(add, 'u') === 'retry_scheduled', 'the parking');
  await commitBehind(world);
  expect(world.committed()).toBe(add);
  // when the owner dies
  one.kill();
  world.sandbox.removeRule(down);
  const two = await aNextOwner(world, clock);
  // then the next owner applies it
  await until(() => world.outcome(add, 'u') === 'applied', 'the change');
  await world.expectRest(two);
  expect(world.sandbox.members('g')).toEqual(['u']);
});

test('park: what does not fit into the live record is not committed', async () => {
  // given more failed changes of one record than a live record can hold
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs, retryRecordMaxBytes: 2_000 });
  const down = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const members = Array.from({ length: 100 }, () => randomUUID());
  const add = world.change('g', { add: members });
  const one = await world.start({ pipeline: { retry, membersPerPatchMax: 50 } });
  await until(() => (world.lastState('g')?.intents.length ?? 0) > 0, 'a live record');
  await commitBehind(world);
  expect(world.lastState('g')?.intents.length).toBeLessThan(100);
  expect(world.committed()).toBe(add);
  // when the owner dies
  one.kill();
  world.sandbox.removeRule(down);
  const two = await aNextOwner(world, clock);
  // then the next owner applies all
  await until(() => world.sandbox.members('g').length === 100, 'the members');
  await world.expectRest(two);
});

test('report-first: the live record shrinks after the report, not before', async () => {
  // given a parked add that is committed
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs });
  const down = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: { retry, lateApplyMs: 1 } });
  await until(() => world.committed() === add + 1n, 'the parking');
  world.sandbox.removeRule(down);
  // when it lands, and another change of the group is parked, while earlier reports are on their way
  const held: (() => void)[] = [];
  one.log.beforeSend = (records) =>
    isTo(topics.report, records) ? new Promise((resolve) => held.push(resolve)) : Promise.resolve();
  world.change('behind', { add: [] });
  await until(() => held.length === 1, 'earlier reports');
  const unknown = { kind: 'status', status: 400, body: 'scim', scimType: 'invalidValue' } as const;
  world.sandbox.addRule({ match: { method: 'PATCH', member: 'unknown' }, fault: unknown });
  world.change('g', { add: ['good', 'unknown'] });
  await until(() => world.sandbox.members('g').length === 2 && one.pipeline.stats().inFlight === 0, 'the add');
  held[0]?.();
  await until(() => held.length === 2, 'its report');
  expect(world.lastState('g')?.intents.map(({ member }) => member)).toEqual(['u', 'unknown']);
  // and the owner dies with its report unsent
  one.kill();
  const two = await aNextOwner(world, clock);
  // then the next owner reports it
  await until(() => world.kept().get(`source/0/${add}/u`)?.final === true, 'its report');
  expect(world.outcome(add, 'u')).toBe('recovered');
  expect(two.pipeline.stats().breaker).toBeNull();
});

test('record-first: nothing is committed while the live record holds something older', async () => {
  // given a parked add that is committed, and a newer remove that is reported
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs });
  const down = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: { retry, lateApplyMs: 1 } });
  await until(() => world.committed() === add + 1n, 'the parking');
  world.sandbox.removeRule(down);
  // when the live record cannot be written
  one.log.beforeSend = async (records) => {
    if (isTo(topics.retry, records)) throw new Error('the retry topic has no leader');
  };
  const remove = world.change('g', { remove: ['u'] });
  await until(() => world.outcome(remove, 'u') === 'already_synced', 'the remove');
  await commitBehind(world);
  expect(world.committed()).toBe(remove);
  // and the owner dies
  one.kill();
  // then the next owner reads the remove again
  await leavesNothing(world, await aNextOwner(world, clock));
  expect(world.sandbox.members('g')).toEqual([]);
});

test('record-first: nothing is committed while something older may be in a live record without an answer', async () => {
  // given a parked add whose live record is written, but the answer is lost; and no other can be written
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs });
  const down = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: { retry, lateApplyMs: 1 } });
  one.log.afterSend = async (records) => {
    if (!records.some(({ topic, key }) => topic === topics.retry && key === 'g')) return;
    one.log.beforeSend = async (others) => {
      if (isTo(topics.retry, others)) throw new Error('the retry topic has no leader');
    };
    throw new Error('the answer is lost');
  };
  await until(() => world.lastState('g')?.intents.length === 1, 'the live record');
  world.sandbox.removeRule(down);
  // when a newer remove is reported
  const remove = world.change('g', { remove: ['u'] });
  await until(() => world.outcome(remove, 'u') === 'already_synced', 'the remove');
  await commitBehind(world);
  expect(world.committed()).toBeLessThanOrEqual(remove);
  // and the owner dies
  one.kill();
  // then the next owner reads the remove again
  await leavesNothing(world, await aNextOwner(world, clock));
  expect(world.outcome(add, 'u')).toBe('superseded');
  expect(world.sandbox.members('g')).toEqual([]);
});
