/** Failures of brokers and topics that the log has to survive. One version each: these are kafkajs's ways, not the broker's. */
import kafkajs from 'kafkajs';
import { afterEach, expect, inject, test, vi } from 'vitest';
import { KafkaChangeLog } from '../../src/adapters/kafka/change-log.ts';
import type { KafkaHost, KafkaLogOptions } from '../../src/adapters/kafka/options.ts';
import type { KafkaLogTools } from '../../src/adapters/kafka/tools.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import type { KafkaVersion } from '../../src/lab/kafka-broker/fetch.ts';
import { startBroker } from '../../src/lab/kafka-broker/start.ts';
import { assertWritten, describeKafka, describeOwnKafka, testHost, uniqueName } from '../support/broker.ts';
import { kafkaHost, openTopics, plaintext } from '../support/kafka-log-harness.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { startWholeCluster } from '../support/whole-cluster.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Called when the log says that it goes on trying. */
let testLogWarning = (): void => {};
const host: KafkaHost = {
  ...kafkaHost,
  logger: { ...kafkaHost.logger, warn: (_, message) => message.endsWith('trying again') && testLogWarning() },
};

const [anyVersion] = inject('kafka').startable;
const isOnce = (version: KafkaVersion): boolean => version === anyVersion;

describeOwnKafka('a broker', (version) => {
  test.runIf(isOnce(version))('that hangs at the start, then dies, then hangs again, is waited for', async () => {
    // given
    const broker = await startBroker({ version }, testHost);
    cleanups.push(() => broker.stop());
    const tools = openTools(broker.brokers);
    const options = await openTopics(tools, plaintext(broker.brokers), 2);
    const { source } = options.topics;
    // when a log joins while the broker hangs
    const warned = new Promise<void>((resolve) => {
      testLogWarning = resolve;
    });
    broker.freeze();
    const { log, handler } = await join(options);
    await warned;
    broker.thaw();
    await handler.until('the assignment', () => handler.assignment !== null);
    await log.send([{ topic: source, partition: 0, key: 'k', value: 'before', headers: [] }]);
    await handler.until('a record', () => handler.recordsOf('source', 0).length === 1);
    await log.commit([{ partition: 0, offset: 1n, metadata: 'kept' }]);
    // and dies
    await broker.kill();
    const sent = log.send([{ topic: source, partition: 1, key: 'k', value: 'meanwhile', headers: [] }]).then(
      () => true,
      () => false,
    );
    await handler.until('the loss', () => handler.assignment === null);
    await broker.restart();
    await handler.until('the new assignment', () => handler.assignment !== null);
    // then what was asked meanwhile is done or refused, and the log goes on
    if (await sent) await handler.until('it', () => handler.recordsOf('source', 1).length === 1);
    expect(await log.committed(0)).toEqual({ offset: 1n, metadata: 'kept' });
    // when it hangs for longer than a session
    const memberId = handler.assignment?.memberId;
    broker.freeze();
    await handler.until('the loss', () => handler.assignment === null);
    broker.thaw();
    await handler.until('another membership', () => (handler.assignment?.memberId ?? memberId) !== memberId);
    await log.send([{ topic: source, partition: 0, key: 'k', value: 'after', headers: [] }]);
    await handler.until('the last record', () => handler.recordsOf('source', 0).length === 2);
    expect(handler.events.filter(({ type }) => type === 'failed')).toEqual([]);
  });

  test.runIf(isOnce(version))('of three that restarts under load loses nothing that it acknowledged', async () => {
    // given
    const cluster = await startWholeCluster(version);
    cleanups.push(() => cluster.stop());
    const tools = openTools(cluster.brokers);
    const topic = uniqueName('loaded');
    await tools.createTopic({ topic, partitionCount: 9, replicationFactor: 3, settings: {} });
    const acknowledged: string[] = [];
    let isLoaded = true;
    const load = (async () => {
      for (let round = 0; isLoaded; round += 1) {
        const values = Array.from({ length: 90 }, (_, i) => `${round}/${i}`);
        const records = values.map((value, i) => ({ topic, partition: i % 9, key: null, value, headers: [] }));
        await tools.send(records).then(
          (outcomes) => acknowledged.push(...values.filter((_, i) => outcomes[i] === 'written')),
          () => undefined,
        );
      }
    })();
    // when
    await cluster.nodes[0]?.restart();
    await cluster.nodes[1]?.restart();
    isLoaded = false;
    await load;
    // then
    const read = new Set(await readValues(tools, topic));
    expect(acknowledged.length).toBeGreaterThan(90);
    expect(acknowledged.filter((value) => !read.has(value))).toEqual([]);
  });

  test.runIf(version === '3.9.1')('that compacted a batch to nothing does not hold up the reading', async () => {
    // given segments of 1,000 bytes, which 4.x does not permit, and an idempotent producer's last batch at the end of one
    const broker = await startBroker({ version }, testHost);
    cleanups.push(() => broker.stop());
    const tools = openTools(broker.brokers);
    const options = await openTopics(tools, plaintext(broker.brokers), 1);
    const topic = uniqueName('compacted');
    const settings = {
      'cleanup.policy': 'compact',
      'segment.bytes': '1000',
      'min.cleanable.dirty.ratio': '0.001',
      'max.compaction.lag.ms': '500',
    };
    await tools.createTopic({ topic, partitionCount: 1, replicationFactor: 1, settings });
    const write = (key: string, value: string) => tools.send([{ topic, partition: 0, key, value, headers: [] }]);
    await write('first', 'x'.repeat(800));
    await writeIdempotently(broker.brokers, topic, 'a', 'old');
    await write('a', 'new');
    await write('second', 'x'.repeat(800));
    await write('third', 'x'.repeat(800));
    let keys = await readKeys(tools, topic);
    while (keys.length > 4) keys = await readKeys(tools, topic);
    expect(keys).toEqual(['first', 'a', 'second', 'third']);
    // when
    const { handler } = await join({ ...options, topics: { ...options.topics, retry: topic } });
    await handler.until('the end', () => handler.batches.some(({ nextOffset }) => nextOffset === 5n));
    // then
    expect(handler.recordsOf('retry', 0).map(({ offset }) => offset)).toEqual([0n, 2n, 3n, 4n]);
    expect(handler.events.filter(({ type }) => type === 'lost')).toEqual([]);
  });
});

