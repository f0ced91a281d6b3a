/**
 * A client of kafkajs that is kept between requests. After a failure it is thrown away and the next request opens another:
 * kafkajs may take a connection for usable whose first exchange failed, and then fails for ever ('Broker not connected',
 * kafkajs.md 1.8).
 */
import type { Kafka } from 'kafkajs';
import { within } from '../time-limit.ts';
import type { Connection } from './connection.ts';
import { openConnection } from './connection.ts';
import type { KafkaConnectionOptions, KafkaHost } from './options.ts';

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
      void this.#discard(kept);
      throw error;
    }
  }

  /** The next request opens another client. */
  renew(): void {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined) void this.#discard(kept);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined) await this.#discard(kept);
  }

  #open(): Kept<C> {
    const { connection: options, host, create } = this.#options;
    const connection = openConnection(options, host);
    const client = create(connection.kafka);
    return { connection, client, connected: client.connect() };
  }

  async #discard({ connection, client }: Kept<C>): Promise<void> {
    await within(
      this.#options.host.clock,
      closeLimitMs,
      client.disconnect().catch(() => undefined),
    );
    connection.destroy();
  }
}
