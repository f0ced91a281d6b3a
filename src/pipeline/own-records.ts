/**
 * Large live records that were sent and not read back yet. One that comes back as it was sent says nothing new, so that it
 * need not be parsed again; one that differs is read like any other.
 */
import type { Sha256 } from '../core/group/guard.ts';
import { stampIn } from '../core/log/live-record.ts';
import type { Stamp } from '../core/log/ownership.ts';
import { textOf } from '../core/log/record-headers.ts';
import type { LogRecord } from '../ports.ts';

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
