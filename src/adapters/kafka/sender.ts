/**
 * Sends records and says of each what became of it. One send at a time; the records of a partition keep their order. Not
 * idempotent: kafkajs 2.2.4 then loses records unnoticed (kafkajs.md 7.2).
 *
 * kafkajs also loses records when a leader moves while a send goes to several partitions; the partitions concerned are
 * missing from what it returns, so it is compared with what was sent, and the missing ones are sent again (kafkajs.md 7.1).
 */
import { createRequire } from 'node:module';
import kafkajs, { type Message, type PartitionMetadata, type Producer, type ProducerBatch } from 'kafkajs';
import type { OutRecord, SendOutcome } from '../../ports.ts';
import { partitionOfKey, unlessAllFailed } from '../../core/log/reading.ts';
import { pause, within } from '../../time.ts';
import { KeptClient } from './clients.ts';
import { retry } from './connection.ts';
import { NoLeaderError, isLeaderless } from './leaders.ts';
import type { KafkaConnectionOptions, KafkaHost } from './options.ts';
import { sizeOf, toMessage } from './record.ts';
import { UNPACKED_BYTES_MAX } from './codec/bytes.ts';

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

/** More than a record takes beside what `sizeOf` counts: what is written compressed must be read again. */
const BATCH_BYTES = 1024 * 1024;

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

  /** Ahead of the first send. */
  connect(): void {
    this.#kept.connect();
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

  async partitionOf(topic: string, key: Uint8Array | string): Promise<number> {
    // kafkajs's own hash takes minutes for a key of a megabyte, and nothing else happens meanwhile (kafkajs.md 7.5).
    return partitionOfKey(Buffer.from(key), (await this.#metadataOf(topic)).length);
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
    const outcomes = new Map<number, SendOutcome>();
    const failed = new Map<string, SendOutcome>();
    const placed: Placed[] = [];
    for (const [index, record] of records.entries()) {
      const one = await this.#place(record, index);
      if (one.bytes > UNPACKED_BYTES_MAX - BATCH_BYTES) outcomes.set(index, 'too_large');
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
    return records.map((_, index) => outcomes.get(index) ?? unknown);
  }

  async #place(record: OutRecord, index: number): Promise<Placed> {
    return { record, index, bytes: sizeOf(record), partition: record.partition ?? (await this.#partitionFor(record)) };
  }

  async #partitionFor({ topic, key }: OutRecord): Promise<number> {
    if (key !== null) return this.partitionOf(topic, key);
    const partitionMetadata = await this.#metadataOf(topic);
    return this.#partitioner({ topic, partitionMetadata, message: { key, value: null } });
  }

  async #metadataOf(topic: string): Promise<PartitionMetadata[]> {
    const known = this.#partitions.get(topic) ?? (await this.#options.partitionsOf(topic));
    this.#partitions.set(topic, known);
    return known;
  }

  /** A batch that is refused for one of its records is halved until that one is alone. */
  async #sendWave(wave: readonly Placed[], { outcomes, failed }: Progress): Promise<void> {
    // What comes behind a record that is not written must not overtake it.
    const stopped = wave.filter((placed) => failed.has(nameOf(placed)));
    for (const placed of stopped) outcomes.set(placed.index, failed.get(nameOf(placed)) ?? neverSent);
    const sent = wave.filter((placed) => !stopped.includes(placed));
    const halves: [Placed[], Placed[]] = [[], []];
    for (const [place, error] of await this.#sendUntilComplete(sent)) {
      const records = sent.filter((placed) => nameOf(placed) === place);
      const middle = Math.ceil(records.length / 2);
      const isAboutOne = error !== null && (isTooLarge(error) || isRefusal(error));
      if (isAboutOne && records.length > 1) {
        halves[0].push(...records.slice(0, middle));
        halves[1].push(...records.slice(middle));
        continue;
      }
      const outcome = outcomeOf(error);
      if (error !== null && !isAboutOne) failed.set(place, outcome);
      for (const { index } of records) outcomes.set(index, outcome);
    }
    for (const half of halves) if (half.length > 0) await this.#sendWave(half, { outcomes, failed });
  }

  /** By place; what was written is not sent again. */
  async #sendUntilComplete(wave: readonly Placed[]): Promise<ReadonlyMap<string, ProduceError | null>> {
    const results = new Map<string, ProduceError | null>();
    let left = wave;
    for (let tries = 1; left.length > 0; tries += 1) {
      for (const [place, error] of await this.#sendOnce(left)) results.set(place, error);
      const isOpen = (placed: Placed): boolean => {
        const error = results.get(nameOf(placed));
        if (error === undefined) return tries < missingTriesMax;
        return error !== null && isStale(error) && tries < staleTriesMax;
      };
      left = left.filter(isOpen);
      if (left.length === 0) break;
      this.#options.host.logger.debug({ records: left.length }, 'records were not acknowledged and are sent again');
      await pause(this.#options.host.clock, missingPauseMs * Math.min(tries, 5));
    }
    for (const placed of wave) if (!results.has(nameOf(placed))) results.set(nameOf(placed), unacknowledged(placed));
    return results;
  }

  /** Of the partitions that the answer speaks of, and of those without a leader. */
  async #sendOnce(wave: readonly Placed[]): Promise<ReadonlyMap<string, ProduceError | null>> {
    const leaderless = await this.#leaderlessOf(wave);
    const sent = wave.filter((placed) => !leaderless.has(nameOf(placed)));
    const answer = sent.length === 0 ? [] : await this.#kept.ask((producer) => producer.sendBatch(batchOf(sent)));
    const results = new Map([
      ...leaderless,
      ...answer.map(
        ({ topicName, partition, errorCode }) => [placeName(topicName, partition), produceError(errorCode)] as const,
      ),
    ]);
    // A new client reads the metadata again.
    if ([...results.values()].some((error) => error !== null && isStale(error))) {
      this.#kept.renew();
      this.#partitions.clear();
    }
    return results;
  }

  /** kafkajs would send nothing to the others either (kafkajs.md 8.2). */
  async #leaderlessOf(wave: readonly Placed[]): Promise<ReadonlyMap<string, ProduceError>> {
    const places = new Map<string, ProduceError>();
    for (const placed of wave) {
      const { topic } = placed.record;
      const found = (await this.#metadataOf(topic)).find(({ partitionId }) => partitionId === placed.partition);
      if (found !== undefined && isLeaderless(found)) places.set(nameOf(placed), new NoLeaderError(topic, found));
    }
    return places;
  }
}

interface Progress {
  /** By the record's place in the caller's list. */
  readonly outcomes: Map<number, SendOutcome>;
  /** Partitions that could not be written to. */
  readonly failed: Map<string, SendOutcome>;
}

const neverSent: SendOutcome = { kind: 'failed', error: new Error('the record was not sent') };

function outcomeOf(error: ProduceError | null): SendOutcome {
  if (error === null) return 'written';
  if (isTooLarge(error)) return 'too_large';
  return { kind: isRefusal(error) ? 'refused' : 'failed', error };
}

const nameOf = ({ record, partition }: Placed): string => placeName(record.topic, partition);

const unacknowledged = (placed: Placed): ProduceError =>
  Object.assign(new Error(`Kafka acknowledges no records of ${nameOf(placed)}`), {
    type: 'UNACKNOWLEDGED',
    retriable: true,
  });

function placeName(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

export interface Placed {
  readonly record: OutRecord;
  /** Its place in the caller's list. */
  readonly index: number;
  readonly partition: number;
  readonly bytes: number;
}

/** kafkajs groups by partition in O(n²) (kafkajs.md 7.3). */
const recordsMax = 2_000;
/** Below the 1 MB that a broker accepts as one batch by default. */
const partitionBytesMax = 900_000;
const bytesMax = 16_000_000;
/** Below the time-out of a request, so that the broker answers first. */
const replicationLimitMs = 8_000;

/** One compression, bounded in records and bytes, and never a record before an older one of its partition.
 *  The wave begins with the first record; a single record is taken at any size. */
export function takeWave(left: readonly Placed[]): {
  readonly wave: readonly Placed[];
  readonly rest: readonly Placed[];
} {
  const gzip = left[0]?.record.gzip;
  const wave: Placed[] = [];
  const rest: Placed[] = [];
  const partitionBytes = new Map<string, number>();
  const closed = new Set<string>();
  let bytes = 0;
  for (const placed of left) {
    const place = nameOf(placed);
    const before = partitionBytes.get(place) ?? 0;
    const fits = before === 0 || before + placed.bytes <= partitionBytesMax;
    const full = wave.length >= recordsMax || (wave.length > 0 && bytes + placed.bytes > bytesMax);
    if (full || !fits || placed.record.gzip !== gzip || closed.has(place)) {
      closed.add(place);
      rest.push(placed);
    } else {
      wave.push(placed);
      partitionBytes.set(place, before + placed.bytes);
      bytes += placed.bytes;
    }
  }
  return { wave, rest };
}

/** One request to each leader. */
function batchOf(wave: readonly Placed[]): ProducerBatch {
  const messages = new Map<string, Message[]>();
  for (const { record, partition } of wave) {
    const ofTopic = messages.get(record.topic) ?? [];
    messages.set(record.topic, ofTopic);
    ofTopic.push(toMessage(record, partition));
  }
  return {
    acks: -1,
    timeout: replicationLimitMs,
    compression: wave[0]?.record.gzip ? kafkajs.CompressionTypes.GZIP : kafkajs.CompressionTypes.None,
    topicMessages: [...messages].map(([topic, ofTopic]) => ({ topic, messages: ofTopic })),
  };
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
