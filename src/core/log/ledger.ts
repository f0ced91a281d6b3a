/**
 * The ledger of one source partition: which offsets are begun and complete, and what may be committed.
 * Invariants: `open` ascends (records are read in order); every offset below `next` that is not open is complete;
 * `done` holds just those of them that lie behind the first open one.
 */
import { isSamePosition, type Intent, type Position } from '../change/change.ts';

export interface Ledger {
  /** Position: the next offset to read. */
  next: bigint;
  /** Offset → how many of its intents are not complete. */
  readonly open: Map<bigint, number>;
  /** Complete beyond the watermark, ascending, no two adjacent; what the watermark has passed may stay for a while. */
  readonly done: Range[];
  /** What the commit metadata called complete when the partition was gained, ascending; what is read past is dropped. */
  readonly known: Range[];
  /** The offset after the highest one in a restored live record: complete too, whether or not `known` has room for it. */
  readonly recordedEnd: bigint;
  /** Grows with each change that may move the watermark or the ranges. */
  progress: number;
}

/** Offsets from `from` up to, but without, `to`. */
export interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

export const openLedger = (committed: bigint, known: readonly Range[], recordedEnd = 0n): Ledger => ({
  next: committed,
  open: new Map(),
  done: [],
  known: known.filter(({ to }) => to > committed),
  recordedEnd,
  progress: 0,
});

/** The record at `offset` was read; it is complete when `intentCount` intents are. */
export function begin(ledger: Ledger, offset: bigint, intentCount: number): void {
  if (offset < ledger.next) throw new Error(`offset ${offset} was read already`);
  // A hole before it is complete.
  if (intentCount === 0 || offset > ledger.next) ledger.progress += 1;
  addDone(ledger, { from: ledger.next, to: intentCount > 0 ? offset : offset + 1n });
  if (intentCount > 0) ledger.open.set(offset, intentCount);
  moveTo(ledger, offset + 1n);
}

/** Compacted holes and control records count as read. */
export function advance(ledger: Ledger, next: bigint): void {
  if (next <= ledger.next) return;
  addDone(ledger, { from: ledger.next, to: next });
  moveTo(ledger, next);
  ledger.progress += 1;
}

function moveTo(ledger: Ledger, next: bigint): void {
  ledger.next = next;
  const passed = ledger.known.findIndex(({ to }) => to > next);
  if (passed !== 0) ledger.known.splice(0, passed < 0 ? ledger.known.length : passed);
}

export function complete(ledger: Ledger, offset: bigint): void {
  const left = ledger.open.get(offset);
  if (left === undefined) throw new Error(`offset ${offset} is complete already`);
  if (left > 1) {
    ledger.open.set(offset, left - 1);
    return;
  }
  ledger.open.delete(offset);
  addDone(ledger, { from: offset, to: offset + 1n });
  ledger.progress += 1;
}

/** Joins the ranges before and behind it, which it does not overlap. */
function addDone({ open, done }: Ledger, { from, to }: Range): void {
  if (from >= to) return;
  // Nothing is open: the watermark passes all of it.
  if (open.size === 0) {
    done.length = 0;
    return;
  }
  const at = firstBehind(done, from);
  const [before, behind] = [done[at - 1], done[at]];
  const joinsBefore = before?.to === from;
  const joinsBehind = behind?.from === to;
  const joined = { from: joinsBefore ? before.from : from, to: joinsBehind ? behind.to : to };
  done.splice(joinsBefore ? at - 1 : at, Number(joinsBefore) + Number(joinsBehind), joined);
}

/** The index of the first range that begins at the offset or behind it. */
function firstBehind(ranges: readonly Range[], offset: bigint): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.from ?? offset) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Of an offset that is not read yet: only the first range behind it can hold it. */
export function isKnownComplete({ known }: Ledger, offset: bigint): boolean {
  const first = known.find(({ to }) => to > offset);
  return first !== undefined && first.from <= offset;
}

/** The first offset from `next` on that is not known to be complete. */
export function firstUnknown({ next, known }: Pick<Ledger, 'next'> & { readonly known: readonly Range[] }): bigint {
  let first = next;
  for (const { from, to } of known) if (from <= first && to > first) first = to;
  return first;
}

/** Everything below is complete. */
export function committable(ledger: Ledger): bigint {
  const first = ledger.open.keys().next();
  return first.done === true ? ledger.next : first.value;
}

/** The offset after the highest one that was complete when the partition was gained. */
export const knownEnd = ({ known, recordedEnd }: Ledger): bigint => max(known.at(-1)?.to ?? 0n, recordedEnd);

/** Ranges beyond the watermark that are complete, as far as `rangesMax` goes. */
export function completedRanges(ledger: Ledger, rangesMax: number): readonly Range[] {
  const { done, known, next } = ledger;
  done.splice(0, firstBehind(done, committable(ledger)));
  // Known ones that are not read again yet are no less complete.
  const unread = known.slice(0, rangesMax).map(({ from, to }) => ({ from: max(from, next), to }));
  return [...done.slice(0, rangesMax), ...unread].slice(0, rangesMax);
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
