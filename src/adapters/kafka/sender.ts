/**
 * Sends records and resolves when each is acknowledged by all in-sync replicas. One send at a time; the records of a
 * partition keep their order. Not idempotent: kafkajs 2.2.4 then loses records unnoticed (kafkajs.md A7).
 *
 * kafkajs also loses records when a leader moves while a send goes to several partitions; the partitions concerned are
 * missing from what it returns, so it is compared with what was sent, and the missing ones are sent again.
 */
import type { Message, PartitionMetadata, Producer } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { OutRecord, SendOutcome } from '../../ports.ts';
import { partitionOfKey } from '../../core/murmur2.ts';
import { pause, within } from '../time-limit.ts';
import { retry } from './connection.ts';
import { KeptClient } from './kept-client.ts';
import type { KafkaConnectionOptions, KafkaHost } from './options.ts';
import { sizeOf, toMessage } from './record.ts';
import type { Placed } from './waves.ts';
import { takeWave } from './waves.ts';

const closeLimitMs = 2_000;
/** Below the time-out of a request, so that the broker answers first. */
const replicationLimitMs = 8_000;
const missingTriesMax = 20;
const missingPauseMs = 100;

export interface SenderOptions {
  readonly connection: KafkaConnectionOptions;
  readonly host: KafkaHost;
  /** @throws where the topic does not exist. */
  readonly partitionsOf: (topic: string) => Promise<PartitionMetadata[]>;
}

export class Sender {
  readonly #options: SenderOptions;
  readonly #kept: KeptClient<Producer>;
  readonly #partitioner = kafkajs.Partitioners.DefaultPartitioner();
  readonly #partitions = new Map<string, PartitionMetadata[]>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#kept = new KeptClient({
      ...options,
      create: (kafka) =>
        kafka.producer({
          createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
          allowAutoTopicCreation: false,
          idempotent: false,
          retry,
        }),
    });
  }

  /** Rejects where it is not known that all were written; what was written then may be written again. */
  async send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    const turn = this.#last.then(() => this.#sendInTurn(records));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** A send under way is given a moment. */
  async close(): Promise<void> {
    await within(this.#options.host.clock, closeLimitMs, this.#last);
    await this.#kept.close();
  }

  async #sendInTurn(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    if (records.length === 0) return [];
    try {
      return await this.#sendAll(records);
    } catch (error) {
      // Partitions may have been added, or the topic made anew.
      this.#partitions.clear();
      throw error;
    }
  }

  async #sendAll(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    const outcomes: SendOutcome[] = Array.from({ length: records.length }, () => 'written');
    const placed: Placed[] = [];
    for (const [index, record] of records.entries()) placed.push(await this.#place(record, index));
    let left: readonly Placed[] = placed;
    while (left.length > 0) {
      const { wave, rest } = takeWave(left);
      for (const index of await this.#sendWave(wave)) outcomes[index] = 'too_large';
      left = rest;
    }
    return outcomes;
  }

  async #place(record: OutRecord, index: number): Promise<Placed> {
    return { record, index, bytes: sizeOf(record), partition: record.partition ?? (await this.#partitionFor(record)) };
  }

  async #partitionFor({ topic, key }: OutRecord): Promise<number> {
    const known = this.#partitions.get(topic) ?? (await this.#options.partitionsOf(topic));
    this.#partitions.set(topic, known);
    // kafkajs's own hash takes minutes for a key of a megabyte, and nothing else happens meanwhile.
    if (key !== null) return partitionOfKey(Buffer.from(key), known.length);
    return this.#partitioner({ topic, partitionMetadata: known, message: { key, value: null } });
  }

  /** Indexes of the records that were refused alone. */
  async #sendWave(wave: readonly Placed[]): Promise<readonly number[]> {
    try {
      await this.#sendUntilComplete(wave);
      return [];
    } catch (error) {
      if (!isTooLarge(error)) throw error;
    }
    if (wave.length === 1) return wave.map(({ index }) => index);
    const middle = Math.ceil(wave.length / 2);
    const first = await this.#sendWave(wave.slice(0, middle));
    return [...first, ...(await this.#sendWave(wave.slice(middle)))];
  }

  async #sendUntilComplete(wave: readonly Placed[]): Promise<void> {
    let missing = wave;
    for (let tries = 0; tries < missingTriesMax; tries += 1) {
      const present = await this.#sendOnce(missing);
      missing = missing.filter((placed) => !present.has(placeName(placed.record.topic, placed.partition)));
      if (missing.length === 0) return;
      this.#options.host.log.warn({ records: missing.length }, 'records were not acknowledged and are sent again');
      await pause(this.#options.host.clock, missingPauseMs);
    }
    throw new Error(`Kafka acknowledges no records of ${missing[0]?.record.topic}/${missing[0]?.partition}`);
  }

  /** The partitions that are acknowledged. */
  async #sendOnce(wave: readonly Placed[]): Promise<ReadonlySet<string>> {
    const messages = new Map<string, Message[]>();
    for (const { record, partition } of wave) {
      const ofTopic = messages.get(record.topic) ?? [];
      messages.set(record.topic, ofTopic);
      ofTopic.push(toMessage(record, partition));
    }
    const batch = {
      acks: -1,
      timeout: replicationLimitMs,
      compression: wave[0]?.record.gzip ? kafkajs.CompressionTypes.GZIP : kafkajs.CompressionTypes.None,
      topicMessages: [...messages].map(([topic, ofTopic]) => ({ topic, messages: ofTopic })),
    };
    const answer = await this.#kept.ask((producer) => producer.sendBatch(batch));
    return new Set(answer.map(({ topicName, partition }) => placeName(topicName, partition)));
  }
}

function placeName(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function isTooLarge(error: unknown): boolean {
  for (
    let link: unknown = error;
    typeof link === 'object' && link !== null;
    link = (link as { cause?: unknown }).cause
  ) {
    const { type } = link as { type?: unknown };
    if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') return true;
  }
  return false;
}
