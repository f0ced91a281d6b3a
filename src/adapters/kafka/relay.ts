/** The Relay on Kafka: a supervisor over one consumer at a time, as change-log.ts is for source and retry. */
import type { Relay, RelayCommit, RelayHandler } from '../../ingest/ports.ts';
import { KafkaFailure, explainKafkaError, logConsumeFailure, logRebuild } from './errors.ts';
import type { KafkaHost, KafkaRelayOptions } from './options.ts';
import { RelayConsumer, type RelayListener } from './relay-consumer.ts';
import { RelayStart } from './relay-start.ts';

const rebuildDelayMs = 750;
const checkIntervalMs = 1_000;

export class KafkaRelay implements Relay {
  readonly #options: KafkaRelayOptions;
  readonly #host: KafkaHost;
  readonly #start: RelayStart;
  #handler: RelayHandler | undefined;
  #consumer: RelayConsumer | undefined;
  /** Closings under way; a new consumer waits for the old one to have left. */
  #closing: Promise<void> = Promise.resolve();
  #isOver = false;
  #cancelCheck = (): void => undefined;
  #cancelRebuild = (): void => undefined;

  constructor(options: KafkaRelayOptions, host: KafkaHost) {
    this.#options = options;
    this.#host = host;
    this.#start = new RelayStart(options, host);
  }

  join(handler: RelayHandler): void {
    if (this.#handler !== undefined) throw new Error('this relay has been joined already');
    this.#handler = handler;
    this.#build(handler);
    this.#scheduleCheck();
  }

  pause(partition: number): void {
    this.#consumer?.pause(partition);
  }

  resume(partition: number): void {
    this.#consumer?.resume(partition);
  }

  holdsLease(): boolean {
    return this.#consumer?.holdsLease() ?? false;
  }

  async commit(commits: readonly RelayCommit[]): Promise<void> {
    if (this.#consumer === undefined) throw new Error('there is no consumer to commit with');
    await this.#consumer.commit(commits);
  }

  /** What is not read, each with its remedy. */
  obstacles(): readonly string[] {
    return [...this.#start.obstacles(), ...(this.#consumer?.otherTopics.obstacles() ?? [])];
  }

  async leave(): Promise<void> {
    this.#stop();
    await this.#closing;
    await this.#start.close();
  }

  #build(handler: RelayHandler): void {
    const listener: RelayListener = {
      assigned: (partitions) => handler.assigned(partitions),
      records: (batch) => handler.records(batch),
      offsetOutOfRange: (partition) => handler.offsetOutOfRange(partition),
      lost: (reason) => handler.lost(reason),
      ended: (error) => this.#ended(error),
    };
    this.#consumer = new RelayConsumer(this.#options, this.#host, { listener, start: this.#start });
    this.#consumer.start();
  }

  #ended(error: unknown): void {
    const { code, message, advice, retriable } = explainKafkaError(error);
    if (!retriable) return this.#fail(new KafkaFailure({ code, message, advice }, { cause: error }));
    logConsumeFailure(this.#host, { code, message, advice });
    this.#rebuild(message);
  }

  #fail(failure: KafkaFailure): void {
    this.#stop();
    this.#handler?.failed(failure);
  }

  #rebuild(reason: string): void {
    this.#discardConsumer();
    try {
      this.#handler?.lost(reason);
    } catch (error) {
      return this.#fail(new KafkaFailure(explainKafkaError(error), { cause: error }));
    }
    void this.#closing.then(() => {
      if (this.#isOver) return;
      this.#cancelRebuild();
      this.#cancelRebuild = this.#host.clock.schedule(rebuildDelayMs, () => {
        if (this.#handler !== undefined && this.#consumer === undefined) this.#build(this.#handler);
      });
    });
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#host.clock.schedule(checkIntervalMs, () => {
      this.#scheduleCheck();
      const fault = this.#consumer?.fault() ?? this.#start.fault();
      if (fault === null) return;
      logRebuild(this.#host, fault);
      this.#rebuild(fault);
    });
  }

  #discardConsumer(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    this.#start.end();
    if (consumer !== undefined) this.#closing = Promise.all([this.#closing, consumer.close()]).then(() => undefined);
  }

  #stop(): void {
    this.#isOver = true;
    this.#cancelCheck();
    this.#cancelRebuild();
    this.#discardConsumer();
  }
}
