/** What cannot be written: it is cut, tried again with growing pauses and shown, and it stops only what depends on it. */
import { expect, test } from 'vitest';
import { readiness } from '../../../src/admin/readiness.ts';
import { partitionOfKey } from '../../../src/core/log/reading.ts';
import type { LogRecord, OutRecord } from '../../../src/ports.ts';
import { JumpingClock } from '../../support/jumping-clock.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

/** Knows how much waits for its time. */
class CountingClock extends JumpingClock {
  scheduledCount = 0;

  override schedule(delayMs: number, run: () => void): () => void {
    let isOpen = true;
    const close = (): void => {
      if (isOpen) this.scheduledCount -= 1;
      isOpen = false;
    };
    const cancel = super.schedule(delayMs, () => {
      close();
      run();
    });
    this.scheduledCount += 1;
    return () => {
      close();
      cancel();
    };
  }
}

const retry = { baseMs: 1e9, capMs: 1e9, attemptsMax: 100, slowScheduleMs: [1e9] };

const groups = Array.from({ length: 40 }, (_, i) => `g${i}`);
const seed = { groups: groups.map((id) => ({ id, members: [], version: 1 })) };

/** A topic of the world with other settings, before anything is in it. */
function recreate(world: World, topic: string, partitionCount: number, settings: Record<string, string> = {}): void {
  world.broker.deleteTopic(topic);
  world.broker.createTopic({ topic, partitionCount, replicationFactor: 1, settings });
}

const isTo = (topic: string, records: readonly OutRecord[]): boolean =>
  records.some((record) => record.topic === topic);

const reasonsOf = ({ pipeline }: Instance): readonly string[] => readiness(pipeline.stats()).reasons;

const textOf = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString();

const headerOf = (record: LogRecord | undefined, name: string): string | undefined => {
  const found = record?.headers.find(([each]) => each === name);
  return found === undefined ? undefined : textOf(found[1]);
};

async function ready(world: World, options: Parameters<World['start']>[0] = {}): Promise<Instance> {
  const one = await world.start(options);
  await until(() => one.pipeline.stats().ready, 'the restore');
  return one;
}

/** Every group has its member, and what is to be said of it is in memory. */
const allApplied = (world: World, { pipeline }: Instance): Promise<void> =>
  until(() => groups.every((id) => world.sandbox.members(id).length === 1) && pipeline.stats().pending === 0, 'all');

/** As long as it takes until it has failed again and again. */
async function failAgain(clock: JumpingClock): Promise<void> {
  for (let i = 0; i < 8; i += 1) {
    await clock.jump(10_000);
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
  }
}

test.for([20_000, 2_000, 700])(
  'settle: a bad record is a dead letter that is cut until it fits, where %i bytes are taken',
  async (limit) => {
    const world = await aWorld();
    recreate(world, topics.deadLetter, 1, { 'max.message.bytes': String(limit) });
    const value = `{"group_id": ${'x'.repeat(500_000)}`;
    const offset = world.produce({ topic: topics.source, partition: null, key: 'g', value, headers: [] });
    const one = await world.start();
    await world.expectRest(one);
    expect(world.outcomeOfEvent(offset)).toBe('invalid');
    const [letter, ...others] = world.records(topics.deadLetter);
    expect(others).toEqual([]);
    expect(headerOf(letter, 'rollcall-truncated')).toBe('true');
    expect(headerOf(letter, 'rollcall-original-offset')).toBe('0');
    expect(value.startsWith(textOf(letter?.value))).toBe(true);
  },
);

test("settle: a dead letter leaves out the source record's own headers, and cuts its key, where only that makes it fit", async () => {
  const world = await aWorld();
  recreate(world, topics.deadLetter, 1, { 'max.message.bytes': '1000' });
  const headers = [['trace', Buffer.alloc(5_000, 't')]] as const;
  world.produce({ topic: topics.source, partition: null, key: 'k'.repeat(10_000), value: 'bad', headers });
  const one = await world.start();
  await world.expectRest(one);
  const [letter] = world.records(topics.deadLetter);
  expect([headerOf(letter, 'rollcall-error-code'), headerOf(letter, 'trace')]).toEqual(['not_json', undefined]);
  expect(textOf(letter?.key)).toBe('k'.repeat(256));
});

