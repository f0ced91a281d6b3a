/**
 * Sends records and says of each what became of it. One send at a time; the records of a partition keep their order. Not
 * idempotent: kafkajs 2.2.4 then loses records unnoticed (kafkajs.md 7.2).
 *
 * kafkajs also loses records when a leader moves while a send goes to several partitions; the partitions concerned are
 * missing from what it returns, so it is compared with what was sent, and the missing ones are sent again (kafkajs.md 7.1).
 */
import { createRequire } from 'node:module';
import kafkajs, {
  type PartitionMetadata,
  type Producer,
  type ProducerBatch,
  type RecordMetadata,
  type TopicPartition,
} from 'kafkajs';
import type { OutRecord, SendOutcome } from '../../ports.ts';
import { partitionOfKey, unlessAllFailed } from '../../core/log/reading.ts';
import { pause, within } from '../../time.ts';
import { KeptClient } from './clients.ts';
import { retry } from './connection.ts';
import { NoLeaderError, isLeaderless } from './leaders.ts';
import type { KafkaConnectionOptions, KafkaHost } from './options.ts';
import { TopicPartitions, takeWave, type Placed, type Wave } from './waves.ts';
import { UNPACKED_BYTES_MAX } from './codec/bytes.ts';
import { BatchMessage } from './codec/produce-request.ts';
import { recordBytes, writeBatch } from './codec/write-batch.ts';

const closeLimitMs = 2_000;
const missingTriesMax = 20;
const missingPauseMs = 100;
/** In all 2.5 s: a leader that moves is known to its brokers by then. Who sends again waits longer. */
const staleTriesMax = 8;

export interface SenderOptions {
  readonly connection: KafkaConnectionOptions;
  readonly host: KafkaHost;
  /** @throws where the topic does not exist. */
  readonly partitionsOf: (topic: string) => Promise<PartitionMetadata[]>;
}

/** More than the head of a batch takes: no batch may be larger than what can be read again. */
const HEAD_BYTES_MAX = 1024 * 1024;

export class Sender {
  readonly #options: SenderOptions;
  readonly #kept: KeptClient<Producer>;
  readonly #partitioner = kafkajs.Partitioners.DefaultPartitioner();
  readonly #partitions = new Map<string, PartitionMetadata[]>();
  #last: Promise<unknown> = Promise.resolve();
  /** What is sent in this tick goes out together: the fences of all partitions. */
  #gathering: { readonly records: OutRecord[]; readonly outcomes: Promise<readonly SendOutcome[]> } | undefined;

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

  /**
   * Connects and reads the metadata of the topic, so that the first send does not wait for it; what fails is for that send to
   * report. kafkajs reads the metadata for a batch without messages, and sends nothing.
   */
  prepare(topic: string): void {
    const nothing = { topicMessages: [{ topic, messages: [] }] };
    const connected = this.#kept.ask((producer) => producer.sendBatch(nothing));
    this.#last = Promise.allSettled([connected, this.#metadataOf(topic)]);
  }

  /** Rejects where all have failed; some may still be written. */
  async send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    const { records: all, outcomes } = (this.#gathering ??= this.#gather());
    const from = all.push(...records) - records.length;
    return unlessAllFailed((await outcomes).slice(from, from + records.length));
  }

