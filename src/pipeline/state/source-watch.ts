/**
 * What is watched of the source and decides nothing: `Backlog`, what lies unread, for lag and age; `KeyWatch`, keys that stand in two
 * partitions.
 *
 * `Backlog` knows where each partition ends, and how old the first record is that was not read. The broker is asked from time to
 * time, since a partition that is paused, refused or stuck brings no batches that would show it. What is not known is reported as
 * unknown, never as nothing.
 */
import { LRUCache } from 'lru-cache';
import { idKey, recordKey } from '../../core/change/change.ts';
import { waitsSince } from '../../core/change/pending.ts';
import type { Ahead } from '../../core/log/commit-metadata.ts';
import type { ChangeLog, Clock, Instant, LogRecord, Logger } from '../../ports.ts';
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
  /** Where reading stood at the last look, if it was behind; null: it was not, or that is not known. */
  lookedAt: bigint | null;
}

interface Dependencies {
  readonly log: Pick<ChangeLog, 'lookAhead'>;
  readonly clock: Clock;
}

export class Backlog {
  readonly #dependencies: Dependencies;
  readonly #partitions: Partitions;
  readonly #entries = new WeakMap<Partition, Entry>();
  #isLooking = false;
  #cancel: () => void = () => undefined;
  /** By the last two looks: of each, what was read of partitions that were behind since the one before; null: nothing. */
  #readPerSecond: readonly [number | null, number | null] = [null, null];
  /** Monotonic ms. */
  #measuredAt = Number.NaN;

  constructor(dependencies: Dependencies, partitions: Partitions) {
    this.#dependencies = dependencies;
    this.#partitions = partitions;
  }

  /** Looks from time to time, until `stop`. */
  start(): void {
    this.#cancel = this.#dependencies.clock.schedule(LOOK_EVERY_MS, () => {
      this.start();
      this.#measure();
      this.#look();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** A batch, or the start of a restore, tells of the end; the position may have moved. */
  noteEnd(partition: Partition, end: bigint): void {
    const now = this.#dependencies.clock.now();
    const known = this.#entries.get(partition);
    const entry = known ?? { end, seenAt: 0, unreadSince: null, first: null, lookedAt: null };
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
    const { clock } = this.#dependencies;
    const isSure = partition.phase !== 'refused' && isFresh(entry, clock.now());
    if (position >= entry.end) return isSure ? { lag: 0, oldestAt: null } : {};
    const lag = Number(entry.end - position);
    if (partition.offsets.firstUnknown(position) >= entry.end) return isSure ? { lag, oldestAt: null } : { lag };
    return { lag, oldestAt: waitsSince(entry.first?.timestamp ?? 0, entry.unreadSince ?? clock.now().wall) };
  }

  /** Source records, of partitions that are behind; null: none was, or nothing was read, at the last two looks. A start is slow. */
  get readPerSecond(): number | null {
    const [before, last] = this.#readPerSecond;
    return before === null || last === null ? null : Math.max(before, last);
  }

  #measure(): void {
    let records = 0n;
    for (const partition of this.#partitions) {
      const entry = this.#entries.get(partition);
      if (entry === undefined) continue;
      const { position } = partition.offsets;
      if (position !== null && entry.lookedAt !== null) records += position - entry.lookedAt;
      entry.lookedAt = position !== null && position < entry.end ? position : null;
    }
    const now = this.#dependencies.clock.now().monotonic;
    const rate = records > 0n ? (Number(records) * 1000) / (now - this.#measuredAt) : null;
    this.#readPerSecond = [this.#readPerSecond[1], rate];
    this.#measuredAt = now;
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
    const ahead = await this.#dependencies.log.lookAhead(wanted);
    for (const partition of this.#partitions) {
      const found = ahead.get(partition.number);
      if (found !== undefined) this.#take(partition, found, wanted.get(partition.number));
    }
  }

  #take(partition: Partition, { end, first }: Ahead, from: bigint | undefined): void {
    this.noteEnd(partition, end);
    const entry = this.#entries.get(partition);
    // It may have been read meanwhile.
    if (first === null || from === undefined || entry === undefined || entry.unreadSince === null) return;
    entry.first = { from, timestamp: first.timestamp };
  }
}

