// What simulations do to an instance of the memory log, in a time that the test moves.
import { expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemRandom } from '../../src/adapters/system.ts';
import type { ChangeLog, InputTopic, OutRecord } from '../../src/ports.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

const sessionTimeoutMs = 6000;
const heartbeatIntervalMs = 500;

test('memory log: a frozen instance loses its partitions, wakes up with records of others, and comes back as another member', async () => {
  // given two members
  const { clock, broker, join } = aLog(2);
  const first = await join();
  const second = await join();
  await clock.advance(2 * heartbeatIntervalMs);
  const memberId = first.handler.assignment?.memberId;
  expect(first.handler.assignment?.partitions).toEqual([0]);
  // when the first one sleeps for longer than its session
  first.log.freeze();
  const before = first.handler.events.length;
  await clock.advance(sessionTimeoutMs + 2 * heartbeatIntervalMs);
  expect(first.handler.events.length).toBe(before);
  expect(second.handler.assignment?.partitions).toEqual([0, 1]);
  broker.append([aRecord('source', 0)]);
  await clock.settle();
  // and wakes up
  first.log.thaw();
  await clock.advance(2 * heartbeatIntervalMs);
  // then what it still believes to own comes before it finds out
  const types = first.handler.events.slice(before).map(({ type }) => type);
  expect(types.slice(0, 4)).toEqual(['records', 'lost', 'joining', 'assigned']);
  expect(first.handler.assignment?.memberId).not.toBe(memberId);
});

test('memory log: a frozen instance whose session holds goes on as the same member', async () => {
  const { clock, broker, join } = aLog(1);
  const { log, handler } = await join();
  await clock.advance(heartbeatIntervalMs);
  log.freeze();
  broker.append([aRecord('source', 0)]);
  await clock.advance(sessionTimeoutMs - heartbeatIntervalMs);
  expect(handler.batches).toEqual([]);
  log.thaw();
  await clock.settle();
  expect(handler.recordsOf('source', 0)).toHaveLength(1);
  expect(handler.events.filter(({ type }) => type === 'joining' || type === 'lost')).toHaveLength(1);
});

test('memory log: a rebalance waits for a frozen member until its session has expired', async () => {
  const { clock, join } = aLog(2);
  const first = await join();
  await clock.advance(heartbeatIntervalMs);
  first.log.freeze();
  const second = await join();
  await clock.advance(sessionTimeoutMs - 2 * heartbeatIntervalMs);
  expect(second.handler.assignment).toBeNull();
  await clock.advance(2 * heartbeatIntervalMs);
  expect(second.handler.assignment?.partitions).toEqual([0, 1]);
});

test('memory log: a member that waits for the others gets no records, and may still commit', async () => {
  // given two members of which one sleeps, and a third that comes
  const { clock, broker, join } = aLog(3);
  const first = await join();
  const second = await join();
  await clock.advance(2 * heartbeatIntervalMs);
  second.log.freeze();
  await join();
  await clock.advance(2 * heartbeatIntervalMs);
  expect(first.handler.events.at(-1)?.type).toBe('joining');
  // when
  broker.append([0, 1, 2].map((partition) => aRecord('source', partition)));
  await clock.settle();
  await first.log.commit([{ partition: 0, offset: 1n, metadata: '' }]);
  // then
  expect(first.handler.events.at(-1)?.type).toBe('joining');
  await clock.advance(sessionTimeoutMs);
  expect(first.handler.events.at(-1)?.type).toBe('heartbeat');
});

test('memory log: an instance that is frozen while it joins gets its assignment when it wakes up', async () => {
  const { clock, broker } = aLog(1);
  const topics = { source: 'source', retry: 'retry' };
  const log = new MemoryLog(broker, { groupId: 'group', clientId: 'c', topics, sessionTimeoutMs, heartbeatIntervalMs });
  const handler = new RecordingHandler();
  handler.onJoining = () => log.freeze();
  await log.join(handler);
  await clock.advance(heartbeatIntervalMs);
  expect(handler.assignment).toBeNull();
  log.thaw();
  await clock.settle();
  expect(handler.events.map(({ type }) => type)).toEqual(['joining', 'assigned', 'heartbeat']);
});

test('memory log: a crashed instance gets no event and no answer; its partitions move when its session has expired', async () => {
  const { clock, broker, join } = aLog(2);
  const first = await join();
  const second = await join();
  await clock.advance(2 * heartbeatIntervalMs);
  // when
  let isAnswered = false;
  const answered = (): void => {
    isAnswered = true;
  };
  void first.log.send([aRecord('retry', 0)]).then(answered, answered);
  first.log.crash();
  void first.log.send([aRecord('retry', 0)]).then(answered, answered);
  const before = first.handler.events.length;
  await clock.advance(sessionTimeoutMs - 2 * heartbeatIntervalMs);
  // then what was sent before is written, nothing after it is
  expect(broker.topic('retry').partition(0).end).toBe(1n);
  expect(second.handler.assignment?.partitions).toEqual([1]);
  await clock.advance(4 * heartbeatIntervalMs);
  expect(second.handler.assignment?.partitions).toEqual([0, 1]);
  expect(first.handler.events.length).toBe(before);
  expect(isAnswered).toBe(false);
});

