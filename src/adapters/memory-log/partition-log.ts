/**
 * The records of one partition. Offsets only grow; compaction and skipping leave gaps, which count as read: reading
 * on from a gap gives the next record, and the end stays where it was.
 */
import type { LogRecord } from '../../ports.ts';

export interface Cleaning {
  /** Epoch ms of this pass. */
  readonly now: number;
  /** Only records below this offset are looked at; null: all. */
  readonly before: bigint | null;
  /** Nothing from the first record on that is younger than this is cleaned (`min.compaction.lag.ms`). */
  readonly lagMs: number;
  /** A tombstone is removed this long after the pass that first kept it (`delete.retention.ms`). */
  readonly deleteRetentionMs: number;
}

export interface Slice {
  readonly records: readonly LogRecord[];
  /** The position after them; the end when nothing is left to read. */
  readonly nextOffset: bigint;
}

/** Bytes are kept as latin1 strings: less than half the memory of a Buffer each, and they are immutable. */
interface StoredRecord {
  readonly offset: bigint;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly timestamp: number;
  readonly leaderEpoch: number;
}

export class PartitionLog {
  #records: StoredRecord[] = [];
  #leaderEpoch = 0;
  #start = 0n;
  #end = 0n;
  /** Tombstones that a pass has kept as the newest of their key: offset → epoch ms of that pass. */
  readonly #tombstonesKeptAt = new Map<bigint, number>();

  get start(): bigint {
    return this.#start;
  }

  /** Offset after the last record. */
  get end(): bigint {
    return this.#end;
  }

  /** Grows with each leader. */
  get leaderEpoch(): number {
    return this.#leaderEpoch;
  }

  append({ key, value, headers, timestamp }: Omit<LogRecord, 'offset' | 'leaderEpoch'>): void {
    this.#records.push({
      offset: this.#end,
      key: storedOf(key),
      value: storedOf(value),
      headers: headers.length === 0 ? noHeaders : headers.map(([name, content]) => [name, storedOf(content)]),
      // Kafka stores whole milliseconds.
      timestamp: Math.floor(timestamp),
      leaderEpoch: this.#leaderEpoch,
    });
    this.#end += 1n;
  }

  /** Offsets without a record, as the control records of transactions leave them. */
  skip(count: number): void {
    this.#end += BigInt(count);
  }

  read(from: bigint, recordsMax: number): Slice {
    const first = this.#indexOf(from);
    const records = this.#records.slice(first, first + recordsMax).map(recordOf);
    const last = records.at(-1);
    const reachesEnd = first + records.length === this.#records.length;
    return { records, nextOffset: reachesEnd || last === undefined ? this.#end : last.offset + 1n };
  }

  /** Of the first record with this timestamp or a later one; the end where there is none. */
  firstSince(timestamp: number): bigint {
    return this.#records.find((record) => record.timestamp >= timestamp)?.offset ?? this.#end;
  }

  /** An unclean leader election: a replica that has nothing beyond `end` leads from now on. */
  truncate(end: bigint): void {
    this.#leaderEpoch += 1;
    this.#records.splice(this.#indexOf(end));
    if (end < this.#end) this.#end = end;
  }

  /** Retention: records below `offset` are gone. */
  deleteBefore(offset: bigint): void {
    this.#start = offset > this.#end ? this.#end : offset > this.#start ? offset : this.#start;
    this.#records.splice(0, this.#indexOf(this.#start));
  }

  /** Keeps the newest record of each key among those that may be cleaned. */
  compact(cleaning: Cleaning): void {
    const uncleanable = this.#records.findIndex(
      ({ offset, timestamp }) =>
        (cleaning.before !== null && offset >= cleaning.before) || timestamp > cleaning.now - cleaning.lagMs,
    );
    const cleanable = uncleanable === -1 ? this.#records : this.#records.slice(0, uncleanable);
    const newest = new Map(cleanable.map((record) => [record.key, record]));
    const kept = cleanable.filter((record) => newest.get(record.key) === record && this.#stays(record, cleaning));
    this.#records = [...kept, ...this.#records.slice(cleanable.length)];
  }

  #stays(record: StoredRecord, { now, deleteRetentionMs }: Cleaning): boolean {
    if (record.value !== null) return true;
    const keptAt = this.#tombstonesKeptAt.get(record.offset);
    if (keptAt !== undefined && now >= keptAt + deleteRetentionMs) return !this.#tombstonesKeptAt.delete(record.offset);
    this.#tombstonesKeptAt.set(record.offset, keptAt ?? now);
    return true;
  }

  /** Index of the first record at or above `offset`. */
  #indexOf(offset: bigint): number {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#records[middle]?.offset ?? offset) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const noHeaders: StoredRecord['headers'] = [];

function storedOf(bytes: Uint8Array): string;
function storedOf(bytes: Uint8Array | null): string | null;
function storedOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function recordOf({ offset, key, value, headers, timestamp, leaderEpoch }: StoredRecord): LogRecord {
  return {
    offset,
    key: key === null ? null : Buffer.from(key, 'latin1'),
    value: value === null ? null : Buffer.from(value, 'latin1'),
    headers: headers.map(([name, content]) => [name, Buffer.from(content, 'latin1')]),
    timestamp,
    leaderEpoch,
  };
}