  #gather() {
    const records: OutRecord[] = [];
    queueMicrotask(() => (this.#gathering = undefined));
    const outcomes = this.#last.then(() => this.#sendInTurn(records));
    this.#last = outcomes.catch(() => undefined);
    return { records, outcomes };
  }

  async partitionCount(topic: string): Promise<number> {
    return (await this.#metadataOf(topic)).length;
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
      // Partitions may have been added, or the topic recreated.
      this.#partitions.clear();
      throw error;
    }
  }

  async #sendAll(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    const outcomes: (SendOutcome | undefined)[] = records.map(() => undefined);
    const failed = new Map<TopicPartition, SendOutcome>();
    const placed: Placed[] = [];
    for (const one of await this.#place(records)) {
      if (one.bytes > UNPACKED_BYTES_MAX - HEAD_BYTES_MAX) outcomes[one.index] = 'too_large';
      else placed.push(one);
    }
    let unknown = neverSent;
    let left: readonly Placed[] = placed;
    while (left.length > 0) {
      const { wave, rest } = takeWave(left);
      try {
        await this.#sendWave(wave, { outcomes, failed });
      } catch (error) {
        // What is known of the others must not get lost.
        unknown = { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
        this.#partitions.clear();
        break;
      }
      left = rest;
    }
    // Partitions may have been added, or the topic recreated.
    if (failed.size > 0) this.#partitions.clear();
    return outcomes.map((outcome) => outcome ?? unknown);
  }

  async #place(records: readonly OutRecord[]): Promise<readonly Placed[]> {
    const partitions = new Map<string, PartitionMetadata[]>();
    for (const topic of new Set(records.map((record) => record.topic)))
      partitions.set(topic, await this.#metadataOf(topic));
    const topicPartitions = new TopicPartitions();
    return records.map((record, index) => {
      const partition = record.partition ?? this.#partitionFor(record, partitions.get(record.topic) ?? []);
      return { record, index, bytes: recordBytes(record), topicPartition: topicPartitions.of(record.topic, partition) };
    });
  }

  #partitionFor({ topic, key }: OutRecord, partitionMetadata: PartitionMetadata[]): number {
    // kafkajs's own hash takes minutes for a key of a megabyte, and nothing else happens meanwhile (kafkajs.md 7.5).
    if (key !== null) return partitionOfKey(Buffer.from(key), partitionMetadata.length);
    return this.#partitioner({ topic, partitionMetadata, message: { key, value: null } });
  }

  async #metadataOf(topic: string): Promise<PartitionMetadata[]> {
    const known = this.#partitions.get(topic) ?? (await this.#options.partitionsOf(topic));
    this.#partitions.set(topic, known);
    return known;
  }

  /** A batch that is refused for one of its records is halved until that one is alone. */
  async #sendWave(wave: Wave, { outcomes, failed }: Progress): Promise<void> {
    const note = (records: readonly Placed[], outcome: SendOutcome): void => {
      for (const { index } of records) outcomes[index] = outcome;
    };
    const sent = new Map<TopicPartition, readonly Placed[]>();
    for (const [topicPartition, records] of wave) {
      const failure = failed.get(topicPartition);
      // What comes behind a record that is not written must not overtake it.
      if (failure !== undefined) note(records, failure);
      else sent.set(topicPartition, records);
    }
    const halves = [
      new Map<TopicPartition, readonly Placed[]>(),
      new Map<TopicPartition, readonly Placed[]>(),
    ] as const;
    for (const [topicPartition, error] of await this.#sendUntilComplete(sent)) {
      const records = sent.get(topicPartition) ?? [];
      const middle = Math.ceil(records.length / 2);
      const isAboutOne = error !== null && (isTooLarge(error) || isRefusal(error));
      if (isAboutOne && records.length > 1) {
        halves[0].set(topicPartition, records.slice(0, middle));
        halves[1].set(topicPartition, records.slice(middle));
        continue;
      }
      const outcome = outcomeOf(error);
      if (error !== null && !isAboutOne) failed.set(topicPartition, outcome);
      note(records, outcome);
    }
    for (const half of halves) if (half.size > 0) await this.#sendWave(half, { outcomes, failed });
  }

  /** What was written is not sent again. */
  async #sendUntilComplete(wave: Wave): Promise<Results> {
    const results = new Map<TopicPartition, ProduceError | null>();
    let left = wave;
    for (let tries = 1; left.size > 0; tries += 1) {
      for (const [topicPartition, error] of await this.#sendOnce(left)) results.set(topicPartition, error);
      const isOpen = (topicPartition: TopicPartition): boolean => {
        const error = results.get(topicPartition);
        if (error === undefined) return tries < missingTriesMax;
        return error !== null && isStale(error) && tries < staleTriesMax;
      };
      left = new Map([...left].filter(([topicPartition]) => isOpen(topicPartition)));
      if (left.size === 0) break;
      this.#options.host.logger.debug({ partitions: left.size }, 'records were not acknowledged and are sent again');
      await pause(this.#options.host.clock, missingPauseMs * Math.min(tries, 5));
    }
    for (const topicPartition of wave.keys())
      if (!results.has(topicPartition)) results.set(topicPartition, unacknowledged(topicPartition));
    return results;
  }

  /** Of the partitions that the answer speaks of, and of those without a leader. */
  async #sendOnce(wave: Wave): Promise<Results> {
    const results = await this.#leaderlessOf(wave);
    const sent = new Map([...wave].filter(([topicPartition]) => !results.has(topicPartition)));
    const answer = await this.#ask(sent);
    for (const topicPartition of sent.keys()) {
      const found = answer.find(
        ({ topicName, partition }) => topicName === topicPartition.topic && partition === topicPartition.partition,
      );
      if (found !== undefined) results.set(topicPartition, produceError(found.errorCode));
    }
    // A new client reads the metadata again.
    if ([...results.values()].some((error) => error !== null && isStale(error))) {
      this.#kept.renew();
      this.#partitions.clear();
    }
    return results;
  }

  async #ask(wave: Wave): Promise<readonly RecordMetadata[]> {
    if (wave.size === 0) return [];
    const batch = await batchOf(wave, this.#options.host.clock.now().wall);
    return this.#kept.ask((producer) => producer.sendBatch(batch));
  }

  /** kafkajs would send nothing to the others either (kafkajs.md 8.2). */
  async #leaderlessOf(wave: Wave): Promise<Map<TopicPartition, ProduceError | null>> {
    const results = new Map<TopicPartition, ProduceError | null>();
    for (const topicPartition of wave.keys()) {
      const { topic, partition } = topicPartition;
      const found = (await this.#metadataOf(topic)).find(({ partitionId }) => partitionId === partition);
      if (found !== undefined && isLeaderless(found)) results.set(topicPartition, new NoLeaderError(topic, found));
    }
    return results;
  }
}

