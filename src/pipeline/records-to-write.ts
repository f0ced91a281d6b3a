/**
 * Groups whose live record is to be written. That it has something to say is reason enough; that it may say less, since reports
 * were acknowledged, can wait for more of it where the record is long and its group goes on: each time all of it is written.
 */
import { WHOLE_GROUP } from '../core/change.ts';
import type { Group } from './state.ts';

/**
 * What a full state came to goes through the record in pieces: a record of all of it would be written again after each request.
 * Of four requests, so that each change is written about three times.
 */
const REQUESTS_PER_PIECE = 4;
/** A record that keeps the full state itself says all of its names again with each piece. */
const PIECES_PER_STATE = 16;

export class RecordsToWrite {
  readonly #pieceMin: number;
  readonly #groups = new Set<Group>();
  /** Group → reports that were acknowledged since its record was written, which may say less by them. */
  readonly #shorter = new Map<Group, number>();

  constructor(membersPerPatchMax: number) {
    this.#pieceMin = REQUESTS_PER_PIECE * membersPerPatchMax;
  }

  get size(): number {
    return this.#groups.size + this.#shorter.size;
  }

  has(group: Group): boolean {
    return this.#groups.has(group) || this.#shorter.has(group);
  }

  add(group: Group): void {
    this.#groups.add(group);
    this.#shorter.delete(group);
  }

  /** Something of the record is reported, so that the record may say less. */
  noteReported(group: Group): void {
    if (!this.#groups.has(group)) this.#shorter.set(group, (this.#shorter.get(group) ?? 0) + 1);
  }

  delete(group: Group): void {
    this.#groups.delete(group);
    this.#shorter.delete(group);
  }

  /** Those that are worth a record now, in their order. */
  due(): Group[] {
    const due = [...this.#groups];
    for (const [group, count] of this.#shorter) if (this.#isEnough(group, count)) due.push(group);
    return due;
  }

  /** How many intents of a full state the record of the group takes beside those that it holds. */
  pieceMax(group: Group): number {
    return Math.max(this.#pieceMin, Math.ceil(namesIn(group) / PIECES_PER_STATE));
  }

  /** The next piece has room once half of the last one has left. */
  #isEnough(group: Group, count: number): boolean {
    return group.flight === null || namesIn(group) < this.#pieceMin || count >= this.pieceMax(group) / 2;
  }
}

/** Of the full state that the record keeps. */
const namesIn = ({ members }: Group): number => members.get(WHOLE_GROUP)?.recorded?.whole?.members.length ?? 0;
