/** Where each assigned partition is read, as far as it is known, and since when it has stood still. */
import type { InputTopic } from '../../ports.ts';

export interface ReadPosition {
  readonly topic: InputTopic;
  readonly partition: number;
  /** null: kafkajs began at the committed offset, and nothing has come yet. */
  offset: bigint | null;
  /** Monotonic ms; of the last step, or of the assignment. */
  since: number;
}

export class Positions {
  readonly #places = new Map<string, ReadPosition>();
  /** They outlive the assignment, as they do in kafkajs. */
  readonly #paused = new Set<string>();

  assign(partitions: readonly number[], now: number): void {
    this.#places.clear();
    for (const topic of ['source', 'retry'] as const) {
      for (const partition of partitions) {
        this.#places.set(keyOf(topic, partition), { topic, partition, offset: null, since: now });
      }
    }
  }

  /** undefined: not assigned. */
  of(topic: InputTopic, partition: number): ReadPosition | undefined {
    return this.#places.get(keyOf(topic, partition));
  }

  partitions(): readonly number[] {
    return this.#all()
      .filter(({ topic }) => topic === 'source')
      .map(({ partition }) => partition);
  }

  /** Not paused and without a step for so long. */
  standing(sinceMs: number, now: number): readonly ReadPosition[] {
    return this.#all().filter((place) => !this.isPaused(place) && now - place.since >= sinceMs);
  }

  pause(topic: InputTopic, partition: number): void {
    this.#paused.add(keyOf(topic, partition));
  }

  resume(topic: InputTopic, partition: number, now: number): void {
    this.#paused.delete(keyOf(topic, partition));
    const place = this.of(topic, partition);
    if (place !== undefined) place.since = now;
  }

  isPaused({ topic, partition }: Pick<ReadPosition, 'topic' | 'partition'>): boolean {
    return this.#paused.has(keyOf(topic, partition));
  }

  #all(): ReadPosition[] {
    return [...this.#places.values()];
  }
}

function keyOf(topic: InputTopic, partition: number): string {
  return `${topic}/${partition}`;
}
