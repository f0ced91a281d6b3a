/** What the pipeline keeps in memory at rest follows from the live records alone, however much it has seen. */
import { expect, test } from 'vitest';
import { encodeRanges } from '../../../src/core/log/ledger.ts';
import type { Sizes } from '../../../src/pipeline/stats.ts';
import type { IdMap, OutRecord } from '../../../src/ports.ts';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { QuickTarget } from '../../support/quick-target.ts';
import { anIntent, aRequest, commitBefore, expire, fences } from '../../support/retry-records.ts';
import type { Instance, InstanceOptions, World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const hours = 6 * 3_600_000;
const bulk = {
  concurrency: 20,
  lateApplyMs: 1,
  pendingIntentsMax: 1_000_000,
  retry: { baseMs: 1, capMs: 1, attemptsMax: 5, slowScheduleMs: Array.from({ length: 5 }, () => hours) },
  breakerFailures: 1_000_000,
} satisfies InstanceOptions['pipeline'];

const none = {
  groups: 0,
  members: 0,
  aliases: 0,
  deferred: 0,
  unconfirmed: 0,
  toWrite: 0,
  unacknowledged: 0,
  openOffsets: 0,
  knownRanges: 0,
  recordOrders: 0,
  staleRecords: 0,
  formerKeys: 0,
  unresolved: 0,
  restored: 0,
  digests: 0,
  inboxes: 0,
  ownRecords: 0,
  requests: 0,
  answers: 0,
  ready: 0,
  waiting: 0,
  locks: 0,
  outbox: 0,
  unsettled: 0,
  lookUps: 0,
  notices: 0,
  removals: 0,
} as const satisfies Sizes;

const anAdd = (group: string, member: string): OutRecord => ({
  topic: topics.source,
  partition: null,
  key: group,
  headers: [],
  value: JSON.stringify({ group_id: group, add_members: [member] }),
});

/** One add of each of so many groups. */
function addAll(world: World, count: number, member: string): void {
  world.broker.append(Array.from({ length: count }, (_, i) => anAdd(`g${i}`, member)));
}

/** `sizes` is what there is once nothing of it is under way. */
async function expectSizes({ pipeline }: Instance, sizes: Partial<Sizes>): Promise<void> {
  const expected = JSON.stringify({ ...none, ...sizes });
  await until(() => JSON.stringify(pipeline.sizes()) === expected, 'the baseline').catch(() => undefined);
  expect(pipeline.sizes()).toEqual({ ...none, ...sizes });
}

test('memory: 100,000 groups, each touched once, most of them by a former owner: nothing of them stays', async () => {
  // given all are complete but one in ten, in as many ranges as commit metadata has room for
  const count = 100_000;
  const world = await aWorld();
  addAll(world, count, 'u');
  const ranges = Array.from({ length: 500 }, (_, i) => ({ from: BigInt(i * 200 + 20), to: BigInt(i * 200 + 200) }));
  commitBefore(world, 0n, encodeRanges(0n, ranges));
  const target = new QuickTarget();
  // when
  const one = await world.start({ target, pipeline: bulk });
  await one.pipeline.whenAtRest();
  // then
  await expectSizes(one, {});
  expect([target.members('g0'), target.members('g20'), target.members('g99800')]).toEqual([['u'], [], ['u']]);
}, 120_000);

test('memory: what is parked is all that stays, after events and take-overs, and nothing when it is done', async () => {
  // given 50 groups with a member who is not known, and 2,000 groups that were parked once and are done
  const world = await aWorld();
  const target = new QuickTarget();
  target.failsFirst = true;
  addAll(world, 2_000, 'u');
  addAll(world, 50, 'unknown');
  const one = await world.start({ target, pipeline: bulk });
  await until(() => world.committed() === 2_050n, 'the parkings');
  const parked = { groups: 50, members: 50, recordOrders: 50, waiting: 50 };
  await expectSizes(one, parked);
  // when other members of one of the groups come and go
  for (let i = 0; i < 100; i++) world.change('g0', { [i % 2 === 0 ? 'add' : 'remove']: ['other'] });
  await until(() => world.committed() === 2_150n, 'the changes');
  await expectSizes(one, parked);
  // and the partition is lost and gained again
  for (let i = 0; i < 5; i++) {
    one.log.rejoin('a coordinator moves');
    await until(() => one.pipeline.stats().parked === 0, 'the loss');
    await until(() => one.pipeline.stats().parked === 50, 'the restore');
  }
  // then its live records are those of a former epoch, which no order of records is kept of
  await expectSizes(one, { ...parked, recordOrders: 0 });
  // and when a newer change takes the place of each
  world.broker.append(
    Array.from({ length: 50 }, (_, i) => ({
      ...anAdd(`g${i}`, ''),
      value: JSON.stringify({ group_id: `g${i}`, remove_members: ['unknown'] }),
    })),
  );
  await one.pipeline.whenAtRest();
  await expectSizes(one, {});
}, 120_000);

test('memory: what waits for an answer holds nothing of a partition that is lost meanwhile', async () => {
  // given groups that wait for a look-up, which is not answered
  const world = await aWorld();
  let asked = 0;
  const ids: IdMap = {
    known: (kind, id) => (kind === 'group' ? { kind: 'found', id, isActive: true } : null),
    lookUp: () => {
      asked += 1;
      return new Promise(() => undefined);
    },
    onChange: () => undefined,
    close: async () => undefined,
  };
  for (let i = 0; i < 100; i++) world.change(`g${i}`, { add: [`u${i}`] });
  const one = await world.start({ ids, target: new QuickTarget(), pipeline: { ...bulk, drainTimeoutMs: 1 } });
  await until(() => one.pipeline.sizes().lookUps === 100 && asked === 20, 'the look-ups');
  // when the partition is lost
  const group = world.broker.group('rollcall');
  one.log.beforeSend = () => new Promise(() => undefined);
  for (const member of group.memberIds) group.leave(member);
  await until(() => one.pipeline.sizes().groups === 0, 'the loss');
  // then only what was asked is waited for
  await expectSizes(one, { lookUps: 20 });
});

test('memory: names of an id map stay no longer than their members', async () => {
  const world = await aWorld();
  const ids: IdMap = {
    known: (_, id) => ({ kind: 'found', id: id.replace('alias-', ''), isActive: true }),
    lookUp: () => Promise.reject(new Error('nothing is asked for')),
    onChange: () => undefined,
    close: async () => undefined,
  };
  const target = new QuickTarget();
  world.change('g', { add: ['unknown'] });
  const one = await world.start({ ids, target, pipeline: bulk });
  for (let i = 0; i < 100; i++) world.change('g', { add: [`u${i}`, `alias-u${i}`] });
  world.state('h', ['a', 'alias-b']);
  await until(() => world.committed() === 102n, 'the changes');
  // One name of one member, in both directions.
  await expectSizes(one, { groups: 1, members: 1, recordOrders: 1, waiting: 1, aliases: 2 });
});

test('memory: dead changes and removals are dropped at each sweep, not at the first only', async () => {
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  const target = new QuickTarget();
  const options = { ...bulk, retry: { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] }, deadKeepMs: 30_000 };
  const one = await world.start({ target, pipeline: options });
  for (let round = 0; round < 3; round++) {
    world.change('g', { add: ['known', 'unknown'] });
    world.change('h', { add: ['known'] });
    await one.pipeline.whenAtRest();
    world.change('h', { remove: ['known'] });
    await until(() => one.pipeline.sizes().removals === 1, 'a removal');
    await one.pipeline.whenAtRest();
    expect(one.pipeline.stats().dead).toBe(1);
    for (let minute = 0; minute < 12; minute++) await clock.jump(60_001);
    await expectSizes(one, {});
  }
});

