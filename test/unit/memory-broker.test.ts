import { expect, test } from 'vitest';
import type { JoinAnswer } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { systemRandom } from '../../src/adapters/system.ts';
import type { OutRecord } from '../../src/ports.ts';
import { ManualClock } from '../support/manual-clock.ts';

const dayMs = 86_400_000;

test('compaction keeps the newest record of each key at its offset, and a tombstone for one pass', () => {
  // given
  const { broker, append, contents } = aBroker({ 'cleanup.policy': 'compact' });
  append('a', 'a1', 'b', 'b1', 'a', 'a2', 'b', null, 'c', 'c1');
  // when
  broker.compact('t', { forced: true });
  // then
  expect(contents()).toEqual(['2 a=a2', '3 b=null', '4 c=c1']);
  // and when it runs again
  broker.compact('t', { forced: true });
  expect(contents()).toEqual(['2 a=a2', '4 c=c1']);
  expect(broker.topic('t').partition(0)).toMatchObject({ start: 0n, end: 5n });
});

test('compaction leaves what is too young, and all behind it', async () => {
  const { broker, clock, append, contents } = aBroker({ 'min.compaction.lag.ms': String(dayMs) });
  append('a', 'a1', 'a', 'a2');
  await clock.advance(dayMs);
  append('a', 'a3');
  await clock.advance(dayMs - 1);
  // a3 is not looked at, so a2 stays too
  broker.compact('t');
  expect(contents()).toEqual(['1 a=a2', '2 a=a3']);
  await clock.advance(1);
  broker.compact('t');
  expect(contents()).toEqual(['2 a=a3']);
});

test('compaction looks only below the offset it is given', () => {
  const { broker, append, contents } = aBroker({});
  append('a', 'a1', 'a', 'a2', 'a', 'a3');
  broker.compact('t', { before: 2n });
  expect(contents()).toEqual(['1 a=a2', '2 a=a3']);
});

test('compaction keeps a tombstone for delete.retention.ms', async () => {
  const { broker, clock, append, contents } = aBroker({ 'delete.retention.ms': '1000' });
  append('a', null);
  broker.compact('t');
  await clock.advance(999);
  broker.compact('t');
  expect(contents()).toEqual(['0 a=null']);
  await clock.advance(1);
  broker.compact('t');
  expect(contents()).toEqual([]);
});

test('reading on from a hole gives the next record; a hole at the end counts as read', () => {
  const { broker, append } = aBroker({});
  append('a', 'a1', 'a', 'a2', 'b', 'b1');
  broker.skipOffsets('t', 0, 2);
  broker.compact('t', { forced: true });
  const log = broker.topic('t').partition(0);
  expect(log.read(0n, 1)).toMatchObject({ records: [{ offset: 1n }], nextOffset: 2n });
  expect(log.read(2n, 1)).toMatchObject({ records: [{ offset: 2n }], nextOffset: 5n });
  expect(log.read(3n, 1)).toEqual({ records: [], nextOffset: 5n });
});

test('retention moves the start', () => {
  const { broker, append, contents } = aBroker({});
  append('a', '1', 'b', '2', 'c', '3');
  broker.deleteRecordsBefore('t', 0, 2n);
  expect(broker.topic('t').partition(0).start).toBe(2n);
  expect(contents()).toEqual(['2 c=3']);
});

test('a late duplicate is the same record at a new offset', () => {
  const { broker, append, contents } = aBroker({});
  append('a', '1', 'b', '2');
  broker.duplicate('t', 0, 0n);
  expect(contents()).toEqual(['0 a=1', '1 b=2', '2 a=1']);
});

test('the limit of a record is the setting of its topic, on the compressed bytes', () => {
  const { broker } = aBroker({ 'max.message.bytes': '1000' });
  const record: OutRecord = { topic: 't', partition: 0, key: 'k', value: 'v'.repeat(2000), headers: [] };
  expect(broker.append([record, { ...record, gzip: true }, { ...record, value: 'v' }])).toEqual([
    'too_large',
    'written',
    'written',
  ]);
});

test('a compacted topic refuses records without a key, and takes the others', () => {
  const { broker, contents } = aBroker({ 'cleanup.policy': 'compact' });
  const record: OutRecord = { topic: 't', partition: 0, key: 'k', value: 'v', headers: [] };
  const refused = { kind: 'refused', error: new Error('INVALID_RECORD: t is compacted, its records need keys') };
  expect(broker.append([record, { ...record, key: null }])).toEqual(['written', refused]);
  expect(contents()).toEqual(['0 k=v']);
});

