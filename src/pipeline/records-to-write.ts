/**
 * Groups whose live record is to be written. What must be recorded before it is sent, or before it is answered for, is reason
 * enough. What is reported or parked can wait for more of it where the record is long and its group goes on, since each time all of
 * the record is written.
 */
import { WHOLE_GROUP } from '../core/change/change.ts';
import type { Members } from './members.ts';

interface Recorded {
  readonly members: Members;
}

/**
 * What a full state came to goes through the record in pieces: a record of all of it would be written again after each request.
 * Of four requests, so that each change is written about three times.
 */
const REQUESTS_PER_PIECE = 4;
/** A record that keeps the full state itself says all of its names again with each piece. */
const PIECES_PER_STATE = 16;
/** So that n changes, one after the other, write about four times as much as all of them in one record. */
const SHARE_CHANGED = 1 / 4;

/** @typeParam G the group. */
export class RecordsToWrite<G extends Recorded> {
  readonly #pieceMin: number;
  readonly #groups = new Set<G>();
  /** Group → how much of its record has changed since it was written, that can wait. */
  readonly #changed = new Map<G, number>();
  /** Of a topic that was recreated: not in it again yet. */
  readonly #lost = new Set<G>();

  constructor(membersPerPatchMax: number) {
    this.#pieceMin = REQUESTS_PER_PIECE * membersPerPatchMax;
  }

  get size(): number {
    return this.#groups.size + this.#changed.size;
  }

  has(group: G): boolean {
    return this.#groups.has(group) || this.#changed.has(group);
  }

  add(group: G): void {
    this.#groups.add(group);
    this.#changed.delete(group);
  }

  /** One of its changes is reported, so that the record may forget it or mark it; or is parked, and tried again from memory. */
  addInTime(group: G): void {
    if (!this.#groups.has(group)) this.#changed.set(group, (this.#changed.get(group) ?? 0) + 1);
  }

  /** Its record is in a topic that is gone. */
  addLost(group: G): void {
    this.#lost.add(group);
    this.add(group);
  }

  get hasLost(): boolean {
    return this.#lost.size > 0;
  }

  /** Answers whether that was the last of those that were lost. */
  noteWritten(group: G): boolean {
    return this.#lost.delete(group) && this.#lost.size === 0;
  }

  delete(group: G): void {
    this.#groups.delete(group);
    this.#changed.delete(group);
  }

  /** Those that are worth a record now, in their order. @param goesOn more of the group is about to change. */
  *due(goesOn: (group: G) => boolean): Iterable<G> {
    yield* this.#groups;
    for (const [group, count] of this.#changed) if (!goesOn(group) || this.#isEnough(group, count)) yield group;
  }

  /** How many intents of a full state the record of the group takes beside those that it holds. */
  pieceMax(group: G): number {
    return Math.max(this.#pieceMin, Math.ceil(namesIn(group) / PIECES_PER_STATE));
  }

  #isEnough(group: G, count: number): boolean {
    const [waitsForRoom] = group.members.unrecorded();
    // The next piece has room once half of the last one has left.
    if (waitsForRoom !== undefined) return count >= this.pieceMax(group) / 2;
    return count >= (namesIn(group) + group.members.recorded.size) * SHARE_CHANGED;
  }
}

/** Of the full state that the record keeps. */
const namesIn = ({ members }: Recorded): number => members.get(WHOLE_GROUP)?.recorded?.whole?.members.length ?? 0;
