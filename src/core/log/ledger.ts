/**
 * The ledger of one source partition: which offsets are begun and complete, and what may be committed.
 * Invariant: `open` ascends (records are read in order), and every offset below `next` that is not open is complete.
 */
import { isSamePosition, type Intent, type Position } from '../change/change.ts';
import { OpenOffsets } from './open-offsets.ts';

/** Offsets from `from` up to, but without, `to`. */
export interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

export class Ledger {
  readonly #base: bigint;
  #next: bigint;
  /** Counted from `#base` on, as numbers: 2^53 are more than a partition ever has. */
  readonly #open = new OpenOffsets();
  readonly #known: Range[];
  readonly #recordedEnd: bigint;
  #progress = 0;

  /**
   * @param known what the commit metadata calls complete, ascending.
   * @param recordedEnd the offset after the highest one in a restored live record: complete too, whether or not `known` has room for it.
   */
  constructor(committed: bigint, known: readonly Range[], recordedEnd = 0n) {
    this.#base = committed;
    this.#next = committed;
    this.#known = known.filter(({ to }) => to > committed);
    this.#recordedEnd = recordedEnd;
  }

  /** Position: the next offset to read. */
  get next(): bigint {
    return this.#next;
  }

  /** How many offsets are begun and not complete. */
  get openCount(): number {
    return this.#open.size;
  }

  /** What the commit metadata called complete when the partition was gained, ascending; what is read past is dropped. */
  get known(): readonly Range[] {
    return this.#known;
  }