test('memory broker: a group can be recreated only when it is empty', () => {
  const { broker } = aBroker({});
  const request = {
    memberId: null,
    clientId: 'c',
    sessionTimeoutMs: Infinity,
    rebalanceTimeoutMs: Infinity,
    partitionCount: 1,
    synced: () => {},
  };
  const memberId = broker.group('g').join(request);
  expect(() => broker.deleteGroup('g')).toThrow(/NON_EMPTY_GROUP/);
  broker.group('g').commit({ memberId, generation: 1 }, [{ partition: 0, offset: 1n, metadata: '' }]);
  broker.group('g').leave(memberId);
  broker.deleteGroup('g');
  expect(broker.group('g').committed(0)).toEqual({ offset: null, metadata: '' });
});

test('a member that has not joined a rebalance in time is dropped, and the others go on without it', async () => {
  // given two members of generation 2, of which the first hears of no rebalance
  const clock = new ManualClock();
  const broker = new MemoryBroker(clock, systemRandom);
  const group = broker.group('g');
  const answers: JoinAnswer[] = [];
  const request = (rebalanceTimeoutMs: number) => ({
    clientId: 'c',
    sessionTimeoutMs: Infinity,
    rebalanceTimeoutMs,
    partitionCount: 2,
    synced: (answer: JoinAnswer) => answers.push(answer),
  });
  const first = group.join({ ...request(3_000), memberId: null });
  const second = group.join({ ...request(7_000), memberId: null });
  group.join({ ...request(3_000), memberId: first });
  // when the second joins again
  group.join({ ...request(7_000), memberId: second });
  // then the longest rebalance time-out of all members is waited for
  await clock.advance(6_999);
  expect(group.memberIds).toEqual([first, second]);
  await clock.advance(1);
  expect(group.memberIds).toEqual([second]);
  expect(answers.at(-1)).toEqual({ memberId: second, generation: 3, partitions: [0, 1] });
  expect(group.heartbeat({ memberId: first, generation: 2 })).toBe('unknown_member');
  // and a rebalance that has ended drops no member later
  group.join({ ...request(7_000), memberId: second });
  await clock.advance(20_000);
  expect(group.memberIds).toEqual([second]);
});

test('a group takes the commit of a member until the next generation begins, and none of one that is gone', () => {
  // given two members of generation 2
  const { broker } = aBroker({});
  const group = broker.group('g');
  const request = {
    clientId: 'c',
    sessionTimeoutMs: Infinity,
    rebalanceTimeoutMs: Infinity,
    partitionCount: 1,
    synced: () => {},
  };
  const first = group.join({ ...request, memberId: null });
  const second = group.join({ ...request, memberId: null });
  group.join({ ...request, memberId: first });
  const commits = [{ partition: 0, offset: 1n, metadata: '' }];
  group.commit({ memberId: second, generation: 2 }, commits);
  // when one leaves, and the other has not noticed
  group.leave(second);
  expect(group.heartbeat({ memberId: first, generation: 1 })).toBe('rebalancing');
  // then
  expect(() => group.commit({ memberId: second, generation: 2 }, commits)).toThrow(/UNKNOWN_MEMBER_ID/);
  group.commit({ memberId: first, generation: 2 }, commits);
  group.join({ ...request, memberId: first });
  expect(() => group.commit({ memberId: first, generation: 2 }, commits)).toThrow(/ILLEGAL_GENERATION/);
});

test('writes what it can where a partition is sick, and rejects a send of which nothing is written', async () => {
  const { broker } = aBroker({});
  broker.createTopic({ topic: 'u', partitionCount: 2, replicationFactor: 1, settings: {} });
  broker.topic('u').sicken(1);
  const topics = { source: 't', retry: 'u' };
  const log = new MemoryLog(broker, { groupId: 'group', clientId: 'c', topics });
  const record = (partition: number) => ({ topic: 'u', partition, key: 'k', value: 'v', headers: [] });
  const failed = { kind: 'failed', error: new Error('NOT_ENOUGH_REPLICAS: u/1') };
  expect(await log.send([record(0), record(1), record(0)])).toEqual(['written', failed, 'written']);
  await expect(log.send([record(1), record(1)])).rejects.toThrow('NOT_ENOUGH_REPLICAS');
  broker.topic('u').heal(1);
  expect(await log.send([record(1)])).toEqual(['written']);
});

function aBroker(settings: Record<string, string>) {
  const clock = new ManualClock();
  const broker = new MemoryBroker(clock, systemRandom);
  broker.createTopic({ topic: 't', partitionCount: 1, replicationFactor: 1, settings });
  /** Keys and values in turn. */
  const append = (...contents: (string | null)[]): void => {
    for (let at = 0; at < contents.length; at += 2) {
      broker.append([
        { topic: 't', partition: 0, key: contents[at] ?? '', value: contents[at + 1] ?? null, headers: [] },
      ]);
    }
  };
  const text = (bytes: Uint8Array | null): string => (bytes === null ? 'null' : Buffer.from(bytes).toString());
  const contents = (): readonly string[] =>
    broker
      .topic('t')
      .partition(0)
      .read(0n, Infinity)
      .records.map(({ offset, key, value }) => `${offset} ${text(key)}=${text(value)}`);
  return { broker, clock, append, contents };
}
