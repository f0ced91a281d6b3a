/** The broker compresses with the libraries of the Java client, so what is read here has the framing of Java producers. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KafkaLogTools } from '../../src/adapters/kafka/tools.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { describeKafka, uniqueName } from '../support/broker.ts';
import { kafkaHost, plaintext } from '../support/kafka-log-harness.ts';

/** Short, repetitive beyond one block of every codec, incompressible, null. */
const values: readonly (Buffer | null)[] = [
  Buffer.from('short'),
  Buffer.from('the same again and again; '.repeat(20_000)),
  Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919 + ((i * i) >> 3)) & 0xff)),
  null,
];

describeKafka('a topic', ({ brokers }) => {
  let tools: KafkaLogTools;
  beforeAll(() => {
    tools = createLogTools(plaintext(brokers), kafkaHost);
  });
  afterAll(() => tools.close());

  test.each(['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'])('that is %s is read to the byte', async (codec) => {
    // given
    const topic = uniqueName(codec);
    await tools.createTopic({
      topic,
      partitionCount: 1,
      replicationFactor: 1,
      settings: { 'compression.type': codec },
    });
    const record = { topic, partition: 0, key: 'k', headers: [] };
    await tools.send(values.map((value) => ({ ...record, value })));
    // when
    const read: (Uint8Array | null)[] = [];
    const signal = AbortSignal.timeout(10_000);
    for await (const { value } of tools.read(topic, { from: 'beginning', follow: false, signal })) read.push(value);
    // then
    expect(read.map(digest)).toEqual(values.map(digest));
  });
});

function digest(value: Uint8Array | null): string | null {
  return value === null ? null : Buffer.from(value).toString('base64');
}
