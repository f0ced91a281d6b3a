/**
 * What is remembered of the records of a retry partition: `RestoredRecords`, what they said before the own fence; `OwnRecords`, large
 * ones that are on their way back; `FormerKeys`, those to be tombstoned.
 *
 * Restored is of each group the record that counts. It is taken over when the partition is loaded; what only a newer version
 * understands stays, to be written again with each record.
 */
import { idKey, type Intent } from '../../core/change/change.ts';
import type { Sha256 } from '../../core/group/guard.ts';
import type { FinalMark } from '../../core/log/final-mark.ts';
import { stampIn } from '../../core/log/live-record.ts';
import type { Stamp } from '../../core/log/ownership.ts';
import { textOf } from '../../core/log/wire-intent.ts';
import type { LogRecord } from '../../ports.ts';

/** What one live record says of its group. */
export interface RestoredRecord {
  readonly intents: readonly Intent[];
  readonly marks: readonly FinalMark[];
}

interface StateRecord {
  readonly group: string;
  readonly intents: readonly Intent[];
  readonly finals?: readonly FinalMark[] | undefined;
  readonly foreign?: readonly unknown[] | undefined;
}

export class RestoredRecords {
  readonly #records = new Map<string, RestoredRecord>();
  readonly #foreign = new Map<string, readonly unknown[]>();
  #recordedAt: ReadonlyMap<bigint, number> = new Map();

  /** Records, and timestamps of source records. */
  get size(): number {
    return this.#records.size + this.#recordedAt.size;
  }

  /** Another record of the group counts now. */
  take({ group, intents, finals, foreign }: StateRecord): void {
    this.#records.set(group, { intents, marks: finals ?? [] });
    if (foreign === undefined) this.#foreign.delete(group);
    else this.#foreign.set(group, foreign);
  }

  /** By the group, in any spelling. */
  get records(): ReadonlyMap<string, RestoredRecord> {
    return this.#records;
  }

  *intents(): Iterable<Intent> {
    for (const { intents } of this.#records.values()) yield* intents;
  }

  /** They are taken over. @param recordedAt offset → timestamp of the source records that the intents came from. */
  end(recordedAt: ReadonlyMap<bigint, number>): void {
    this.#records.clear();
    this.#recordedAt = recordedAt;
  }

  /** Of a source record that a restored intent came from; undefined: none did. */
  timestampAt(offset: bigint): number | undefined {
    return this.#recordedAt.get(offset);
  }

  /** The source is read beyond them. */
  forgetTimestamps(): void {
    this.#recordedAt = new Map();
  }

  /** Entries that only a newer version understands. */
  foreignOf(group: string): readonly unknown[] {
    return this.#foreign.get(group) ?? [];
  }

  get foreignGroups(): Iterable<string> {
    return this.#foreign.keys();
  }

  /** A live record of the group stands under another spelling of it. */
  takeOverForeign(group: string, key: string): void {
    const entries = this.#foreign.get(key);
    if (entries !== undefined) this.#foreign.set(group, [...this.foreignOf(group), ...entries]);
    this.#foreign.delete(key);
  }
}

/*
 * Large live records that were sent and not read back yet. One that comes back as it was sent says nothing new, so that it
 * need not be parsed again; one that differs is read like any other.
 */

/** Below, parsing takes no longer than remembering. */
const LARGE = 4_096;

export interface OwnRecord {
  readonly key: string;
  readonly stamp: Stamp;
}

export class OwnRecords {
  /** By sequence number, ascending: what was written. */
  readonly #sent = new Map<number, OwnRecord & { readonly digest: string }>();

  get size(): number {
    return this.#sent.size;
  }

  noteSent(record: OwnRecord, value: string | null, sha256: Sha256): void {
    if (value !== null && value.length >= LARGE) this.#sent.set(record.stamp.seq, { ...record, digest: sha256(value) });
  }

  /** null: it has to be parsed. */
  recognize({ key, value, headers }: LogRecord, sha256: Sha256): OwnRecord | null {
    if (this.#sent.size === 0) return null;
    const stamp = stampIn(headers);
    const sent = stamp === null ? undefined : this.#sent.get(stamp.seq);
    if (stamp === null || sent === undefined || stamp.owner !== sent.stamp.owner || stamp.epoch !== sent.stamp.epoch)
      return null;
    const text = textOf(value);
    const isSame = text !== null && textOf(key) === sent.key && sha256(text) === sent.digest;
    if (!isSame) return null;
    // One before it that has not come by now was not written, or is a late duplicate, which is parsed.
    for (const seq of this.#sent.keys()) {
      if (seq > stamp.seq) break;
      this.#sent.delete(seq);
    }
    return sent;
  }
}

/*
 * Keys of live records that spell a group in another way than its own record does, since an older version wrote them or
 * their writer was late. Each is noted → recorded (the group's own record says the same) → tombstoned.
 */

export class FormerKeys {
  readonly #keys = new Map<string, 'noted' | 'recorded'>();

  get size(): number {
    return this.#keys.size;
  }

  /** The group's own record is about to say what stands there. */
  note(key: string): void {
    this.#keys.set(key, 'noted');
  }

  /** The group's own record is acknowledged. @param id of the group, by `idKey`. */
  noteRecorded(id: string): void {
    for (const key of this.#keys.keys()) if (idKey(key) === id) this.#keys.set(key, 'recorded');
  }

  /** Those to be tombstoned now; each that could not be is given back. */
  take(): readonly string[] {
    const due = [...this.#keys].flatMap(([key, phase]) => (phase === 'recorded' ? [key] : []));
    for (const key of due) this.#keys.delete(key);
    return due;
  }

  giveBack(key: string): void {
    this.#keys.set(key, 'recorded');
  }
}