test('settle: a report that does not fit drops its details, then group and member, never its id and outcome', async () => {
  // given names that are as long as names may be
  const group = `g${'x'.repeat(200)}`;
  const members = ['short', 'm'.repeat(200)];
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: group, members: [], version: 1 }] } } });
  recreate(world, topics.report, 1, { 'max.message.bytes': '1050' });
  const value = JSON.stringify({ group_id: group, add_members: members, event_id: 'e'.repeat(256) });
  const offset = world.produce({ topic: topics.source, partition: null, key: group, value, headers: [] });
  const one = await world.start();
  await world.expectRest(one);
  const [short, long] = members.map((member) => world.kept().get(`source/0/${offset}/${member}`));
  expect(short).toMatchObject({ outcome: 'applied', group, member: 'short', request: null, source_group: null });
  expect(long).toMatchObject({ outcome: 'applied', group: null, member: null, request: null });
  expect(headerOf(world.records(topics.report)[0], 'rollcall-truncated')).toBe('true');
});

test('settle: what is refused even in its smallest form is not committed, shows, and goes out once it is taken', async () => {
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  recreate(world, topics.deadLetter, 1, { 'max.message.bytes': '300' });
  const bad = world.produce({ topic: topics.source, partition: null, key: 'g', value: 'bad', headers: [] });
  const one = await ready(world);
  await until(() => one.pipeline.stats().unsettled.length === 1, 'the refusal');
  await failAgain(clock);
  // then nothing says that it is in the dead-letter topic
  expect(world.committed()).not.toBe(bad + 1n);
  expect(world.reports()).toEqual([]);
  expect(one.pipeline.stats().ready).toBe(false);
  expect(reasonsOf(one).join()).toMatch(/dead-letter cannot be written to since .*: MESSAGE_TOO_LARGE/);
  // and when the limit is raised
  recreate(world, topics.deadLetter, 1);
  await clock.jump(10_000);
  await world.expectRest(one);
  expect(world.records(topics.deadLetter)).toHaveLength(1);
  expect([one.pipeline.stats().ready, one.pipeline.stats().unsettled]).toEqual([true, []]);
});

test('settle: a report without a key that a compacted topic refuses stops no other, and shows', async () => {
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  recreate(world, topics.report, 1, { 'cleanup.policy': 'compact' });
  const one = await ready(world);
  const bad = world.produce({ topic: topics.source, partition: null, key: null, value: 'garbage', headers: [] });
  const good = world.change('g', { add: ['u'] });
  await until(() => world.outcome(good, 'u') === 'applied', 'the report of the other');
  await failAgain(clock);
  expect(world.committed() ?? 0n).toBe(bad);
  expect(world.reports()).toHaveLength(1);
  expect(reasonsOf(one).join()).toContain('the topic reports cannot be written to');
  expect(reasonsOf(one).join()).toContain('INVALID_RECORD');
});

test('settle: one sick partition of the report topic: the others are written once, and their offsets are committed', async () => {
  // given a source partition whose reports go to the sick partition, and one whose reports do not
  const clock = new JumpingClock();
  const world = await aWorld({ clock, partitionCount: 2, sandbox: { seed } });
  recreate(world, topics.report, 2);
  world.broker.topic(topics.report).sicken(1);
  const one = await ready(world);
  for (const group of groups) world.change(group, { add: ['u'] });
  const ofPartition = (partition: number) => groups.filter((id) => partitionOfKey(Buffer.from(id), 2) === partition);
  const committed = (partition: number) => world.broker.group('rollcall').committed(partition).offset ?? 0n;
  await until(() => committed(0) === BigInt(ofPartition(0).length), 'the healthy partition');
  // A request on its way would time out with the jump of the clock, and be reported once more.
  await until(() => one.pipeline.stats().pending === 0, 'the other changes');
  await failAgain(clock);
  // then
  expect(world.records(topics.report, 0)).toHaveLength(ofPartition(0).length);
  expect(committed(1)).toBe(0n);
  expect(reasonsOf(one).join()).toMatch(/reports cannot be written to since .*: NOT_ENOUGH_REPLICAS/);
  // and when it works again
  world.broker.topic(topics.report).heal(1);
  await clock.jump(10_000);
  await until(() => committed(1) === BigInt(ofPartition(1).length), 'the other');
  expect(world.records(topics.report, 1)).toHaveLength(ofPartition(1).length);
});

