/** What the sender says of each record, by what the broker answers for its partition. */
import type { Kafka, PartitionMetadata, Producer, ProducerBatch, RecordMetadata } from 'kafkajs';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Connection } from '../../src/adapters/kafka/connection.ts';
import { readRecordBatch } from '../../src/adapters/kafka/codec/record-batch.ts';
import { Sender } from '../../src/adapters/kafka/sender.ts';
import { partitionOfKey } from '../../src/core/log/reading.ts';
import type { OutRecord, SendOutcome } from '../../src/ports.ts';
import { aLog } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

/** Kafka's codes. */
const MESSAGE_TOO_LARGE = 10;
const NOT_LEADER = 6;
const NOT_ENOUGH_REPLICAS = 19;
const INVALID_RECORD = 87;

/** Of one send: by partition the keys that were sent. */
type Sent = Readonly<Record<number, readonly string[]>>;

let sends: Sent[] = [];
let clients = 0;
/** The code for a partition; undefined: the answer says nothing of it. */
let codeOf: (partition: number, keys: readonly string[]) => number | undefined = () => 0;
let inSend: () => Promise<void> = async () => undefined;
/** Partitions of which every replica is down. */
let leaderless: readonly number[] = [];

beforeEach(() => {
  sends = [];
  clients = 0;
  codeOf = () => 0;
  inSend = async () => undefined;
  leaderless = [];
});

vi.mock('../../src/adapters/kafka/connection.ts', () => ({
  retry: {},
  openConnection: (): Connection => {
    clients += 1;
    const producer = () =>
      stubOf<Producer>({ connect: async () => undefined, disconnect: async () => undefined, sendBatch });
    return { kafka: stubOf<Kafka>({ producer }), close: async () => undefined };
  },
}));

async function sendBatch({ topicMessages = [] }: ProducerBatch): Promise<RecordMetadata[]> {
  const byPartition = new Map<number, string[]>();
  for (const { partition = 0, value } of topicMessages.flatMap(({ messages }) => messages)) {
    const { messages } = await readRecordBatch(Buffer.from(value ?? ''), { from: 0n, countMax: 1_000 });
    byPartition.set(
      partition,
      messages.map(({ key }) => String(key)),
    );
  }
  sends.push(Object.fromEntries(byPartition));
  await inSend();
  return [...byPartition].flatMap(([partition, keys]) => {
    const errorCode = codeOf(partition, keys);
    return errorCode === undefined ? [] : [{ topicName: 't', partition, errorCode }];
  });
}

function aSender() {
  const clock = new ManualClock();
  let reads = 0;
  const partitionsOf = async (): Promise<PartitionMetadata[]> => {
    reads += 1;
    return Array.from({ length: 3 }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: leaderless.includes(partitionId) ? -1 : 1,
      replicas: [1],
      isr: [1],
    }));
  };
  const connection = { brokers: ['b:1'], clientId: 'c', ssl: null, sasl: null };
  const sender = new Sender({ connection, host: { clock, logger: aLog() }, partitionsOf });
  return { sender, clock, reads: () => reads };
}

const record = (key: string, partition: number | null): OutRecord => ({
  topic: 't',
  partition,
  key,
  value: 'v',
  headers: [],
});

/** In words: what became of each, and by which error. */
const said = (outcomes: readonly SendOutcome[]): readonly string[] =>
  outcomes.map((outcome) =>
    typeof outcome === 'object' ? `${outcome.kind} ${outcome.error.message.split(':')[0]}` : outcome,
  );

test('one send at a time, in the order of the calls, and a failed one does not stop the next', async () => {
  const { sender, clock } = aSender();
  let open = (): void => undefined;
  inSend = () => new Promise<void>((resolve) => (open = resolve));
  codeOf = () => (sends.length === 1 ? NOT_ENOUGH_REPLICAS : 0);
  const first = sender.send([record('a', 0)]);
  const failed = expect(first).rejects.toThrow('NOT_ENOUGH_REPLICAS');
  await clock.settle();
  const second = sender.send([record('b', 0)]);
  await clock.settle();
  expect(sends).toEqual([{ 0: ['a'] }]);
  inSend = async () => undefined;
  open();
  await failed;
  expect(await second).toEqual(['written']);
});