test('memory: requests of operators leave nothing behind', async () => {
  const world = await aWorld();
  const target = new QuickTarget();
  world.change('g', { add: ['unknown'] });
  const one = await world.start({ target, pipeline: bulk });
  await until(() => one.pipeline.stats().parked === 1, 'the parking');
  for (let i = 0; i < 20; i++)
    world.produce(aRequest(`r${i}`, [anIntent({ offset: 7n, op: 'add', member: 'nobody' })]));
  await until(() => world.retry().filter((record) => record.kind === 'request').length === 40, 'the answers');
  await expectSizes(one, { groups: 1, members: 1, recordOrders: 1, waiting: 1 });
  one.kill();
  expire(world);
  const two = await world.start({ name: 'two', target, pipeline: bulk });
  await until(() => two.pipeline.stats().parked === 1, 'the restore');
  await expectSizes(two, { groups: 1, members: 1, waiting: 1 });
});

test('memory: the late failure of a write for a partition that was lost and gained again leaves nothing behind', async () => {
  // given a live record that is on its way when the partition is lost
  const world = await aWorld();
  const target = new QuickTarget();
  target.failsFirst = true;
  const one = await world.start({ target, pipeline: bulk });
  await until(() => one.pipeline.stats().ready, 'the owner');
  let fail: ((error: Error) => void) | null = null;
  one.log.beforeSend = (records) => {
    const isHeld = fail === null && records.some(({ topic, key }) => topic === topics.retry && key === 'g');
    return isHeld ? new Promise((_, reject) => (fail = reject)) : Promise.resolve();
  };
  world.change('g', { add: ['u'] });
  await until(() => fail !== null, 'the live record');
  one.log.rejoin('a coordinator moves');
  await until(() => fences(world).length === 2 && target.members('g').length === 1, 'the new start');
  // when it fails after all is done
  (fail as ((error: Error) => void) | null)?.(new Error('REQUEST_TIMED_OUT'));
  await one.pipeline.whenAtRest();
  // then
  await expectSizes(one, {});
  expect(one.pipeline.stats().unsettled).toEqual([]);
});