test('settle: a send that fails as a whole for one partition: no report of the others is written more than twice', async () => {
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sandbox: { seed } });
  recreate(world, topics.report, 4);
  const one = await ready(world);
  const isSick = ({ key }: Pick<OutRecord, 'key'>): boolean => partitionOfKey(Buffer.from(key ?? ''), 4) === 1;
  let isAway = true;
  // given reports for all partitions go out together, behind one that is on its way
  let allow = (): void => undefined;
  const allowed = new Promise<void>((resolve) => (allow = resolve));
  let isHeld = false;
  one.log.beforeSend = async (records) => {
    isHeld = true;
    await allowed;
    const reports = records.filter(({ topic }) => topic === topics.report);
    if (!isAway || !reports.some(isSick)) return;
    // As Kafka: what goes to the other partitions is written, and the send as a whole fails.
    world.broker.append(reports.filter((report) => !isSick(report)));
    throw new Error('NOT_ENOUGH_REPLICAS');
  };
  const well = groups.filter((key) => !isSick({ key }));
  const [first = ''] = well;
  world.change(first, { add: ['u'] });
  await until(() => isHeld, 'the first report');
  for (const id of groups) if (id !== first) world.change(id, { add: ['u'] });
  await allApplied(world, one);
  allow();
  const counts = (): number[] => [0, 1, 2, 3].map((partition) => world.records(topics.report, partition).length);
  await until(
    () => counts().reduce((a, b) => a + b, 0) >= well.length && one.pipeline.stats().pending === 0,
    'the others',
  );
  await failAgain(clock);
  const written = counts();
  expect(written[1]).toBe(0);
  expect(written.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(2 * well.length);
  expect(reasonsOf(one).join()).toMatch(/reports cannot be written to since .*: NOT_ENOUGH_REPLICAS/);
  expect(world.broker.group('rollcall').committed(0).metadata, 'what is complete').not.toBe('');
  // and when it works again
  isAway = false;
  await clock.jump(10_000);
  await until(() => world.committed() === BigInt(groups.length), 'the end');
});

test('settle: while reports cannot be written they are tried with growing pauses by one timer, however much happens', async () => {
  const clock = new CountingClock();
  const world = await aWorld({ clock });
  const one = await ready(world);
  let tries = 0;
  one.log.beforeSend = async (records) => {
    if (!isTo(topics.report, records)) return;
    tries += 1;
    throw new Error('TOPIC_AUTHORIZATION_FAILED');
  };
  const triesWithin = async (seconds: number): Promise<number> => {
    const before = tries;
    for (let i = 0; i < 10 * seconds; i += 1) {
      world.change('g', { [i % 2 === 0 ? 'add' : 'remove']: ['u'] });
      await clock.jump(100);
      await new Promise<void>((resolve) => setTimeout(resolve, 2));
    }
    return tries - before;
  };
  expect(await triesWithin(4)).toBeLessThanOrEqual(5);
  const scheduled = clock.scheduledCount;
  expect(await triesWithin(16)).toBeLessThanOrEqual(4);
  expect(clock.scheduledCount).toBeLessThan(scheduled + 10);
  const warnings = one.logger.lines.filter(({ message }) => message.startsWith('records cannot be written'));
  expect(warnings).toHaveLength(1);
  one.log.beforeSend = async () => undefined;
});

test('settle: reports that cannot be written show: not ready from the third failure on, with topic and error', async () => {
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  const one = await ready(world);
  one.log.beforeSend = async (records) => {
    if (isTo(topics.report, records)) throw new Error('TOPIC_AUTHORIZATION_FAILED');
  };
  world.change('g', { add: ['u'] });
  await until(() => one.pipeline.stats().unsettled.length === 1, 'the first failure');
  expect(one.pipeline.stats()).toMatchObject({ ready: true, unsettled: [{ topic: topics.report, isLasting: false }] });
  await failAgain(clock);
  expect(one.pipeline.stats().ready).toBe(false);
  expect(reasonsOf(one)).toEqual([
    expect.stringMatching(/^the topic reports cannot be written to since .*: TOPIC_AUTH/),
  ]);
  // and when they can be written again
  one.log.beforeSend = async () => undefined;
  await clock.jump(10_000);
  await world.expectRest(one);
  expect(one.pipeline.stats()).toMatchObject({ ready: true, unsettled: [] });
});

