/**
 * Watches for keys that stand in two partitions of the source: two producers choose partitions in different ways, or spell
 * a group in two ways, and an earlier change may undo a later one, since order holds within a partition only. Bounded: only the keys that were read
 * last by this instance are remembered, so a key whose partitions have two owners, or whose records lie far apart, is missed.
 */
import { LRUCache } from 'lru-cache';
import { idKey, recordKey } from '../core/change/id-key.ts';
import type { Clock, Logger, LogRecord } from '../ports.ts';

/** Together at most about 3 MB. */
const KEYS_MAX = 10_000;
const KEY_UNITS_MAX = 1_000_000;

/** Between two lines of the log. */
const QUIET_MS = 60_000;

/** As shown in the log. */
const SHOWN_MAX = 200;

interface Place {
  readonly partition: number;
  readonly offset: bigint;
}

export class KeyWatch {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #topic: string;
  readonly #places = new LRUCache<string, Place>({
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
    const place = { partition, offset };
    const earlier = this.#places.get(name);
    this.#places.set(name, place);
    if (earlier === undefined || earlier.partition === partition) return;
    this.#count += 1;
    this.#warn(group, { earlier, later: place });
  }

  /** A change was read by a former owner, and waits. The group is its key, save in formats that have others. */
  waits(group: string, { partition, offset }: Place): void {
    const name = `key ${recordKey(Buffer.from(group))}`;
    const place = { partition, offset };
    const later = this.#places.get(name);
    if (later === undefined) this.#places.set(name, place);
    else if (later.partition !== partition) this.#warn(group, { earlier: place, later });
  }

  /** At most one line a minute, which counts the others. */
  #warn(group: string, { earlier, later }: { readonly earlier: Place; readonly later: Place }): void {
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

const shown = ({ partition, offset }: Place) => ({ partition, offset: String(offset) });
