/**
 * Notices that a topic was deleted and recreated under a consumer: kafkajs goes on in the new topic at the offset that it had
 * reached in the old one, and reports nothing (kafkajs.md 2.11).
 */
import type { Cluster } from 'kafkajs';
import type { Clock } from '../../ports.ts';
import { topicIdsFrom } from './inspection.ts';
import { isLeaderless } from './leaderless.ts';

const lookIntervalMs = 5_000;

export class TopicWatch {
  readonly #topic: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #cluster: () => Cluster | undefined;
  #readId: string | null = null;
  #presentId: string | null = null;
  #lookedAt: number;
  #isLooking = false;

  /** @param cluster undefined while nothing is assigned. */
  constructor(topic: string, clock: Pick<Clock, 'now'>, cluster: () => Cluster | undefined) {
    this.#topic = topic;
    this.#clock = clock;
    this.#cluster = cluster;
    this.#lookedAt = clock.now().monotonic;
  }

  /** Reading begins in the topic of this id. */
  begins(id: string | null): void {
    this.#readId = this.#presentId = id;
  }

  /** The present topic is the one that is read from now on. */
  follow(): void {
    this.#readId = this.#presentId;
  }

  /** Of the topic that is read; null: not known. */
  get topicId(): string | null {
    return this.#readId;
  }

  /** The reason to join again, null where there is none. */
  fault(): string | null {
    return this.#readId === null || this.#presentId === null || this.#presentId === this.#readId
      ? null
      : `the topic ${this.#topic} was deleted and recreated`;
  }

  /** Asks from time to time. An unanswered question is no fault. */
  look(): void {
    const cluster = this.#cluster();
    const now = this.#clock.now().monotonic;
    if (cluster === undefined || this.#isLooking || now - this.#lookedAt < lookIntervalMs) return;
    this.#lookedAt = now;
    this.#isLooking = true;
    const readId = this.#readId;
    void this.#idIn(cluster)
      .then((id) => {
        if (readId === this.#readId) this.#presentId = id;
      })
      .catch(() => undefined)
      .finally(() => {
        this.#isLooking = false;
      });
  }

  /** Any leader of the topic knows it; the first partition may have none. */
  async #idIn(cluster: Cluster): Promise<string | null> {
    const led = cluster.findTopicPartitionMetadata(this.#topic).find((partition) => !isLeaderless(partition));
    const [id = null] = await topicIdsFrom(cluster, [this.#topic], led?.partitionId);
    return id;
  }
}
