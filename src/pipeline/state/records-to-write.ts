/**
 * Live records of one partition: `RecordsToWrite`, which are due; `Unacknowledged`, which were sent; `RecordLimit`, how much the one of
 * a group takes.
 *
 * What must be recorded before it is sent, or before it is answered for, is reason enough to write. What is reported or parked can
 * wait for more of it where the record is long and its group goes on, since each time all of the record is written.
 */
import assert from 'node:assert/strict';
import { WHOLE_GROUP } from '../../core/change/change.ts';
import type { Members } from './members.ts';
import type { PipelineOptions } from './options.ts';

interface Recorded {
  readonly members: Members;
}

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

  constructor({
    requestsPerPiece,
    membersPerPatchMax,
  }: Pick<PipelineOptions, 'requestsPerPiece' | 'membersPerPatchMax'>) {
    this.#pieceMin = requestsPerPiece * membersPerPatchMax;
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

/*
 * Groups of which a report or a live record waits to be sent, or was sent and has no answer yet. While there is one, the
 * answer comes back to this very object, so no other may stand for the group.
 */

export class Unacknowledged<G> {
  /** Group → how many of them. */
  readonly #counts = new Map<G, number>();

  get size(): number {
    return this.#counts.size;
  }

  has(group: G): boolean {
    return this.#counts.has(group);
  }

  add(group: G): void {
    this.#counts.set(group, (this.#counts.get(group) ?? 0) + 1);
  }

  /** One of them has its answer. */
  remove(group: G): void {
    const count = this.#counts.get(group);
    assert(count !== undefined, 'an answer to what was not sent');
    if (count > 1) this.#counts.set(group, count - 1);
    else this.#counts.delete(group);
  }
}

/*
 * How much the live record of one group takes, learned from what the broker refuses. It counts intents that are not dead:
 * each one of the record is one unit, and so is each intent that is added, or written in a longer form, on top of that.
 *
 *   refused with k new ones ──▶ half of them next time      refused with one, beside others ──▶ none until others leave
 *   refused alone ──▶ left out, named in /readyz            acknowledged in full ──▶ a quarter more next time
 *   each sweep: a quarter more, and what was left out is tried again, since the limit of the topic may have been raised
 */

/** What a record consists of, in units. */
export interface RecordParts {
  /** What the record holds without the new ones. */
  readonly base: number;
  /** Ids of the new ones. */
  readonly added: readonly string[];
}

interface Wanted {
  /** Ids of all that is new. */
  readonly wanted: ReadonlySet<string>;
  /** Some of it had no room. */
  readonly isShort: boolean;
  /** Nothing of what had no room can go on by itself. */
  readonly standsStill: boolean;
}

export class RecordLimit {
  #unitsMax = Number.POSITIVE_INFINITY;
  /** Refused alone: id → may it be tried again? */
  readonly #unfit = new Map<string, 'left_out' | 'tried_again'>();
  #isShort = false;
  /** What waits for room has none until an operator acts. */
  #isStandingStill = false;
  /** The record was refused although nothing was new in it. */
  #isRefused = false;

  /** How many new ones may be added; one at the least where nothing else is in the record. */
  room(base: number): number {
    return Math.max(this.#unitsMax - base, base === 0 ? 1 : 0);
  }

  isLeftOut(id: string): boolean {
    return this.#unfit.get(id) === 'left_out';
  }

  /** Something waits for the record that nothing but an operator, or a larger limit of the topic, can set going. */
  get isStuck(): boolean {
    return this.#isRefused || this.#isStandingStill || this.#unfit.size > 0;
  }

  /** Something waits for room. */
  get isShort(): boolean {
    return this.#isShort || this.isStuck;
  }

  noteRefused({ base, added }: RecordParts): void {
    const [first] = added;
    if (first === undefined) this.#isRefused = true;
    else if (added.length === 1 && base === 0) this.#unfit.set(first, 'left_out');
    else this.#unitsMax = base + Math.floor(added.length / 2);
  }

  noteWritten({ base, added }: RecordParts): void {
    this.#isRefused = false;
    for (const id of added) this.#unfit.delete(id);
    if (base + added.length >= this.#unitsMax) this.#grow();
  }

  /** Of the record that is written next. */
  noteWanted({ wanted, isShort, standsStill }: Wanted): void {
    for (const id of this.#unfit.keys()) if (!wanted.has(id)) this.#unfit.delete(id);
    this.#isShort = isShort;
    this.#isStandingStill = standsStill;
  }

  retry(): void {
    for (const id of this.#unfit.keys()) this.#unfit.set(id, 'tried_again');
    this.#grow();
  }

  #grow(): void {
    this.#unitsMax = Math.ceil(Math.max(1, this.#unitsMax) * 1.25);
  }
}
