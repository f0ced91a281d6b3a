/**
 * What was removed from the groups of one partition within the window of the guard. It stands in the retry topic too, in
 * slices, so that the next owner knows it.
 *
 *   slice   due ──round of settle──▶ owed (nothing is committed) ──acknowledged──▶ recorded ──another removal──▶ due
 *           ──all of it has left the window──▶ due ──tombstone acknowledged──▶ forgotten
 */
import { isInWindow, type RemovedInWindow } from '../../core/group/guard.ts';
import { monotonicOf, removalsKey, type Removal } from '../../core/log/live-record.ts';
import type { Instant } from '../../ports.ts';

/** The window has so many slices, or more where they are full. */
const SLICES = 10;
/** Entries of a slice; fewer once the topic has refused its record. */
const ENTRIES_MAX = 100;
/** By more the wall clock was set, and records tell wrong times. */
const CLOCK_JUMP_MS = 1_000;

/** Removals from one group at one instant (monotonic ms). */
interface Entry extends Removal {
  count: number;
}

interface Slice {
  readonly openedAt: number;
  /** Oldest first. */
  readonly entries: Entry[];
  /** Its record has no room for the names of groups. */
  isNameless: boolean;
}

interface GroupRemovals {
  count: number;
  /** Oldest first. */
  readonly entries: Entry[];
}

/** Removals that a group in flight is about to send. */
interface Reservation {
  readonly count: number;
  /** Members of the group. */
  readonly size: number;
}

/** What the record of a slice is to say; no removals: its tombstone. */
export interface DueSlice {
  readonly key: string;
  /** `at` in epoch ms. */
  readonly removals: readonly Removal[];
}

