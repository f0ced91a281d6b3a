/**
 * What is known of the groups of the target: each as it was seen last, which of its versions are replaced (core/target/doubt.ts),
 * and in which form the target takes versions. In memory alone: a new owner is in doubt.
 */
import { LRUCache } from 'lru-cache';
import {
  afterOldRead,
  afterRefusing,
  afterReplacing,
  afterSeeing,
  afterSending,
  doubtAfterOldRead,
  isReplaced,
  type OldRead,
  type ReplacedVersions,
} from '../../core/target/doubt.ts';
import type { Snapshot } from '../../core/target/snapshot.ts';
import { hasMoved, inFormOf, type Versioned } from '../../core/target/version.ts';
import type { Clock } from '../../ports.ts';
import type { Group } from './group.ts';

/** More groups are not changed within LATE_APPLY_MS under the limits of the target. */
const GROUPS_MAX = 10_000;

export interface SnapshotOptions {
  /** Bound of all snapshots, in member ids. */
  readonly snapshotMembersMax: number;
  readonly lateApplyMs: number;
}

/** The group as a read shows it, and the doubt that the read leaves; null: its version is not known to be replaced. */
interface Shown {
  readonly snapshot: Snapshot;
  readonly oldRead: OldRead | null;
}

type Named = Pick<Group, 'id' | 'target'>;

export class Snapshots {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #lateApplyMs: number;
  readonly #lastSeen: LRUCache<string, Snapshot>;
  readonly #replaced = new LRUCache<string, ReplacedVersions>({ max: GROUPS_MAX });
  /**
   * As it was taken last; null: none was yet. What changes versions on the way (a proxy) changes those of all groups, so one group
   * finds the form out for all.
   */
  #formTaken: Versioned | null = null;

  constructor(clock: Pick<Clock, 'now'>, { snapshotMembersMax, lateApplyMs }: SnapshotOptions) {
    this.#clock = clock;
    this.#lateApplyMs = lateApplyMs;
    const sizeCalculation = ({ members }: Snapshot): number => members.size + 1;
    this.#lastSeen = new LRUCache({ maxSize: snapshotMembersMax, sizeCalculation });
  }

  get(group: Named): Snapshot | null {
    return this.#lastSeen.get(keyOf(group)) ?? null;
  }

  /** Without keeping it longer for that. */
  peek(group: Named): Snapshot | null {
    return this.#lastSeen.peek(keyOf(group)) ?? null;
  }

  /** What is known of the group does not hold any more. */
  forget(group: Named): void {
    this.#lastSeen.delete(keyOf(group));
  }

  /** A read shows the group so. */
  noteRead(group: Named, read: Snapshot): Shown {
    const key = keyOf(group);
    const snapshot = this.#formTaken === null ? read : (inFormOf(read, this.#formTaken) ?? read);
    const { version } = snapshot;
    const now = this.#clock.now().monotonic;
    const known = this.#replaced.get(key);
    if (known !== undefined && isReplaced(known, version, now)) {
      this.#replaced.set(key, afterOldRead(known));
      this.#lastSeen.delete(key);
      return { snapshot, oldRead: doubtAfterOldRead(known, now) };
    }
    this.#replaced.set(key, afterSeeing(known, version, this.#untilMs()));
    this.#lastSeen.set(key, snapshot);
    return { snapshot, oldRead: null };
  }

  /** A PATCH of ours may have replaced this version; no answer tells. */
  noteSent(group: Named, version: string): void {
    const key = keyOf(group);
    this.#replaced.set(key, afterSending(this.#replaced.get(key), version));
  }

  /** The target calls this version stale: so a PATCH of ours that may have replaced it has done so. */
  noteRefused(group: Named, version: string): void {
    const key = keyOf(group);
    const known = this.#replaced.get(key);
    if (known?.sent === version) this.#replaced.set(key, afterRefusing(known, version, this.#untilMs()));
  }

  /**
   * A PATCH of ours has succeeded. Until LATE_APPLY_MS have passed, a read may still show the version before it.
   * @param after the group as it is now; null: its version is not known.
   */
  noteApplied(group: Named, before: Snapshot, after: Snapshot | null): void {
    const key = keyOf(group);
    this.#formTaken = { version: before.version, tags: before.tags };
    if (after === null) return void this.#lastSeen.delete(key);
    this.#lastSeen.set(key, after);
    if (!hasMoved(before, after)) return;
    const replacement = { version: before.version, by: after.version };
    this.#replaced.set(key, afterReplacing(this.#replaced.get(key), replacement, this.#untilMs()));
  }

  /** Until then, monotonic ms, reads may still show what a request that is answered now has replaced. */
  #untilMs(): number {
    return this.#clock.now().monotonic + this.#lateApplyMs;
  }
}

/** By the target's name: under an id map a group may come to mean another one, and its snapshot must not. */
const keyOf = ({ id, target }: Named): string => target ?? id;
