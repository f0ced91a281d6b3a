/**
 * Where a relay begins to read: at what was committed, and before that as far back as its handler wants to remember. The
 * metadata of a commit is the timestamp of the newest record that was passed on.
 */
import type { Admin } from 'kafkajs';
import type { RelayPartition } from '../../ingest/ports.ts';
import { KeptClient } from './kept-client.ts';
import type { KafkaHost, KafkaRelayOptions } from './options.ts';

export interface StartingPoint extends RelayPartition {
  /** Offset after the last record. */
  readonly end: bigint;
}

export class RelayStart {
  readonly #options: KafkaRelayOptions;
  readonly #kept: KeptClient<Admin>;

  constructor(options: KafkaRelayOptions, host: KafkaHost) {
    this.#options = options;
    this.#kept = new KeptClient({ connection: options, host, create: (kafka) => kafka.admin() });
  }

  async of(partitions: readonly number[]): Promise<readonly StartingPoint[]> {
    const { groupId, topic, lookBackMs } = this.#options;
    if (partitions.length === 0) return [];
    const bounds = await this.#kept.ask((admin) => admin.fetchTopicOffsets(topic));
    const commits = await this.#kept.ask((admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
    const committed = commits[0]?.partitions ?? [];
    const times = committed.map(({ metadata }) => Number(metadata ?? '')).filter((time) => time > 0);
    const since = times.length === 0 ? null : Math.min(...times) - lookBackMs;
    const backs =
      since === null ? [] : await this.#kept.ask((admin) => admin.fetchTopicOffsetsByTimestamp(topic, since));
    return partitions.map((partition) => {
      const { low, high } = found(bounds, partition);
      const offset = BigInt(committed.find((entry) => entry.partition === partition)?.offset ?? -1);
      const back = BigInt(backs.find((entry) => entry.partition === partition)?.offset ?? -1);
      return startingPoint({ partition, low: BigInt(low), end: BigInt(high), offset, back });
    });
  }

  close(): Promise<void> {
    return this.#kept.close();
  }
}

/** Negative offsets: none. What retention has taken cannot be looked back to. */
function startingPoint({
  partition,
  low,
  end,
  offset,
  back,
}: Record<'low' | 'end' | 'offset' | 'back', bigint> & { readonly partition: number }): StartingPoint {
  const committed = offset < 0n ? low : offset;
  const from = back < 0n || back > committed ? committed : back < low ? low : back;
  return { partition, committed, from: from > committed ? committed : from, end };
}

function found<T extends { readonly partition: number }>(entries: readonly T[], partition: number): T {
  const entry = entries.find((entry) => entry.partition === partition);
  if (entry === undefined) throw new Error(`Kafka tells no offsets of partition ${partition}`);
  return entry;
}
