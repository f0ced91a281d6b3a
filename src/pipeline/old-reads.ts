/** Finds reads that are older than what was changed last (core/target/doubt.ts). In memory alone: a new owner is in doubt. */
import { LRUCache } from 'lru-cache';
import type { OldRead } from '../core/target/doubt.ts';
import {
  afterOldRead,
  afterRefusing,
  afterReplacing,
  afterSeeing,
  afterSending,
  doubtAfterOldRead,
  isReplaced,
  type ReplacedVersions,
  type Replacement,
} from '../core/target/doubt.ts';

/** More groups are not changed within LATE_APPLY_MS under the limits of the target. */
const GROUPS_MAX = 10_000;

export class OldReads {
  readonly #byTarget = new LRUCache<string, ReplacedVersions>({ max: GROUPS_MAX });

  /** By a PATCH of ours; until `untilMs` (monotonic) a read may still show the former version. */
  noteReplaced(target: string, replacement: Replacement, untilMs: number): void {
    this.#byTarget.set(target, afterReplacing(this.#byTarget.get(target), replacement, untilMs));
  }

  /** The target calls this version stale: so a PATCH of ours that may have replaced it has done so. */
  noteRefused(target: string, version: string, untilMs: number): void {
    const known = this.#byTarget.get(target);
    if (known?.sent === version) this.#byTarget.set(target, afterRefusing(known, version, untilMs));
  }

  /** A PATCH of ours may have replaced this version; no answer tells. */
  noteSent(target: string, version: string): void {
    this.#byTarget.set(target, afterSending(this.#byTarget.get(target), version));
  }

  /** A read shows this version, and it is not old. */
  noteSeen(target: string, version: string, untilMs: number): void {
    this.#byTarget.set(target, afterSeeing(this.#byTarget.get(target), version, untilMs));
  }

  /** What a read of this version leaves; null: it is not known to be old. */
  doubtOf(target: string, version: string, nowMs: number): OldRead | null {
    const known = this.#byTarget.get(target);
    if (known === undefined || !isReplaced(known, version, nowMs)) return null;
    this.#byTarget.set(target, afterOldRead(known));
    return doubtAfterOldRead(known, nowMs);
  }
}
