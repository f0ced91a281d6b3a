/**
 * What lies unread in the source, for lag and age: where each partition ends, and how old the first record is that was not
 * read. The broker is asked from time to time, since a partition that is paused, refused or stuck brings no batches that
 * would tell. What is not known is said to be unknown, never to be nothing.
 */
import { waitsSince } from '../core/change/pending.ts';
import type { Ahead } from '../core/log/commit-metadata.ts';
import type { ChangeLog, Clock, Instant } from '../ports.ts';
import type { Partition } from './group.ts';
import type { Partitions } from './partitions.ts';

/** No divisor of a minute, so that it does not fall due together with the sweep. */
const LOOK_EVERY_MS = 1_900;
/** An end that was seen longer ago may have moved. */
const FRESH_MS = 30_000;

/** Absent: not known. */
export interface Unread {
  /** Records. */
  readonly lag?: number;
  /** Since when the first of them waits, epoch ms; null: there is none. */
  readonly oldestAt?: number | null;
}

interface Entry {
  end: bigint;
  /** When the end was seen last, monotonic ms. */
  seenAt: number;
  /** When something was first seen unread without a break, epoch ms; null: nothing is. */
  unreadSince: number | null;
  /** The first unread record, as of the last look; null: not looked at. */
  first: { readonly from: bigint; readonly timestamp: number } | null;
}

interface Surroundings {
  readonly log: Pick<ChangeLog, 'lookAhead'>;
  readonly clock: Clock;
}

export class Backlog {
  readonly #surroundings: Surroundings;
  readonly #partitions: Partitions;
  readonly #entries = new WeakMap<Partition, Entry>();
  #isLooking = false;
  #cancel: () => void = () => undefined;

  constructor(surroundings: Surroundings, partitions: Partitions) {
    this.#surroundings = surroundings;
    this.#partitions = partitions;
  }

  /** Looks from time to time, until `stop`. */
  start(): void {
    this.#cancel = this.#surroundings.clock.schedule(LOOK_EVERY_MS, () => {
      this.start();
      this.#look();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** A batch, or the start of a restore, tells of the end; the position may have moved. */
  saw(partition: Partition, end: bigint): void {
    const now = this.#surroundings.clock.now();
    const known = this.#entries.get(partition);
    const entry = known ?? { end, seenAt: 0, unreadSince: null, first: null };
    if (end > entry.end) entry.end = end;
    entry.seenAt = now.monotonic;
    const position = partition.offsets.position;
    if (position !== null && position >= entry.end) entry.first = entry.unreadSince = null;
    else entry.unreadSince ??= now.wall;
    this.#entries.set(partition, entry);
  }

  unread(partition: Partition): Unread {
    const entry = this.#entries.get(partition);
    const position = partition.offsets.position;
    if (entry === undefined || position === null) return {};
    const { clock } = this.#surroundings;
    const isSure = partition.phase !== 'refused' && isFresh(entry, clock.now());
    if (position >= entry.end) return isSure ? { lag: 0, oldestAt: null } : {};
    const lag = Number(entry.end - position);
    if (partition.offsets.firstUnknown(position) >= entry.end) return isSure ? { lag, oldestAt: null } : { lag };
    return { lag, oldestAt: waitsSince(entry.first?.timestamp ?? 0, entry.unreadSince ?? clock.now().wall) };
  }

  /** An unanswered question is no fault: what it would tell is unknown after a while. */
  #look(): void {
    if (this.#isLooking || this.#partitions.size === 0) return;
    this.#isLooking = true;
    void this.#lookOnce()
      .catch(() => undefined)
      .finally(() => {
        this.#isLooking = false;
      });
  }

  /** For the first unread record once for each position. */
  async #lookOnce(): Promise<void> {
    const wanted = new Map<number, bigint>();
    for (const partition of this.#partitions) {
      const position = partition.offsets.position;
      const from = position === null ? null : partition.offsets.firstUnknown(position);
      if (from !== null && this.#entries.get(partition)?.first?.from !== from) wanted.set(partition.number, from);
    }
    const ahead = await this.#surroundings.log.lookAhead(wanted);
    for (const partition of this.#partitions) {
      const found = ahead.get(partition.number);
      if (found !== undefined) this.#take(partition, found, wanted.get(partition.number));
    }
  }

  #take(partition: Partition, { end, first }: Ahead, from: bigint | undefined): void {
    this.saw(partition, end);
    const entry = this.#entries.get(partition);
    // It may have been read meanwhile.
    if (first === null || from === undefined || entry === undefined || entry.unreadSince === null) return;
    entry.first = { from, timestamp: first.timestamp };
  }
}

const isFresh = ({ seenAt }: Entry, { monotonic }: Instant): boolean => monotonic - seenAt <= FRESH_MS;