test('memory log: sends and commits fail as often as the test demands', async () => {
  const { clock, broker, join } = aLog(1);
  const { log } = await join();
  await clock.settle();
  // when nothing is written
  log.failSends(1);
  await expect(log.send([aRecord('retry', 0)])).rejects.toThrow();
  expect(broker.topic('retry').partition(0).end).toBe(0n);
  // when only the answer is lost
  log.loseSendAnswers(1);
  await expect(log.send([aRecord('retry', 0)])).rejects.toThrow();
  expect(broker.topic('retry').partition(0).end).toBe(1n);
  expect(await log.send([aRecord('retry', 0)])).toEqual(['written']);
  // when a commit is refused
  log.failCommits(1);
  const commits = [{ partition: 0, offset: 1n, metadata: '' }];
  await expect(log.commit(commits)).rejects.toThrow();
  expect((await log.committed(0)).offset).toBeNull();
  await log.commit(commits);
  expect((await log.committed(0)).offset).toBe(1n);
});

test('memory log: a commit under the old generation is taken until the new one begins, and refused from then on', async () => {
  // given a member that has not noticed yet that another one waits
  const { clock, join } = aLog(1);
  const first = await join();
  const second = await join();
  await first.log.commit([{ partition: 0, offset: 1n, metadata: '' }]);
  // when it joins again, the new generation has begun but its answer is still on the way
  let late: Promise<void> | null = null;
  first.handler.onJoining = () => {
    setImmediate(() => {
      late = first.log.commit([{ partition: 0, offset: 2n, metadata: '' }]);
      late.catch(() => {});
    });
  };
  await clock.advance(heartbeatIntervalMs);
  // then
  await expect(late).rejects.toThrow(/ILLEGAL_GENERATION/);
  expect((await second.log.committed(0)).offset).toBe(1n);
});

test('memory log: a position that retention has passed, or beyond the end, is set to the start', async () => {
  const { clock, broker, join } = aLog(1);
  broker.append([0, 1, 2, 3].map(() => aRecord('source', 0)));
  broker.deleteRecordsBefore('source', 0, 2n);
  const { log, handler } = await join();
  await clock.settle();
  expect(handler.recordsOf('source', 0).map(({ offset }) => offset)).toEqual([2n, 3n]);
  log.seek('source', 0, 9n);
  await clock.settle();
  expect(handler.recordsOf('source', 0)).toHaveLength(4);
});

test('memory log: an empty batch passes a hole at the end', async () => {
  const { clock, broker, join } = aLog(1);
  broker.skipOffsets('source', 0, 3);
  const { handler } = await join();
  await clock.settle();
  expect(handler.batches).toEqual([{ topic: 'source', partition: 0, records: [], nextOffset: 3n, endOffset: 3n }]);
});

test('memory log: what a handler throws ends the instance, and is its error', async () => {
  const { clock, broker, join } = aLog(1);
  const { handler } = await join();
  await clock.settle();
  handler.onRecords = () => {
    throw new TypeError('a broken invariant');
  };
  broker.append([aRecord('source', 0)]);
  await clock.settle();
  expect(handler.events.at(-1)).toMatchObject({ type: 'failed', error: { message: 'a broken invariant' } });
  expect(broker.group('group').memberIds).toEqual([]);
  expect(clock.scheduledCount).toBe(0);
});

test('memory log: nothing is left behind by leaving', async () => {
  const { clock, broker, join } = aLog(1);
  const { log } = await join();
  await clock.advance(3 * heartbeatIntervalMs);
  await log.leave();
  expect(clock.scheduledCount).toBe(0);
  expect(broker.group('group').memberIds).toEqual([]);
});

test('memory log: a large backlog leaves turns of the event loop to others', async () => {
  const { broker, join } = aLog(1);
  broker.append(Array.from({ length: 10_000 }, () => aRecord('source', 0)));
  let turns = 0;
  let isDone = false;
  const turn = (): void => {
    turns += 1;
    if (!isDone) setImmediate(turn);
  };
  turn();
  const { handler } = await join();
  await handler.until('the backlog', () => handler.recordsOf('source', 0).length === 10_000);
  isDone = true;
  expect(turns).toBeGreaterThanOrEqual(20);
  expect(Math.max(...handler.batches.map(({ records }) => records.length))).toBeLessThanOrEqual(500);
});

function aRecord(topic: InputTopic, partition: number): OutRecord {
  return { topic, partition, key: 'key', value: 'value', headers: [] };
}

function aLog(partitionCount: number) {
  const clock = new ManualClock();
  const broker = new MemoryBroker(clock, systemRandom);
  const shape = { partitionCount, replicationFactor: 1, settings: {} };
  broker.createTopic({ topic: 'source', ...shape });
  broker.createTopic({ topic: 'retry', ...shape });
  const join = async (): Promise<{ log: MemoryLog; handler: RecordingHandler }> => {
    const topics = { source: 'source', retry: 'retry' };
    const log = new MemoryLog(broker, {
      groupId: 'group',
      clientId: 'c',
      topics,
      sessionTimeoutMs,
      heartbeatIntervalMs,
    });
    const handler = new RecordingHandler();
    await (log satisfies ChangeLog).join(handler);
    await clock.settle();
    return { log, handler };
  };
  return { clock, broker, join };
}
