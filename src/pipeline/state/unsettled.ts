/**
 * What cannot be written to Kafka, or committed there, at present: since when, why, and when it is tried again. One entry
 * per place that fails on its own: a partition of a topic, one record, the offset of a source partition.
 *
 *   absent ──fail──▶ waits (growing pauses) ──time──▶ due ──written──▶ absent
 *                        ▲                             │
 *                        └────────fail, postpone───────┘
 */
import { writePauseMs } from '../../core/target/retry.ts';
import { RepeatedCauses } from '../../core/text/repeated-causes.ts';
import type { Instant } from '../../ports.ts';
import type { Act } from './partition.ts';

export interface Place {
  /** Unique. */
  readonly name: string;
  readonly topic: string;
  readonly act: Act;
  /** The source partition that it is about; null: it may be about several. */
  readonly owner: number | null;
}

/** What an operator sees. */
export interface Stuck {
  readonly topic: string;
  readonly act: Act;
  /** The last one. */
  readonly error: string;
  /** Of the first failure in a row, epoch ms. */
  readonly since: number;
  /** It has failed often enough for the instance not to be ready. */
  readonly isLasting: boolean;
}

interface Entry {
  readonly place: Place;
  readonly error: string;
  readonly failures: number;
  readonly since: Instant;
  /** Monotonic ms. */
  readonly triedAt: number;
  readonly retryAt: number;
}

/** From then on the instance is not ready: a leader that moves is back by the third try. */
const STUCK_FAILURES = 3;
/** Of a place that is due, until the next round looks at it. */
const PASSED_OVER_MS = 100;

export class Unsettled {
  readonly #entries = new Map<string, Entry>();
  readonly #causes = new RepeatedCauses();

  /** It was tried in vain. Answers how many lines of this cause were left out of the log; null: this one is left out too. */
  fail(place: Place, error: string, now: Instant): number | null {
    const known = this.#entries.get(place.name);
    const failures = (known?.failures ?? 0) + 1;
    this.#put(place, { error, failures, since: known?.since ?? now, triedAt: now.monotonic }, now);
    return this.#causes.admit(`${place.topic} ${error}`, now.monotonic);
  }

  /** It was due and not tried, since everything else fails. */
  postpone(place: Place, error: string, now: Instant): void {
    const known = this.#entries.get(place.name);
    const former = known ?? { error, failures: 0, since: now, triedAt: -1 };
    this.#put(place, former, now);
  }

  clear(name: string): void {
    this.#entries.delete(name);
  }

  /** A partition is lost: what is about it alone is the next owner's. */
  revoke(owner: number): void {
    for (const { place } of this.#entries.values()) if (place.owner === owner) this.clear(place.name);
  }

  /** Nothing waits to be written there any more. */
  retain(isWanted: (place: Place) => boolean): void {
    for (const { place } of this.#entries.values()) if (!isWanted(place)) this.clear(place.name);
  }

  /** Everything is due now. */
  hurry(): void {
    for (const [name, entry] of this.#entries) this.#entries.set(name, { ...entry, retryAt: entry.triedAt });
  }

  get size(): number {
    return this.#entries.size;
  }

  isFailing(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Something of it, a partition or a record. */
  isTopicFailing(topic: string): boolean {
    for (const { place } of this.#entries.values()) if (place.topic === topic) return true;
    return false;
  }

  isWaiting(name: string, now: Instant): boolean {
    return (this.#entries.get(name)?.retryAt ?? -Infinity) > now.monotonic;
  }

  /** Monotonic ms; -1: never. */
  triedAt(name: string): number {
    return this.#entries.get(name)?.triedAt ?? -1;
  }

  /**
   * How long until something is to be tried again, ms; null: nothing fails. A place may become due while a round passes it
   * over, so one that is due already counts too.
   */
  nextInMs({ monotonic }: Instant): number | null {
    let next: number | null = null;
    for (const { retryAt } of this.#entries.values()) next = Math.min(next ?? Infinity, retryAt - monotonic);
    return next === null ? null : Math.max(PASSED_OVER_MS, next);
  }

  /** One for each topic and act, of the place that fails most often. */
  list(): readonly Stuck[] {
    const worst = new Map<string, Entry>();
    for (const entry of this.#entries.values()) {
      const key = `${entry.place.act} ${entry.place.topic}`;
      if ((worst.get(key)?.failures ?? -1) < entry.failures) worst.set(key, entry);
    }
    return [...worst.values()].map(({ place: { topic, act }, error, since, failures }) => ({
      topic,
      act,
      error,
      since: since.wall,
      isLasting: failures >= STUCK_FAILURES,
    }));
  }

  #put(place: Place, entry: Omit<Entry, 'place' | 'retryAt'>, now: Instant): void {
    const retryAt = now.monotonic + writePauseMs(Math.max(1, entry.failures));
    this.#entries.set(place.name, { ...entry, place, retryAt });
  }
}