export class RemovalWindow {
  readonly #windowMs: number;
  /** By key, what was read before the restore; `at` in epoch ms. */
  readonly #read = new Map<string, readonly Removal[]>();
  /** By key. */
  readonly #slices = new Map<string, Slice>();
  /** Takes what is removed now. */
  #open: { readonly key: string; readonly slice: Slice } | null = null;
  #entriesMax = ENTRIES_MAX;
  /** Of the newest key. */
  #lastNumber = 0;
  readonly #groups = new Map<string, GroupRemovals>();
  #count = 0;
  /** The instant of the oldest entry. */
  #oldestAt = Number.POSITIVE_INFINITY;
  /** By group. */
  readonly #reservations = new Map<string, Reservation>();
  #reservedCount = 0;
  /** Keys of slices that are to be written. */
  readonly #due = new Set<string>();
  /** Of them, and of those on their way, what was due when the last round of settle began. */
  readonly #owed = new Set<string>();
  /** Wall clock less monotonic clock, as the records have it. */
  #wallAheadMs: number | null = null;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Entries, reservations, and slices that wait for their tombstone: none once the window has passed. */
  get size(): number {
    let size = this.#reservations.size;
    for (const { entries } of this.#slices.values()) size += Math.max(1, entries.length);
    return size;
  }

  knows(key: string): boolean {
    return this.#slices.has(key);
  }

  get isDue(): boolean {
    return this.#due.size > 0;
  }

  /** Nothing is committed: the next owner would not count what completes the offsets. */
  get isOwing(): boolean {
    return this.#owed.size > 0;
  }

  /** From now on the group counts with so many removals that it is about to send. */
  reserve(group: string, reservation: Reservation): void {
    this.release(group);
    this.#reservations.set(group, reservation);
    this.#reservedCount += reservation.count;
  }

  /** The group that is about to send them has another number of members by now. */
  resize(group: string, size: number): void {
    const reserved = this.#reservations.get(group);
    if (reserved !== undefined) this.#reservations.set(group, { ...reserved, size });
  }

  release(group: string): void {
    this.#reservedCount -= this.#reservations.get(group)?.count ?? 0;
    this.#reservations.delete(group);
  }

  /** A removal from the group has taken effect; it is no more reserved. */
  note(group: string, now: Instant): void {
    this.#watchClock(now);
    const reserved = this.#reservations.get(group);
    if (reserved !== undefined && reserved.count > 0) this.reserve(group, { ...reserved, count: reserved.count - 1 });
    const { key, slice } = this.#openSlice(now);
    this.#due.add(key);
    const last = this.#groups.get(group)?.entries.at(-1);
    if (last?.at === now.monotonic && slice.entries.includes(last)) this.#grow(group, last);
    else this.#enter(slice, { group, count: 1, at: now.monotonic, size: reserved?.size ?? null });
  }

  removedOf(group: string): Pick<RemovedInWindow, 'ofGroup' | 'sizeBefore'> {
    const removed = this.#groups.get(group);
    return { ofGroup: removed?.count ?? 0, sizeBefore: removed?.entries[0]?.size ?? null };
  }

  /** Of all groups; what is reserved by this one is left out. */
  countBeside(group: string | null): number {
    const own = group === null ? 0 : (this.#reservations.get(group)?.count ?? 0);
    return this.#count + this.#reservedCount - own;
  }

  /** Drops what has left the window; it takes the tombstones of the slices to forget them. */
  expire(now: Instant): void {
    this.#watchClock(now);
    if (isInWindow(this.#oldestAt, now.monotonic, this.#windowMs)) return;
    this.#oldestAt = Number.POSITIVE_INFINITY;
    for (const [key, { entries }] of this.#slices) {
      while (entries[0] !== undefined && !isInWindow(entries[0].at, now.monotonic, this.#windowMs)) {
        this.#leave(entries[0]);
        entries.shift();
        if (entries.length === 0) this.#due.add(key);
      }
      this.#oldestAt = Math.min(this.#oldestAt, entries[0]?.at ?? Number.POSITIVE_INFINITY);
    }
  }

  /** A record that counts, before the restore; null: a tombstone. */
  read(key: string, removals: readonly Removal[] | null): void {
    if (removals === null) this.#read.delete(key);
    else this.#read.set(key, removals);
  }

  /** Takes over what was read. */
  restore(now: Instant): void {
    for (const [key, removals] of this.#read) {
      const slice = this.#newSlice(key, now);
      const entries = removals.map((removal) => ({ ...removal, at: monotonicOf(removal.at, now) }));
      for (const entry of entries.toSorted((a, b) => a.at - b.at)) this.#enter(slice, entry);
      if (entries.length === 0) this.#due.add(key);
    }
    this.#read.clear();
    // Slices may overlap.
    for (const { entries } of this.#groups.values()) entries.sort((a, b) => a.at - b.at);
    this.expire(now);
  }

  /** The last record of the key does not count. */
  rewrite(key: string, now: Instant): void {
    if (!this.#slices.has(key)) this.#newSlice(key, now);
    this.#due.add(key);
  }

  rewriteAll(): void {
    for (const key of this.#slices.keys()) this.#due.add(key);
  }

  /** A round of settle begins: what completes offsets in it is written in it, or nothing is committed. */
  owe(): void {
    for (const key of this.#due) if (this.#slices.get(key)?.entries.length !== 0) this.#owed.add(key);
  }

  /** What is to be written now; each that could not be is given back. */
  take(now: Instant): readonly DueSlice[] {
    const due = [...this.#due];
    this.#due.clear();
    return due.map((key) => ({ key, removals: this.#removalsOf(key, now) }));
  }

  giveBack(key: string): void {
    this.#due.add(key);
  }

  acknowledge(key: string): void {
    this.#owed.delete(key);
    // Only a tombstone can have been written.
    if (this.#slices.get(key)?.entries.length === 0 && !this.#due.has(key)) this.#slices.delete(key);
  }

  /** The topic takes no record of its size. Answers whether it is smaller now, at the last without the names of its group. */
  shrink(key: string, now: Instant): boolean {
    const slice = this.#slices.get(key);
    if (slice === undefined || (slice.entries.length <= 1 && slice.isNameless)) return false;
    if (slice.entries.length <= 1) slice.isNameless = true;
    else {
      this.#entriesMax = Math.ceil(slice.entries.length / 2);
      const other = this.#nextKey(now);
      this.#newSlice(other, now).entries.push(...slice.entries.splice(this.#entriesMax));
      this.#due.add(other);
      this.#owed.add(other);
      this.#open = null;
    }
    return true;
  }

  #removalsOf(key: string, { wall, monotonic }: Instant): readonly Removal[] {
    const { entries, isNameless } = this.#slices.get(key) ?? { entries: [], isNameless: false };
    return entries.map(({ group, count, at, size }) => ({
      group: isNameless ? null : group,
      count,
      at: Math.round(wall - (monotonic - at)),
      size,
    }));
  }

  /** Where the wall clock was set, all records are written again by the new time. */
  #watchClock({ wall, monotonic }: Instant): void {
    const aheadMs = wall - monotonic;
    const isSet = this.#wallAheadMs !== null && Math.abs(aheadMs - this.#wallAheadMs) > CLOCK_JUMP_MS;
    if (isSet) this.rewriteAll();
    if (isSet || this.#wallAheadMs === null) this.#wallAheadMs = aheadMs;
  }

  #openSlice(now: Instant): { readonly key: string; readonly slice: Slice } {
    const known = this.#open;
    const isOpen =
      known !== null &&
      this.#slices.get(known.key) === known.slice &&
      known.slice.entries.length < this.#entriesMax &&
      now.monotonic - known.slice.openedAt < this.#windowMs / SLICES;
    if (isOpen) return known;
    const key = this.#nextKey(now);
    this.#open = { key, slice: this.#newSlice(key, now) };
    return this.#open;
  }

  #nextKey({ wall }: Instant): string {
    this.#lastNumber = Math.max(this.#lastNumber + 1, Math.trunc(wall));
    while (this.#slices.has(removalsKey(this.#lastNumber))) this.#lastNumber += 1;
    return removalsKey(this.#lastNumber);
  }

  #newSlice(key: string, { monotonic }: Instant): Slice {
    const slice: Slice = { openedAt: monotonic, entries: [], isNameless: false };
    this.#slices.set(key, slice);
    return slice;
  }

  #enter(slice: Slice, entry: Entry): void {
    slice.entries.push(entry);
    this.#count += entry.count;
    this.#oldestAt = Math.min(this.#oldestAt, entry.at);
    if (entry.group === null) return;
    const removed = this.#groups.get(entry.group) ?? { count: 0, entries: [] };
    this.#groups.set(entry.group, removed);
    removed.count += entry.count;
    removed.entries.push(entry);
  }

  #grow(group: string, entry: Entry): void {
    const removed = this.#groups.get(group);
    if (removed === undefined) return;
    entry.count += 1;
    removed.count += 1;
    this.#count += 1;
  }

  #leave({ group, count }: Entry): void {
    this.#count -= count;
    const removed = group === null ? undefined : this.#groups.get(group);
    if (removed === undefined || group === null) return;
    removed.count -= count;
    // All that have left the window are its oldest, in any order of their slices.
    removed.entries.shift();
    if (removed.entries.length === 0) this.#groups.delete(group);
  }
}
