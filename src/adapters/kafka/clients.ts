/** Clients of kafkajs beside the consumers: its cluster without a consumer group, and clients that are kept between requests. */
import type { Cluster, Kafka } from 'kafkajs';
import { openConnection, retry, type Connection } from './connection.ts';
import type { KafkaConnectionOptions, KafkaHost } from './options.ts';

export interface ClusterClient {
  readonly cluster: Cluster;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

/**
 * kafkajs hands its cluster to an assigner, so a consumer that never runs serves to get one (kafkajs.md 6.1). Nothing of it
 * is left in the brokers, and no right on groups is needed.
 */
export function clusterClient(kafka: Kafka): ClusterClient {
  const handed: Cluster[] = [];
  const consumer = kafka.consumer({
    groupId: 'rollcall-reader-that-never-joins',
    allowAutoTopicCreation: false,
    retry,
    partitionAssigners: [
      ({ cluster }) => {
        handed.push(cluster);
        const refuse = (): never => {
          throw new Error('a reader must not join a group');
        };
        return { name: 'none', version: 0, protocol: refuse, assign: refuse };
      },
    ],
  });
  const [cluster] = handed;
  if (cluster === undefined) throw new Error('kafkajs has made no assigner');
  return { cluster, connect: () => consumer.connect(), disconnect: () => consumer.disconnect() };
}

interface Client {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

interface Kept<C> {
  readonly connection: Connection;
  readonly client: C;
  readonly connected: Promise<void>;
}

export interface KeptClientOptions<C> {
  readonly connection: KafkaConnectionOptions;
  readonly host: KafkaHost;
  readonly create: (kafka: Kafka) => C;
}

const closeLimitMs = 2_000;

/**
 * After a failure the client is thrown away and the next request opens another: kafkajs may take a connection for usable
 * whose first exchange failed, and then fails for ever ('Broker not connected', kafkajs.md 1.8).
 */
export class KeptClient<C extends Client> {
  readonly #options: KeptClientOptions<C>;
  #kept: Kept<C> | undefined;
  #isClosed = false;

  constructor(options: KeptClientOptions<C>) {
    this.#options = options;
  }

  /** Rejects with what kafkajs throws, and after `close`. */
  async ask<T>(question: (client: C) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new Error('this connection to Kafka is closed');
    const kept = (this.#kept ??= this.#open());
    try {
      await kept.connected;
      return await question(kept.client);
    } catch (error) {
      if (this.#kept === kept) this.#kept = undefined;
      void discard(kept);
      throw error;
    }
  }

  /** The next request opens another client. */
  renew(): void {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined) void discard(kept);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined) await discard(kept);
  }

  #open(): Kept<C> {
    const { connection: options, host, create } = this.#options;
    const connection = openConnection(options, host);
    const client = create(connection.kafka);
    return { connection, client, connected: client.connect() };
  }
}

const discard = <C extends Client>({ connection, client }: Kept<C>): Promise<void> =>
  connection.close(client, closeLimitMs);
