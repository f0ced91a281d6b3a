import { expect, test } from 'vitest';
import type { OutRecord } from '../../../src/ports.ts';
import { pause } from '../../../src/time.ts';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';
import type { TappedLog } from '../../support/tapped-log.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const sessionTimeoutMs = 60_000;

test('intake limit: a new owner with more in the live records than the limit reads on to where they end, and works', async () => {
  // given a change without an answer, far before some that are parked
  const clock = new JumpingClock();
  const world = await aWorld({
    clock,
    sessionTimeoutMs,
    sandbox: {
      seed: {
        groups: [
          { id: 'g', members: [] },
          { id: 'p', members: [] },
        ],
      },
    },
  });
  const unanswered = world.sandbox.pauseAt(({ method, group }) => method === 'GET' && group === 'g');
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  world.change('g', { add: ['u'] });
  const one = await world.start({
    api: { requestTimeoutMs: 10_000_000 },
    pipeline: { retry: { baseMs: 10_000_000, capMs: 10_000_000, attemptsMax: 5, slowScheduleMs: [] } },
  });
  for (let i = 0; i < 600; i += 1) {
    world.produce({ topic: topics.source, partition: 0, key: 'g', value: null, headers: [] });
  }
  const parked = world.change('p', { add: ['a', 'b', 'c'] });
  await until(() => world.hasCompletedRange(), 'the completed ranges');
  await until(() => world.outcome(parked, 'c') === 'retry_scheduled', 'the parking');
  await until(() => world.lastState('p')?.intents.length === 3, 'the live record');
  // when another owner has room for two
  one.kill();
  await clock.jump(sessionTimeoutMs);
  unanswered.release();
  world.sandbox.removeRule(rule);
  const two = await world.start({ name: 'two', pipeline: { pendingIntentsMax: 2 } });
  // then
  await until(() => world.sandbox.members('g').includes('u'), 'the first change');
  expect(two.pipeline.stats().parked).toBe(3);
});

test('intake limit: reports that cannot be written count, and reading goes on once they are written', async () => {
  // given events that change nothing, each with a report
  const world = new QuickWorld({ pipeline: { pendingIntentsMax: 10 } });
  const { log, pipeline } = await world.start();
  log.beforeSend = async () => Promise.reject(new Error('NOT_ENOUGH_REPLICAS'));
  const say = async (count: number): Promise<void> => {
    for (let each = 0; each < count; each += 1) world.produce({ add_members: [] });
    await world.clock.advance(1_000);
  };
  await say(9);
  expect(pipeline.stats().isIntakePaused).toBe(false);
  await say(1);
  expect(pipeline.stats().isIntakePaused).toBe(true);
  // when
  log.beforeSend = async () => undefined;
  await world.clock.advance(60_000);
  // then
  expect(pipeline.stats().isIntakePaused).toBe(false);
  await say(1);
  expect(world.reports()).toHaveLength(11);
});

const REPORTS_WAITING = 10_000;
const NEVER = new Promise<void>(() => undefined);

/** Events that change nothing, each with a report, and then a change. */
async function readBehindReports(world: QuickWorld): Promise<void> {
  for (let each = 0; each < REPORTS_WAITING; each += 1) world.produce({ add_members: [] });
  await world.clock.advance(500);
  world.produce({ add_members: ['u'] });
  await world.clock.advance(500);
}

test('intake limit: while very many reports are being written nothing more is read', async () => {
  // given
  const world = new QuickWorld();
  const { log, pipeline } = await world.start();
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  log.beforeSend = () => released;
  await readBehindReports(world);
  expect(world.target.requestCount).toBe(0);
  expect(pipeline.stats().isIntakePaused).toBe(false);
  // when
  release();
  await world.clock.advance(60_000);
  // then
  expect(world.target.group('g').members).toEqual(new Set(['u']));
  expect(world.reports()).toHaveLength(REPORTS_WAITING + 1);
});

test('intake limit: a partition catches up although no report is acknowledged', async () => {
  // given a backlog with a change behind very many reports
  const world = new QuickWorld({
    beforeSend: async (records) => (records.some(({ topic }) => topic === topics.report) ? NEVER : undefined),
  });
  for (let each = 0; each <= REPORTS_WAITING; each += 1) world.produce({ add_members: [] });
  world.produce({ add_members: ['u'] });
  // when
  await world.start();
  await world.clock.advance(3_000);
  // then
  expect(world.target.group('g').members).toEqual(new Set(['u']));
});

test('intake limit: once reports are written again changes are read at once, however many wait', async () => {
  // given reports without an answer, and more of them than the limit
  const world = new QuickWorld();
  const { log } = await world.start();
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  log.beforeSend = () => released;
  await readBehindReports(world);
  await world.clock.advance(3_000);
  for (let each = 0; each < REPORTS_WAITING; each += 1) world.produce({ add_members: [] });
  await world.clock.advance(1_000);
  // when they are written one round a second
  log.beforeSend = () => pause(world.clock, 1_000);
  release();
  await world.clock.advance(100);
  world.produce({ add_members: ['v'] });
  await world.clock.advance(2_000);
  // then
  expect(world.reports().length).toBeLessThan(REPORTS_WAITING);
  expect(world.target.group('g').members).toEqual(new Set(['u', 'v']));
});

const isReport = ({ topic }: OutRecord): boolean => topic === topics.report;

test.each<[string, TappedLog['beforeSend']]>([
  ['are refused', async () => Promise.reject(new Error('NOT_ENOUGH_REPLICAS'))],
  ['are not answered', async (records) => (records.some(isReport) ? NEVER : undefined)],
])('intake limit: where reports %s changes are read and applied all the same', async (_, beforeSend) => {
  const world = new QuickWorld();
  const { log } = await world.start();
  log.beforeSend = beforeSend;
  await readBehindReports(world);
  await world.clock.advance(3_000);
  expect(world.target.group('g').members).toEqual(new Set(['u']));
});

test('intake limit: trouble elsewhere does not lift the limit of reports', async () => {
  // given a live record that cannot be written, and reports that are written by and by
  const world = new QuickWorld();
  world.target.onPatch = ({ group }) => (group === 'h' ? answer(503) : null);
  const { log } = await world.start();
  log.beforeSend = async (records) => {
    if (records.some(({ topic }) => topic === topics.retry)) throw new Error('NOT_ENOUGH_REPLICAS');
    await pause(world.clock, 1_000);
  };
  world.produce({ group_id: 'h', add_members: ['v'] });
  await world.clock.advance(3_000);
  // when
  await readBehindReports(world);
  await world.clock.advance(1_000);
  // then
  expect(world.target.group('g').members).toEqual(new Set());
  await world.clock.advance(20_000);
  expect(world.target.group('g').members).toEqual(new Set(['u']));
});

test('intake limit: a large group that fails alone does not keep the others from being read', async () => {
  // given a group whose requests all fail, with more changes than one of them holds
  const world = new QuickWorld({ pipeline: { pendingIntentsMax: 500 } });
  world.target.onPatch = ({ group }) => (group === 'g' ? answer(503) : null);
  world.produce({ add_members: Array.from({ length: 800 }, (_, index) => `u${index}`) });
  const { pipeline } = await world.start();
  await world.clock.advance(10_000);
  // then
  expect(pipeline.stats().isIntakePaused).toBe(false);
});
