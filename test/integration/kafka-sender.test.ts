/** A produce request of which the broker takes some partitions only. The answers are made up on the way. */
import { createRequire } from 'node:module';
import { afterEach, expect, test } from 'vitest';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import type { OutRecord, TopicRecord } from '../../src/ports.ts';
import { describeNewestKafka, uniqueName } from '../support/broker.ts';
import { kafkaHost, plaintext } from '../support/kafka-log-harness.ts';

interface Produce {
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly messages: readonly unknown[] }[];
  }[];
}

interface Answer {
  topics: { topicName: string; partitions: { partition: number; errorCode: number }[] }[];
}

interface Broker {
  produce(request: Produce): Promise<Answer>;
}

const { prototype } = createRequire(import.meta.url)('kafkajs/src/broker') as { prototype: Broker };
const original = prototype.produce;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  prototype.produce = original;
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** Nothing is written to the partition; what the others were sent is counted. */
function sicken(sick: number, errorCode: number): { readonly tries: Map<number, number> } {
  const tries = new Map<number, number>();
  prototype.produce = async function produce(this: Broker, request: Produce): Promise<Answer> {
    for (const { partitions } of request.topicData)
      for (const { partition } of partitions) tries.set(partition, (tries.get(partition) ?? 0) + 1);
    const topicData = request.topicData
      .map((data) => ({ ...data, partitions: data.partitions.filter(({ partition }) => partition !== sick) }))
      .filter(({ partitions }) => partitions.length > 0);
    const answer: Answer =
      topicData.length === 0 ? { topics: [] } : await original.call(this, { ...request, topicData });
    for (const { topic, partitions } of request.topicData) {
      if (!partitions.some(({ partition }) => partition === sick)) continue;
      answer.topics.push({ topicName: topic, partitions: [{ partition: sick, errorCode }] });
    }
    return answer;
  };
  return { tries };
}

describeNewestKafka('a partition that cannot be written to', ({ brokers }) => {
  async function open() {
    const tools = createLogTools(plaintext(brokers), kafkaHost);
    cleanups.push(() => tools.close());
    const topic = uniqueName('sick');
    await tools.createTopic({ topic, partitionCount: 3, replicationFactor: 1, settings: {} });
    const record = (partition: number, value: string): OutRecord => ({
      topic,
      partition,
      key: 'k',
      value,
      headers: [],
    });
    const read = async (): Promise<readonly string[]> => {
      const found: TopicRecord[] = [];
      const { signal } = new AbortController();
      for await (const each of tools.read(topic, { from: 'beginning', follow: false, signal })) found.push(each);
      return found.map(({ partition, value }) => `${partition} ${Buffer.from(value ?? []).toString()}`).toSorted();
    };
    return { tools, record, read };
  }
  const NOT_ENOUGH_REPLICAS = 19;
  const NOT_LEADER = 6;

  test('fails alone; the others are written once', async () => {
    const { tools, record, read } = await open();
    const { tries } = sicken(1, NOT_ENOUGH_REPLICAS);
    const outcomes = await tools.send([record(0, 'a'), record(1, 'b'), record(2, 'c'), record(1, 'd')]);
    const failed = { kind: 'failed', error: expect.objectContaining({ type: 'NOT_ENOUGH_REPLICAS' }) };
    expect(outcomes).toEqual(['written', failed, 'written', failed]);
    expect(await read()).toEqual(['0 a', '2 c']);
    expect([...tries]).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
    ]);
    // and when nothing else is sent
    await expect(tools.send([record(1, 'b')])).rejects.toThrow(/^NOT_ENOUGH_REPLICAS: /);
  });

  test('since its leader moves is sent again, alone, until it is taken', async () => {
    const { tools, record, read } = await open();
    const { tries } = sicken(1, NOT_LEADER);
    const sent = tools.send([record(0, 'a'), record(1, 'b')]);
    while ((tries.get(1) ?? 0) < 2) await new Promise<void>((resolve) => setImmediate(resolve));
    prototype.produce = original;
    expect(await sent).toEqual(['written', 'written']);
    expect(await read()).toEqual(['0 a', '1 b']);
    expect(tries.get(0)).toBe(1);
  });
});