test('what is sent in one tick goes out together, and each call learns of its own records', async () => {
  const { sender, clock } = aSender();
  codeOf = (partition) => (partition === 1 ? NOT_ENOUGH_REPLICAS : 0);
  const written = sender.send([record('a', 0)]);
  const failed = expect(sender.send([record('b', 1)])).rejects.toThrow('NOT_ENOUGH_REPLICAS');
  const mixed = sender.send([record('c', 1), record('d', 2), record('e', 0)]);
  await clock.settle();
  expect(await written).toEqual(['written']);
  await failed;
  expect(said(await mixed)).toEqual(['failed NOT_ENOUGH_REPLICAS', 'written', 'written']);
  expect(sends).toEqual([{ 0: ['a', 'e'], 1: ['b', 'c'], 2: ['d'] }]);
});

test('a send waits until the sender is prepared, and does not fail where that has', async () => {
  const { sender, clock, reads } = aSender();
  inSend = async () => {
    inSend = async () => undefined;
    throw new Error('Broker not connected');
  };
  sender.prepare('t');
  const sent = sender.send([record('a', 0)]);
  await clock.settle();
  expect(await sent).toEqual(['written']);
  expect(sends).toEqual([{}, { 0: ['a'] }]);
  expect({ clients, reads: reads() }).toEqual({ clients: 2, reads: 1 });
});

test('no records are no send', async () => {
  expect(await aSender().sender.send([])).toEqual([]);
  expect(sends).toEqual([]);
});

describe('a partition that the answer leaves out', () => {
  test('is sent again, alone, after a pause', async () => {
    const { sender, clock } = aSender();
    codeOf = (partition) => (partition === 1 && sends.length === 1 ? undefined : 0);
    const sent = sender.send([record('a', 0), record('b', 1)]);
    await clock.settle();
    expect(sends).toHaveLength(1);
    await clock.advance(100);
    expect(await sent).toEqual(['written', 'written']);
    expect(sends).toEqual([{ 0: ['a'], 1: ['b'] }, { 1: ['b'] }]);
  });

  test('is given up after 20 sends, and the others are not', async () => {
    const { sender, clock } = aSender();
    codeOf = (partition) => (partition === 1 ? undefined : 0);
    const sent = sender.send([record('a', 0), record('b', 1)]);
    await clock.advance(60_000);
    expect(said(await sent)).toEqual(['written', 'failed Kafka acknowledges no records of t/1']);
    expect(sends).toHaveLength(20);
  });
});

describe('a partition without a leader', () => {
  test('is left out of the send, and the others are written at once', async () => {
    const { sender, clock } = aSender();
    leaderless = [1];
    const sent = sender.send([record('a', 0), record('b', 1), record('c', 2), record('d', 1)]);
    await clock.advance(60_000);
    const failed = 'failed LEADER_NOT_AVAILABLE';
    expect(said(await sent)).toEqual(['written', failed, 'written', failed]);
    expect(sends).toEqual([{ 0: ['a'], 2: ['c'] }]);
  });

  test('is written once it has one', async () => {
    const { sender, clock } = aSender();
    leaderless = [1];
    const sent = sender.send([record('a', 0), record('b', 1)]);
    await clock.advance(100);
    leaderless = [];
    await clock.advance(1_000);
    expect(await sent).toEqual(['written', 'written']);
    expect(sends).toEqual([{ 0: ['a'] }, { 1: ['b'] }]);
  });

  test('is asked about again at the next send', async () => {
    const { sender, clock } = aSender();
    leaderless = [1];
    const failed = expect(sender.send([record('b', 1)])).rejects.toThrow('LEADER_NOT_AVAILABLE');
    await clock.advance(60_000);
    await failed;
    leaderless = [];
    expect(await sender.send([record('b', 1)])).toEqual(['written']);
  });
});