/** null: written. */
type Results = ReadonlyMap<TopicPartition, ProduceError | null>;

interface Progress {
  /** By the record's index in the caller's list. */
  readonly outcomes: (SendOutcome | undefined)[];
  /** Partitions that could not be written to. */
  readonly failed: Map<TopicPartition, SendOutcome>;
}

const neverSent: SendOutcome = { kind: 'failed', error: new Error('the record was not sent') };

function outcomeOf(error: ProduceError | null): SendOutcome {
  if (error === null) return 'written';
  if (isTooLarge(error)) return 'too_large';
  return { kind: isRefusal(error) ? 'refused' : 'failed', error };
}

const unacknowledged = ({ topic, partition }: TopicPartition): ProduceError =>
  Object.assign(new Error(`Kafka acknowledges no records of ${topic}/${partition}`), {
    type: 'UNACKNOWLEDGED',
    retriable: true,
  });

/** Below the time-out of a request, so that the broker answers first. */
const replicationLimitMs = 8_000;

/** One request to each leader. */
async function batchOf(wave: Wave, timestamp: number): Promise<ProducerBatch> {
  const topics = new Map<string, BatchMessage[]>();
  for (const [{ topic, partition }, placed] of wave) {
    const message = new BatchMessage(partition, await writeBatch(placed, timestamp));
    topics.set(topic, [...(topics.get(topic) ?? []), message]);
  }
  const topicMessages = [...topics].map(([topic, messages]) => ({ topic, messages }));
  return { acks: -1, timeout: replicationLimitMs, topicMessages };
}

interface ProduceError extends Error {
  /** Kafka's name for it. */
  readonly type: string;
  readonly retriable: boolean;
}

const { createErrorFromCode } = createRequire(import.meta.url)('kafkajs/src/protocol/error') as {
  createErrorFromCode(code: number): ProduceError;
};

/** null: written. The message begins with the name that Kafka has for the error. */
function produceError(code: number): ProduceError | null {
  if (code === 0) return null;
  const error = createErrorFromCode(code);
  error.message = `${error.type}: ${error.message}`;
  return error;
}

/** The leader is elsewhere by now: the metadata is to be read again. */
const isStale = ({ type }: ProduceError): boolean =>
  ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION', 'REPLICA_NOT_AVAILABLE'].includes(
    type,
  );

const isTooLarge = ({ type }: ProduceError): boolean =>
  type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE';

/** Of one record, for which the broker refuses its batch. */
const isRefusal = ({ type }: ProduceError): boolean => type === 'INVALID_RECORD' || type === 'INVALID_TIMESTAMP';