  /** The offset after the highest one that was complete when the partition was gained. */
  get knownEnd(): bigint {
    return max(this.#known.at(-1)?.to ?? 0n, this.#recordedEnd);
  }

  /** Grows with each change that may move the watermark or the ranges. */
  get progress(): number {
    return this.#progress;
  }

  /** The watermark: everything below is complete. */
  get committable(): bigint {
    for (const first of this.#open) return this.#offsetAt(first);
    return this.#next;
  }

  /** Of an offset that is not read yet: only the first range behind it can hold it. */
  isKnownComplete(offset: bigint): boolean {
    const first = this.#known.find(({ to }) => to > offset);
    return first !== undefined && first.from <= offset;
  }

  /** The record at `offset` was read; it is complete when `intentCount` intents are. */
  begin(offset: bigint, intentCount: number): void {
    if (offset < this.#next) throw new Error(`offset ${offset} was read already`);
    // A hole before it is complete.
    if (intentCount === 0 || offset > this.#next) this.#progress += 1;
    if (intentCount > 0) this.#open.add(this.#fromBase(offset), intentCount);
    this.#moveTo(offset + 1n);
  }

  /** Compacted holes and control records count as read. */
  advance(next: bigint): void {
    if (next <= this.#next) return;
    this.#moveTo(next);
    this.#progress += 1;
  }

  /** One intent of the record at `offset` is complete. */
  complete(offset: bigint): void {
    const left = this.#open.close(this.#fromBase(offset));
    if (left === null) throw new Error(`offset ${offset} is complete already`);
    if (left === 0) this.#progress += 1;
  }

  /** Ranges beyond the watermark that are complete, as far as `rangesMax` goes. */
  completedRanges(rangesMax: number): readonly Range[] {
    const between = this.#rangesBetween(rangesMax);
    // Known ones that are not read again yet are no less complete.
    const unread = this.#known.slice(0, rangesMax - between.length);
    return [...between, ...unread.map(({ from, to }) => ({ from: max(from, this.#next), to }))];
  }

  /** What was read and lies between the open ones, or behind them. */
  #rangesBetween(rangesMax: number): readonly Range[] {
    const ranges: Range[] = [];
    let end = this.#fromBase(this.committable);
    const addUpTo = (open: number): void => {
      if (open > end && ranges.length < rangesMax) ranges.push({ from: this.#offsetAt(end), to: this.#offsetAt(open) });
      end = open + 1;
    };
    for (const open of this.#open) {
      if (ranges.length === rangesMax) return ranges;
      addUpTo(open);
    }
    addUpTo(this.#fromBase(this.#next));
    return ranges;
  }

  #offsetAt(fromBase: number): bigint {
    return this.#base + BigInt(fromBase);
  }

  #fromBase(offset: bigint): number {
    return Number(offset - this.#base);
  }

  #moveTo(next: bigint): void {
    this.#next = next;
    for (let first = this.#known[0]; first !== undefined && first.to <= next; first = this.#known[0])
      this.#known.shift();
  }
}

/** The first offset from `next` on that is not known to be complete. */
export function firstUnknown({ next, known }: { readonly next: bigint; readonly known: readonly Range[] }): bigint {
  let first = next;
  for (const { from, to } of known) if (from <= first && to > first) first = to;
  return first;
}

/** The broker's default limit (`offset.metadata.max.bytes`), which counts UTF-16 units (kafkajs.md 5.1). */
export const METADATA_LENGTH_MAX = 4_096;
const PREFIX = 'rollcall1:';

/**
 * Completed ranges as commit metadata: gap and length in turn, base 36, relative to the committed offset. Those that do
 * not fit are left out: they cost repeated reports with equal ids, nothing else.
 */
export function encodeRanges(committed: bigint, ranges: readonly Range[], lengthMax = METADATA_LENGTH_MAX): string {
  let text = PREFIX;
  let at = committed;
  for (const { from, to } of ranges) {
    const part = `${text === PREFIX ? '' : ','}${(from - at).toString(36)}.${(to - from).toString(36)}`;
    if (text.length + part.length > lengthMax) break;
    text += part;
    at = to;
  }
  return text === PREFIX ? '' : text;
}

/** Shortest possible range in the metadata: more of them are never of use. */
export const RANGES_MAX = Math.floor((METADATA_LENGTH_MAX - PREFIX.length) / 4) + 1;

/** Total: metadata of other programs means that nothing is known. */
export function decodeRanges(committed: bigint, metadata: string): readonly Range[] {
  const pairs = metadata.startsWith(PREFIX) ? metadata.slice(PREFIX.length).split(',') : [];
  const ranges: Range[] = [];
  let at = committed;
  for (const pair of pairs) {
    const match = /^([0-9a-z]{1,13})\.([0-9a-z]{1,13})$/.exec(pair);
    const [gap, length] = [fromBase36(match?.[1]), fromBase36(match?.[2])];
    if (gap === null || length === null || length === 0n) return [];
    ranges.push({ from: at + gap, to: at + gap + length });
    at += gap + length;
  }
  return ranges;
}

/** What names offsets that there are not yet is not ours, and would swallow them: then nothing is known. */
export const rangesBelow = (end: bigint, ranges: readonly Range[]): readonly Range[] =>
  ranges.every(({ to }) => to <= end) ? ranges : [];

function fromBase36(text: string | undefined): bigint | null {
  if (text === undefined) return null;
  let sum = 0n;
  for (const digit of text) sum = sum * 36n + BigInt(Number.parseInt(digit, 36));
  return sum;
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** What is known of one member of one group when it is asked whether an intent of it is complete. */
export interface Evidence {
  readonly isReported: boolean;
  /** The newest intent, if it is not final, or dead. */
  readonly pending: Intent | null;
  /** What the acknowledged live record says. */
  readonly recorded: Intent | null;
  /** The acknowledged live record still holds something that this intent has replaced: its member's, or a full state. */
  readonly isOlderRecorded: boolean;
}

/**
 * An intent is complete when it is parked in an acknowledged live record, or reported with nothing older of its member
 * left there; a dead one only when the record marks it (spec: park, record-first, CompleteIn).
 */
export function isComplete(position: Position, { isReported, pending, recorded, isOlderRecorded }: Evidence): boolean {
  const isDead = pending !== null && pending.dead !== null;
  const isMarked = recorded !== null && recorded.dead !== null;
  if (isSamePosition(recorded?.source, position)) return !isDead || isMarked;
  return isReported && !isOlderRecorded && !(isDead && isSamePosition(pending.source, position));
}