test('a leader that has moved is looked for again, by a new client, for 2.5 s', async () => {
  const { sender, clock } = aSender();
  codeOf = (partition) => (partition === 1 ? NOT_LEADER : 0);
  const sent = sender.send([record('a', 0), record('b', 1)]);
  await clock.advance(2_500);
  expect(said(await sent)).toEqual(['written', 'failed NOT_LEADER_FOR_PARTITION']);
  expect([sends.length, clients]).toEqual([8, 8]);
});

test('what fails in one partition is failed there only; what comes behind it is not written', async () => {
  const { sender } = aSender();
  codeOf = (partition) => (partition === 1 ? NOT_ENOUGH_REPLICAS : 0);
  // Another compression makes another send.
  const behind: OutRecord = { ...record('c', 1), gzip: true };
  expect(said(await sender.send([record('a', 0), record('b', 1), behind]))).toEqual([
    'written',
    'failed NOT_ENOUGH_REPLICAS',
    'failed NOT_ENOUGH_REPLICAS',
  ]);
  expect(sends).toEqual([{ 0: ['a'], 1: ['b'] }]);
});

describe.each<[string, number, string]>([
  ['too large', MESSAGE_TOO_LARGE, 'too_large'],
  ['refused', INVALID_RECORD, 'refused INVALID_RECORD'],
])('a record that is %s', (_, code, outcome) => {
  test('is found by halves; those around it are written in their order', async () => {
    const { sender } = aSender();
    codeOf = (_partition, keys) => (keys.includes('c') ? code : 0);
    const sent = await sender.send(['a', 'b', 'c', 'd', 'e'].map((key) => record(key, 0)));
    expect(said(sent)).toEqual(['written', 'written', outcome, 'written', 'written']);
    const written = sends.flatMap(({ 0: keys = [] }) => (keys.includes('c') ? [] : keys));
    expect(written).toEqual(['a', 'b', 'd', 'e']);
  });

  test('alone is no failure of its partition', async () => {
    const { sender } = aSender();
    codeOf = (_partition, keys) => (keys.includes('c') ? code : 0);
    expect(said(await sender.send([record('c', 0), { ...record('d', 0), gzip: true }]))).toEqual([outcome, 'written']);
  });
});

test('a send that breaks off fails what is not known; where nothing is known it rejects', async () => {
  const { sender } = aSender();
  inSend = async () => {
    if (sends.length > 1) throw new Error('the connection is gone');
  };
  const sent = await sender.send([record('a', 0), { ...record('b', 1), gzip: true }]);
  expect(said(sent)).toEqual(['written', 'failed the connection is gone']);
  await expect(sender.send([record('a', 0)])).rejects.toThrow('the connection is gone');
});

test('the partitions of a topic are remembered until something fails', async () => {
  const { sender, reads } = aSender();
  for (const key of ['a', 'b']) await sender.send([record(key, null)]);
  expect(reads()).toBe(1);
  codeOf = () => NOT_ENOUGH_REPLICAS;
  await sender.send([record('a', null)]).catch(() => undefined);
  codeOf = () => 0;
  await sender.send([record('a', null)]);
  expect(reads()).toBe(2);
});

test('a key stands in the partition that the Java client chooses', async () => {
  const { sender } = aSender();
  await sender.send([record('21', null), record('foobar', null)]);
  const count = await sender.partitionCount('t');
  for (const key of ['21', 'foobar']) expect(sends[0]?.[partitionOfKey(Buffer.from(key), count)]).toContain(key);
});

test('closing waits for a send under way, for two seconds at most', async () => {
  const { sender, clock } = aSender();
  inSend = () => new Promise<void>(() => undefined);
  void sender.send([record('a', 0)]);
  await clock.settle();
  let isClosed = false;
  const closed = sender.close().then(() => (isClosed = true));
  await clock.advance(1_999);
  expect(isClosed).toBe(false);
  await clock.advance(1);
  await closed;
  expect(sends).toHaveLength(1);
});
