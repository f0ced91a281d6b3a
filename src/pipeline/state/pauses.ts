/**
 * What operators have paused of one partition (protocol.md 12.4): all of it, or groups by name. It stands in the retry topic too, in
 * one record, so that the next owner knows it; requests are answered only once that is acknowledged.
 *
 *   recorded ──pause | resume | stale record last──▶ due ──take──▶ sent ──acknowledged──▶ recorded
 *                                                     ▲              │
 *                                                     └──not written─┘
 */
import { idKey } from '../../core/change/change.ts';
import {
  NO_PAUSES,
  PAUSED_GROUPS_MAX,
  PAUSES_MAX_BYTES,
  UNREADABLE_PAUSE,
  pausesValue,
  type GroupPause,
  type Pause,
  type PausesOf,
} from '../../core/log/pause-record.ts';
import type { PauseRequest } from '../../core/log/request-record.ts';

interface AnyGroup {
  /** As the source names it, by `idKey`. */
  readonly id: string;
  /** What the target calls it; null: not resolved. */
  readonly target: string | null;
}

type Asked<Kind> = Extract<PauseRequest, { readonly kind: Kind }>;

export class Pauses {
  #all: Pause | null = null;
  /** By `idKey` of the name that the operator has given. */
  readonly #groups = new Map<string, GroupPause>();
  /** What of the record cannot be read, word for word: the partition is paused for it. */
  #foreign: readonly unknown[] = [];
  /** What was read before the restore. */
  #read: PausesOf = NO_PAUSES;
  #state: 'recorded' | 'due' | 'sent' = 'recorded';

  /** Of the partition as a whole; null: it is not paused. */
  get all(): Pause | null {
    return this.#all;
  }

  /** By name, in the order in which they were paused. */
  get groups(): readonly GroupPause[] {
    return [...this.#groups.values()];
  }

  /** Nothing is paused. */
  get isEmpty(): boolean {
    return this.#all === null && this.#groups.size === 0;
  }

  /** A record is to be written. */
  get isDue(): boolean {
    return this.#state === 'due';
  }

  /** The retry topic may say something else than memory. */
  get isUnrecorded(): boolean {
    return this.#state !== 'recorded';
  }

  isPaused(group: AnyGroup): boolean {
    return this.pauseOf(group) !== null;
  }

  /** null: the group is not paused. Where the partition is, that counts. */
  pauseOf({ id, target }: AnyGroup): Pause | GroupPause | null {
    if (this.#all !== null) return this.#all;
    if (this.#groups.size === 0) return null;
    return this.#groups.get(id) ?? (target === null ? undefined : this.#groups.get(idKey(target))) ?? null;
  }

  /** @param at epoch ms. */
  pause({ group, author, reason }: Asked<'pause'>, at: number): 'paused' | 'already' | 'too_many' {
    const pause = { author, reason, at };
    if (group === null) {
      if (this.#all !== null) return 'already';
      this.#all = pause;
    } else {
      if (this.#groups.has(idKey(group))) return 'already';
      const named = { group, ...pause };
      if (!this.#hasRoomFor(named)) return 'too_many';
      this.#groups.set(idKey(group), named);
    }
    this.#state = 'due';
    return 'paused';
  }

  /** Each pause has an end of its own: that of the partition leaves those of groups as they are, but for what cannot be read. */
  resume({ group }: Asked<'resume'>): 'resumed' | 'not_paused' {
    if (group === null) {
      if (this.#all === null) return 'not_paused';
      this.#all = null;
      this.#foreign = [];
    } else if (!this.#groups.delete(idKey(group))) return 'not_paused';
    this.#state = 'due';
    return 'resumed';
  }

  /** A record that counts, before the restore. */
  read(pauses: PausesOf): void {
    this.#read = pauses;
  }

  /** Takes over what was read. Answers whether all of it could be read. @param at epoch ms. */
  restore(at: number): boolean {
    const { all, groups, foreign = [] } = this.#read;
    this.#all = all === UNREADABLE_PAUSE ? { ...all, at } : all;
    for (const pause of groups) this.#groups.set(idKey(pause.group), pause);
    this.#foreign = foreign;
    this.#read = NO_PAUSES;
    return all !== UNREADABLE_PAUSE && foreign.length === 0;
  }

  /** The last record does not count. */
  rewrite(): void {
    this.#state = 'due';
  }

  /** The topic is gone, and its record with it. */
  rewriteLost(): void {
    if (!this.isEmpty) this.#state = 'due';
  }

  /** What the record is to say, where one is due; null: none is. */
  take(): PausesOf | null {
    if (this.#state !== 'due') return null;
    this.#state = 'sent';
    return this.#said();
  }

  giveBack(): void {
    this.#state = 'due';
  }

  /** What was taken last is written; something else may be due by now. */
  acknowledge(): void {
    if (this.#state === 'sent') this.#state = 'recorded';
  }

  #said(): PausesOf {
    return { all: this.#all, groups: this.groups, foreign: this.#foreign };
  }

  #hasRoomFor(pause: GroupPause): boolean {
    if (this.#groups.size >= PAUSED_GROUPS_MAX) return false;
    const value = pausesValue({ ...this.#said(), groups: [...this.groups, pause] });
    return Buffer.byteLength(value ?? '') <= PAUSES_MAX_BYTES;
  }
}