const isFresh = ({ seenAt }: Entry, { monotonic }: Instant): boolean => monotonic - seenAt <= FRESH_MS;

/*
 * Watches for keys that stand in two partitions of the source: two producers choose partitions in different ways, or spell
 * a group in two ways, and an earlier change may undo a later one, since order holds within a partition only. Bounded: only the keys that were read
 * last by this instance are remembered, so a key whose partitions have two owners, or whose records lie far apart, is missed.
 */

/** Together at most about 3 MB. */
const KEYS_MAX = 10_000;
const KEY_UNITS_MAX = 1_000_000;

/** Between two lines of the log. */
const QUIET_MS = 60_000;

/** As shown in the log. */
const SHOWN_MAX = 200;

interface RecordPosition {
  readonly partition: number;
  /** Of the last record with the key. */
  offset: bigint;
}

export class KeyWatch {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #topic: string;
  readonly #positions = new LRUCache<string, RecordPosition>({
    max: KEYS_MAX,
    maxSize: KEY_UNITS_MAX,
    sizeCalculation: (_, key) => key.length,
  });
  #count = 0;
  #logged: { readonly at: number; readonly count: number } | null = null;

  constructor(
    { clock, logger }: { readonly clock: Pick<Clock, 'now'>; readonly logger: Pick<Logger, 'warn'> },
    topic: string,
  ) {
    this.#clock = clock;
    this.#logger = logger;
    this.#topic = topic;
  }

  /** Records whose key was last read from another partition. */
  get count(): number {
    return this.#count;
  }

  /** A change was read. @param group of it, where the record has no key */
  read({ key, offset }: Pick<LogRecord, 'key' | 'offset'>, partition: number, group: string): void {
    const name = key === null ? `group ${idKey(group)}` : `key ${recordKey(key)}`;
    const earlier = this.#positions.get(name);
    if (earlier?.partition === partition) {
      earlier.offset = offset;
      return;
    }
    const position = { partition, offset };
    this.#positions.set(name, position);
    if (earlier === undefined) return;
    this.#count += 1;
    this.#warn(group, { earlier, later: position });
  }

  /** A change was read by a former owner, and waits. The group is its key, save in formats that have others. */
  waits(group: string, { partition, offset }: RecordPosition): void {
    const name = `key ${recordKey(Buffer.from(group))}`;
    const position = { partition, offset };
    const later = this.#positions.get(name);
    if (later === undefined) this.#positions.set(name, position);
    else if (later.partition !== partition) this.#warn(group, { earlier: position, later });
  }

  /** At most one line a minute, which counts the others. */
  #warn(group: string, { earlier, later }: { readonly earlier: RecordPosition; readonly later: RecordPosition }): void {
    const now = this.#clock.now().monotonic;
    if (this.#logged !== null && now - this.#logged.at < QUIET_MS) return;
    const records = this.#count - (this.#logged?.count ?? 0);
    this.#logged = { at: now, count: this.#count };
    this.#logger.warn(
      {
        topic: this.#topic,
        group: group.slice(0, SHOWN_MAX),
        earlier: shown(earlier),
        later: shown(later),
        records,
        remedy:
          'give all producers of the topic the same partitioner, and their keys one letter case; when nothing of the groups concerned waits any more (`rollcall replay list`, `rollcall held list`), send their full states while nothing changes them. Nothing may wait when partitions are added to the topic',
      },
      'one key stands in two partitions of the source: an earlier change may undo a later one',
    );
  }
}

const shown = ({ partition, offset }: RecordPosition) => ({ partition, offset: String(offset) });