describeKafka('topics', ({ brokers }) => {
  test('that are missing end the log, which says how to make them', async () => {
    const tools = openTools(brokers);
    const options = await openTopics(tools, plaintext(brokers), 1);
    const { handler } = await join({ ...options, topics: { ...options.topics, retry: uniqueName('missing') } });
    await handler.until('the end', () => handler.events.some(({ type }) => type === 'failed'));
    expect(handler.events.at(-1)).toMatchObject({
      type: 'failed',
      error: { code: 'topic_missing', message: expect.stringContaining('rollcall topics create') },
    });
  });

  test('that are gone, or that a broker does not know yet, keep no other from being made or described', async () => {
    // given a connection that has asked for the offsets of one
    const tools = openTools(brokers);
    const [gone, next] = [uniqueName('gone'), uniqueName('next')];
    const shape = { partitionCount: 1, replicationFactor: 1, settings: {} };
    await tools.createTopic({ topic: gone, ...shape });
    // when
    await deleteTopic(brokers, gone);
    // then
    expect(await tools.createTopic({ topic: next, ...shape })).toBe('created');
    expect(await tools.describeTopic(next)).toMatchObject({ partitionCount: 1 });
    expect(await tools.describeTopic(gone)).toBeNull();
  });

  test('of unequal partition counts end the log', async () => {
    const tools = openTools(brokers);
    const one = await openTopics(tools, plaintext(brokers), 1);
    const two = await openTopics(tools, plaintext(brokers), 2);
    const { handler } = await join({ ...one, topics: { source: two.topics.source, retry: one.topics.retry } });
    await handler.until('the end', () => handler.events.some(({ type }) => type === 'failed'));
    expect(handler.events.at(-1)).toMatchObject({ type: 'failed', error: { code: 'partition_counts' } });
  });

  test('a log that leaves while it joins leaves no member behind', async () => {
    const tools = openTools(brokers);
    const options = await openTopics(tools, plaintext(brokers), 1);
    const atOnce = await join(options);
    await atOnce.log.leave();
    const joining = await join(options);
    await joining.handler.until('joining', () => joining.handler.events.length > 0);
    await joining.log.leave();
    expect(await membersOf(brokers, options.groupId)).toBe(0);
    expect(joining.handler.assignment).toBeNull();
  });

  test('a handler that throws ends the log with its error', async () => {
    const tools = openTools(brokers);
    const options = await openTopics(tools, plaintext(brokers), 1);
    const { handler } = await join(options, (prepared) => {
      prepared.onAssigned = () => {
        throw new TypeError('a bug of ours');
      };
    });
    await handler.until('the end', () => handler.events.some(({ type }) => type === 'failed'));
    expect(handler.events.at(-1)).toMatchObject({ error: { code: 'unexpected', cause: { message: 'a bug of ours' } } });
  });
});

function openTools(brokers: readonly string[]): KafkaLogTools {
  const tools = createLogTools(plaintext(brokers), kafkaHost);
  cleanups.push(() => tools.close());
  return tools;
}

async function join(options: KafkaLogOptions, prepare: (handler: RecordingHandler) => void = () => {}) {
  const log = new KafkaChangeLog(options, host);
  cleanups.push(() => log.leave());
  const handler = new RecordingHandler();
  prepare(handler);
  await log.join(handler);
  return { log, handler };
}

async function readRecords(tools: KafkaLogTools, topic: string) {
  const records = [];
  const signal = AbortSignal.timeout(20_000);
  for await (const record of tools.read(topic, { from: 'beginning', follow: false, signal })) records.push(record);
  return records;
}

async function readKeys(tools: KafkaLogTools, topic: string): Promise<readonly string[]> {
  return (await readRecords(tools, topic)).map(({ key }) => Buffer.from(key ?? []).toString());
}

async function readValues(tools: KafkaLogTools, topic: string): Promise<readonly string[]> {
  return (await readRecords(tools, topic)).map(({ value }) => Buffer.from(value ?? []).toString());
}

async function membersOf(brokers: readonly string[], groupId: string): Promise<number> {
  const admin = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const { groups } = await admin.describeGroups([groupId]);
  await admin.disconnect();
  return groups.flatMap(({ members }) => members).length;
}

/** Resolves when the broker no longer knows it. */
async function deleteTopic(brokers: readonly string[], topic: string): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics: [topic] });
    await vi.waitFor(async () => expect(await admin.listTopics()).not.toContain(topic));
  } finally {
    await admin.disconnect();
  }
}

/** As Java producers do by default. */
async function writeIdempotently(brokers: readonly string[], topic: string, key: string, value: string): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
  const producer = kafka.producer({ idempotent: true, createPartitioner });
  await producer.connect();
  assertWritten(await producer.send({ topic, acks: -1, messages: [{ key, value, partition: 0 }] }));
  await producer.disconnect();
}