test('settle: one sick partition of the retry topic: what the others have parked is committed', async () => {
  const clock = new JumpingClock();
  const world = await aWorld({ clock, partitionCount: 2, sandbox: { seed } });
  world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const one = await ready(world, { pipeline: { retry, breakerFailures: 1_000 } });
  world.broker.topic(topics.retry).sicken(0);
  for (const group of groups) world.change(group, { add: ['u'] });
  const committed = (partition: number) => world.broker.group('rollcall').committed(partition).offset ?? 0n;
  const end = (partition: number) => world.broker.topic(topics.source).partition(partition).end;
  await until(() => committed(1) === end(1), 'the healthy partition');
  await failAgain(clock);
  expect(committed(0)).toBe(0n);
  expect(reasonsOf(one).join()).toMatch(/the topic retry cannot be written to since .*: NOT_ENOUGH_REPLICAS/);
  // and when it works again
  world.broker.topic(topics.retry).heal(0);
  await clock.jump(10_000);
  await until(() => committed(0) === end(0), 'the other');
});

test('settle: a commit that is refused for one partition is made for the others', async () => {
  const clock = new JumpingClock();
  const world = await aWorld({ clock, partitionCount: 2, sandbox: { seed } });
  const one = await ready(world);
  const commit = one.log.commit.bind(one.log);
  // given both have something to commit at the same time
  let allow = (): void => undefined;
  const allowed = new Promise<void>((resolve) => (allow = resolve));
  let isFirst = true;
  one.log.commit = async (commits) => {
    if (isFirst) {
      isFirst = false;
      await allowed;
      return commit(commits);
    }
    if (commits.some(({ partition }) => partition === 0)) throw new Error('INVALID_COMMIT_OFFSET_SIZE');
    return commit(commits);
  };
  for (const group of groups) world.change(group, { add: ['u'] });
  await allApplied(world, one);
  allow();
  const committed = (partition: number) => world.broker.group('rollcall').committed(partition).offset ?? 0n;
  await until(() => committed(1) === world.broker.topic(topics.source).partition(1).end, 'the other partition');
  await failAgain(clock);
  expect(reasonsOf(one).join()).toMatch(/source cannot be committed to since .*: INVALID_COMMIT_OFFSET_SIZE/);
});

test('settle: a fence that cannot be written is written later, and why it waits shows', async () => {
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  world.broker.topic(topics.retry).sicken(0);
  const one = await world.start();
  await until(() => one.pipeline.stats().unsettled.length === 1, 'the first failure');
  await failAgain(clock);
  expect(reasonsOf(one)[0]).toMatch(/the topic retry cannot be written to since .*: NOT_ENOUGH_REPLICAS/);
  world.broker.topic(topics.retry).heal(0);
  await clock.jump(10_000);
  await until(() => one.pipeline.stats().ready, 'the restore');
  expect(one.pipeline.stats().unsettled).toEqual([]);
});

test('settle: a drain tries once more what could not be written, whatever its pause', async () => {
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  const one = await ready(world);
  one.log.beforeSend = async (records) => {
    if (isTo(topics.report, records)) throw new Error('NOT_ENOUGH_REPLICAS');
  };
  const offset = world.change('g', { add: ['u'] });
  await until(() => one.pipeline.stats().unsettled.length === 1, 'the failure');
  one.log.beforeSend = async () => undefined;
  await one.pipeline.drain();
  expect(world.outcome(offset, 'u')).toBe('applied');
  expect(world.committed()).toBe(offset + 1n);
});

test('settle: a place that nothing waits for any more is forgotten: its partition has another owner', async () => {
  const clock = new JumpingClock();
  const world = await aWorld({ clock });
  const one = await ready(world);
  world.broker.topic(topics.report).sicken(0);
  world.change('g', { add: ['u'] });
  await until(() => one.pipeline.stats().unsettled.length === 1, 'the failure');
  world.broker.topic(topics.report).heal(0);
  one.log.rejoin('another instance had it');
  await until(() => one.pipeline.stats().ready && one.pipeline.stats().unsettled.length === 0, 'a new start');
  await world.expectRest(one);
});
