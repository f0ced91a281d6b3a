/** Kafka tests: on the brokers that all tests share, or with brokers of their own, which they may kill. */
import { randomUUID } from 'node:crypto';
import type { RecordMetadata } from 'kafkajs';
import { describe, inject, test } from 'vitest';
import type { KafkaVersion } from '../../src/lab/kafka-broker/fetch.ts';
import type { SharedBroker } from './kafka-on-hand.ts';

export { testHost } from './kafka-on-hand.ts';

/** The body runs once per broker on hand; its topics and groups need names of their own (`uniqueName`). */
export function describeKafka(name: string, body: (kafka: SharedBroker) => void): void {
  const { shared } = inject('kafka');
  if (shared.length === 0) skipped(name);
  for (const kafka of shared) describe(`${name} (Kafka ${kafka.name})`, () => body(kafka));
}

/** As `describeKafka`, but only on the newest: for what takes long, or hardly depends on the broker. */
export function describeNewestKafka(name: string, body: (kafka: SharedBroker) => void): void {
  const [newest] = inject('kafka').shared;
  if (newest === undefined) skipped(name);
  else describe(`${name} (Kafka ${newest.name})`, () => body(newest));
}

/** The body runs once per version and starts its brokers itself: startBroker({ version }, testHost). */
export function describeOwnKafka(name: string, body: (version: KafkaVersion) => void): void {
  const { startable } = inject('kafka');
  if (startable.length === 0) skipped(name);
  for (const version of startable) describe(`${name} (Kafka ${version}, started by the test)`, () => body(version));
}

/** Names of a service's own: its consumer group and its topics. */
export const namesOfService = (name: string) => ({
  KAFKA_GROUP_ID: name,
  SOURCE_TOPIC: `${name}.source`,
  RETRY_TOPIC: `${name}.retry`,
  DEAD_LETTER_TOPIC: `${name}.dead`,
  REPORT_TOPIC: `${name}.reports`,
});

export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID()}`;
}

/**
 * What a producer of kafkajs answers in a process that has loaded src/adapters/kafka: there it resolves also with records
 * that were refused, for the sender judges each result (`keepProduceResults`).
 */
export function assertWritten(results: readonly RecordMetadata[]): void {
  const refused = results.find(({ errorCode }) => errorCode !== 0);
  if (refused === undefined) return;
  throw new Error(`${refused.topicName}/${refused.partition} is not written: error ${refused.errorCode} of Kafka`);
}

function skipped(name: string): void {
  describe.skip(name, () => test('needs Kafka', () => undefined));
}
