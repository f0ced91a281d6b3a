/**
 * Finds partitions that stand still although there is something to read. One cause is known and handled here: kafkajs does
 * not get past a batch that compaction has emptied (kafkajs.md 2.7). For any other a new consumer is built.
 */
import type { Cluster } from 'kafkajs';
import type { KafkaAdmin } from './admin.ts';
import type { LogConsumer } from './consumer.ts';
import { endOfHole, fetchDirectly } from './direct-fetch.ts';
import { leaderlessOf, numbersOf } from './leaders.ts';
import type { KafkaLogOptions } from './options.ts';
import type { ReadPosition } from './positions.ts';

const suspiciousMs = 3_000;
const faultMs = 30_000;

export class Standstill {
  readonly #consumer: LogConsumer;
  readonly #options: KafkaLogOptions;
  readonly #admin: Pick<KafkaAdmin, 'committed' | 'bounds'>;

  /** Those that had something to read when last looked at. */
  readonly #behind = new WeakSet<ReadPosition>();
  #isLooking = false;

  constructor(consumer: LogConsumer, options: KafkaLogOptions, admin: Pick<KafkaAdmin, 'committed' | 'bounds'>) {
    this.#consumer = consumer;
    this.#options = options;
    this.#admin = admin;
  }

  /** The reason to rebuild the consumer, null where there is none. */
  fault(): string | null {
    const stuck = this.#consumer.intake.standing(faultMs).find((place) => this.#behind.has(place));
    return stuck === undefined
      ? null
      : `${this.#options.topics[stuck.topic]}/${stuck.partition} is not read any further`;
  }

  /** Looks after what stands still, unless it does so already. An unanswered question is no fault. */
  look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#lookOnce()
      .catch(() => undefined)
      .finally(() => {
        this.#isLooking = false;
      });
  }

  async #lookOnce(): Promise<void> {
    const { cluster, intake } = this.#consumer;
    if (cluster === undefined) return;
    const standing = intake.standing(suspiciousMs);
    for (const topic of ['source', 'retry'] as const) {
      const name = this.#options.topics[topic];
      const leaderless = numbersOf(leaderlessOf(cluster, name));
      const places = standing.filter((place) => place.topic === topic);
      // Another consumer would not read those without a leader either; the others of the topic are looked after.
      for (const place of places) if (leaderless.has(place.partition)) this.#waits(place);
      const led = places.filter(({ partition }) => !leaderless.has(partition));
      await this.#skipHoles(cluster, name, led);
    }
  }

  async #skipHoles(cluster: Cluster, topic: string, places: readonly ReadPosition[]): Promise<void> {
    if (places.length === 0) return;
    const positions = await Promise.all(
      places.map(async (place) => ({ ...place, offset: await this.#offsetOf(topic, place) })),
    );
    // One byte: only the last stable offsets are of interest.
    const ends = await fetchDirectly({ cluster, topic, positions, waitMs: 0, bytesPerPartition: 1 });
    for (const [i, place] of places.entries()) {
      const position = positions[i];
      const end = ends.find(({ partition }) => partition === place.partition)?.lastStableOffset ?? 0n;
      if (position === undefined || end <= position.offset) {
        this.#waits(place);
        continue;
      }
      this.#behind.add(place);
      const next = await endOfHole(cluster, topic, position);
      // It may have moved on meanwhile.
      if (next > position.offset && place.since === position.since) this.#consumer.skip(place, next);
    }
  }

  #waits(place: ReadPosition): void {
    this.#behind.delete(place);
    this.#consumer.intake.waits(place);
  }

  async #offsetOf(topic: string, place: ReadPosition): Promise<bigint> {
    if (place.offset !== null) return place.offset;
    const { offset } = await this.#admin.committed(this.#options.groupId, topic, place.partition);
    return offset ?? (await this.#admin.bounds(topic, place.partition)).start;
  }
}
