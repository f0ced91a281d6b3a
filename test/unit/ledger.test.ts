import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Intent, Position } from '../../src/core/change/change.ts';
import {
  METADATA_LENGTH_MAX,
  RANGES_MAX,
  decodeRanges,
  encodeRanges,
  isComplete,
  type Evidence,
  Ledger,
  type Range,
} from '../../src/core/log/ledger.ts';
import { atOffset } from '../support/an-intent.ts';

const START = 3n;
const END = 60n;

const covers = (ranges: readonly Range[], offset: bigint): boolean =>
  ranges.some(({ from, to }) => from <= offset && offset < to);

/** What the ledger must know, kept the plain way: open intents per offset, everything else below `next` is complete. */
class Model {
  next = START;
  readonly open = new Map<bigint, number>();
  readonly known: readonly Range[];

  constructor(known: readonly Range[]) {
    this.known = known;
  }

  isComplete(offset: bigint): boolean {
    return offset < this.next ? !this.open.has(offset) : covers(this.known, offset);
  }

  /** Read from the source again: complete already, or so many intents. */
  read(ledger: Ledger, offset: bigint, intentCount: number): void {
    const count = ledger.isKnownComplete(offset) ? 0 : intentCount;
    ledger.begin(offset, count);
    if (count > 0) this.open.set(offset, count);
    this.next = offset + 1n;
  }

  complete(ledger: Ledger, offset: bigint): void {
    ledger.complete(offset);
    const left = (this.open.get(offset) ?? 0) - 1;
    if (left > 0) this.open.set(offset, left);
    else this.open.delete(offset);
  }
}

const knownRanges = fc
  .uniqueArray(fc.bigInt({ min: START, max: END }), { maxLength: 8 })
  .map((bounds) => bounds.toSorted((a, b) => Number(a - b)))
  .map((bounds) => bounds.flatMap((from, i) => (i % 2 === 0 ? [{ from, to: bounds[i + 1] ?? END + 1n }] : [])));

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('read' as const), skip: fc.constantFrom(0n, 0n, 1n, 3n), intentCount: fc.nat(3) }),
    fc.record({ kind: fc.constant('complete' as const), pick: fc.nat() }),
    fc.record({ kind: fc.constant('advance' as const), by: fc.bigInt({ min: -2n, max: 2n }) }),
  ),
  { maxLength: 80 },
);

describe('the ledger', () => {
  test('watermark and ranges together are exactly what is complete', () => {
    fc.assert(
      fc.property(knownRanges, steps, (known, list) => {
        const ledger = new Ledger(START, known);
        const model = new Model(known);
        for (const step of list) {
          const before = viewOf(ledger);
          const { progress } = ledger;
          if (step.kind === 'read' && model.next + step.skip < END) {
            model.read(ledger, model.next + step.skip, step.intentCount);
          }
          if (step.kind === 'complete' && model.open.size > 0) {
            model.complete(ledger, [...model.open.keys()][step.pick % model.open.size] ?? 0n);
          }
          if (step.kind === 'advance' && model.next + step.by < END) {
            ledger.advance(model.next + step.by);
            if (step.by > 0n) model.next += step.by;
          }
          check(ledger, model);
          if (ledger.progress === progress) expect(viewOf(ledger)).toEqual(before);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a record is complete when all of its intents are, and neither is read or completed twice', () => {
    const ledger = new Ledger(0n, []);
    ledger.begin(0n, 2);
    ledger.complete(0n);
    expect(ledger.committable).toBe(0n);
    ledger.complete(0n);
    expect(ledger.committable).toBe(1n);
    expect(() => ledger.complete(0n)).toThrow('complete already');
    expect(() => ledger.begin(0n, 1)).toThrow('read already');
  });

  test('no more ranges than wanted, the lowest first', () => {
    const ledger = new Ledger(0n, [{ from: 10n, to: 12n }]);
    for (let offset = 0n; offset < 6n; offset += 1n) ledger.begin(offset, offset % 2n === 0n ? 1 : 0);
    const all = [1n, 3n, 5n].map((from) => ({ from, to: from + 1n }));
    expect(ledger.completedRanges(9)).toEqual([...all, { from: 10n, to: 12n }]);
    expect(ledger.completedRanges(3)).toEqual(all);
    expect(ledger.completedRanges(1)).toEqual(all.slice(0, 1));
  });

  test('what the metadata called complete is dropped as it is read past', () => {
    const ledger = new Ledger(5n, [
      { from: 2n, to: 4n },
      { from: 6n, to: 8n },
      { from: 9n, to: 10n },
    ]);
    expect(ledger.known).toHaveLength(2);
    ledger.begin(5n, 1);
    expect([ledger.isKnownComplete(7n), ledger.isKnownComplete(8n), ledger.isKnownComplete(9n)]).toEqual([
      true,
      false,
      true,
    ]);
    ledger.advance(8n);
    expect([ledger.known.length, ledger.knownEnd]).toEqual([1, 10n]);
    ledger.advance(20n);
    expect([ledger.known.length, ledger.knownEnd]).toEqual([0, 0n]);
  });

  test('what the metadata called complete is known, and where it ends', () => {
    const ledger = new Ledger(0n, [
      { from: 2n, to: 4n },
      { from: 7n, to: 8n },
    ]);
    expect([1n, 2n, 3n, 4n, 6n, 7n, 8n].filter((offset) => ledger.isKnownComplete(offset))).toEqual([2n, 3n, 7n]);
    expect(ledger.knownEnd).toBe(8n);
    expect(new Ledger(5n, []).knownEnd).toBe(0n);
  });
});

const viewOf = (ledger: Ledger) => {
  const ranges = ledger.completedRanges(Number.POSITIVE_INFINITY);
  const committed = ledger.committable;
  const offsets = Array.from({ length: Number(END) + 2 }, (_, i) => BigInt(i));
  return offsets.filter((offset) => offset < committed || covers(ranges, offset));
};

function check(ledger: Ledger, model: Model): void {
  const committed = ledger.committable;
  for (const offset of model.open.keys()) expect(committed).toBeLessThanOrEqual(offset);
  const ranges = ledger.completedRanges(Number.POSITIVE_INFINITY);
  for (let offset = START; offset <= END; offset += 1n) {
    expect([offset, offset < committed || covers(ranges, offset)]).toEqual([offset, model.isComplete(offset)]);
  }
  const bounds = ranges.flatMap(({ from, to }) => [from, to]);
  expect(bounds).toEqual(bounds.toSorted((a, b) => Number(a - b)));
  expect(ranges.every(({ from, to }) => from >= committed && from < to)).toBe(true);
  expect(decodeRanges(committed, encodeRanges(committed, ranges))).toEqual(ranges);
}

/** Ascending ranges from gap and length in turn; huge gaps included. */
const rangesFrom = (committed: bigint, parts: readonly (readonly [bigint, bigint])[]): Range[] => {
  let at = committed;
  return parts.map(([gap, length]) => {
    const range = { from: at + gap, to: at + gap + length };
    at = range.to;
    return range;
  });
};

const size = fc.oneof(fc.bigInt({ min: 1n, max: 40n }), fc.bigInt({ min: 1n, max: 2n ** 50n }));

describe('completed ranges in the commit metadata', () => {
  test('come back as they were, as far as 4,096 UTF-16 units go', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 62n }),
        fc.array(fc.tuple(size, size), { maxLength: 3_000, size: 'max' }),
        (committed, parts) => {
          const ranges = rangesFrom(committed, parts);
          const metadata = encodeRanges(committed, ranges);
          expect(metadata.length).toBeLessThanOrEqual(METADATA_LENGTH_MAX);
          expect(metadata).toMatch(/^[\x20-\x7e]*$/);
          const decoded = decodeRanges(committed, metadata);
          expect(decoded).toEqual(ranges.slice(0, decoded.length));
          if (decoded.length < ranges.length) expect(metadata.length).toBeGreaterThan(METADATA_LENGTH_MAX - 30);
        },
      ),
      { numRuns: 60, endOnFailure: true },
    );
  });

  test('of 5,000 short ones as many are kept as fit, the lowest, and never more than are ever asked for', () => {
    const ranges = rangesFrom(
      100n,
      Array.from({ length: 5_000 }, () => [1n, 1n] as const),
    );
    const decoded = decodeRanges(100n, encodeRanges(100n, ranges));
    expect(decoded).toEqual(ranges.slice(0, 1_021));
    expect(RANGES_MAX).toBeGreaterThanOrEqual(decoded.length);
  });

  test('reach over the whole range of offsets', () => {
    const last = { from: 2n ** 63n - 2n, to: 2n ** 63n - 1n };
    expect(decodeRanges(0n, encodeRanges(0n, [last]))).toEqual([last]);
    expect(decodeRanges(0n, encodeRanges(0n, [{ from: 1n, to: 2n ** 63n - 1n }]))).toHaveLength(1);
  });

  test('none are no metadata', () => {
    expect(encodeRanges(7n, [])).toBe('');
  });

  test.each(['', 'x', '1.1', 'rollcall1:', 'rollcall1:1', 'rollcall1:1.0', 'rollcall1:1.1,', 'rollcall1:1.1,A.1'])(
    'foreign or broken metadata %j say nothing',
    (metadata) => {
      expect(decodeRanges(0n, metadata)).toEqual([]);
    },
  );

  test('any text is read as ascending ranges from the committed offset on, or as nothing', () => {
    const unit = fc.constantFrom('0', '1', 'z', '.', ',', '-', ' ');
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit }).map((rest) => `rollcall1:${rest}`),
    );
    fc.assert(
      fc.property(text, (metadata) => {
        let at = 9n;
        for (const { from, to } of decodeRanges(9n, metadata)) {
          expect(from).toBeGreaterThanOrEqual(at);
          expect(to).toBeGreaterThan(from);
          at = to;
        }
      }),
    );
  });
});

describe('completeness', () => {
  const at = (offset: bigint, isDead: boolean): Intent =>
    atOffset(offset, { attempt: 1, dead: isDead ? { at: 1, reason: 'rejected' } : null });
  const states = [null, ...[4n, 5n, 6n].flatMap((offset) => [at(offset, false), at(offset, true)])];

  /**
   * CompleteIn of the specification, literally; positions start at 1, 0 is none. `others`: what else the intent replaced
   * (a full state, another name of its member) and the record still holds, if anything.
   */
  function completeIn(offset: bigint, { isReported, pending, recorded, others }: Known): boolean {
    const [pend, rec] = [pending?.source.offset ?? 0n, recorded?.source.offset ?? 0n];
    const [dead, recdead] = [pending !== null && pending.dead !== null, recorded !== null && recorded.dead !== null];
    const parked = rec === offset && (!dead || recdead);
    const isMarked = !(dead && pend === offset) || (rec === offset && recdead);
    const isOlderLeft = others !== 0n && others < offset;
    return parked || (isReported && (rec === 0n || rec > offset) && !isOlderLeft && isMarked);
  }

  interface Known {
    readonly isReported: boolean;
    readonly pending: Intent | null;
    readonly recorded: Intent | null;
    readonly others: bigint;
  }

  const position: Position = { topic: 't', partition: 0, offset: 5n, index: null };
  const evidence = ({ isReported, pending, recorded, others }: Known): Evidence => ({
    isReported,
    pending,
    recorded,
    isOlderRecorded: [recorded?.source.offset ?? 0n, others].some((each) => each !== 0n && each < position.offset),
  });

  const everyCase: readonly Known[] = states.flatMap((pending) =>
    states.flatMap((recorded) =>
      [false, true].flatMap((isReported) =>
        [0n, 4n, 5n, 6n].map((others) => ({ isReported, pending, recorded, others })),
      ),
    ),
  );

  test('is what the specification says, in every case', () => {
    for (const known of everyCase) {
      expect([known, isComplete(position, evidence(known))]).toEqual([known, completeIn(5n, known)]);
    }
  });

  test.each<[string, Partial<Known>, boolean]>([
    ['reported, nothing recorded', { isReported: true }, true],
    ['not reported, nothing recorded', {}, false],
    ['parked', { pending: at(5n, false), recorded: at(5n, false) }, true],
    ['reported while an older one is recorded', { isReported: true, recorded: at(4n, false) }, false],
    ['reported while what it replaced under another name is recorded', { isReported: true, others: 4n }, false],
    ['parked while what it replaced under another name is recorded', { recorded: at(5n, false), others: 4n }, true],
    ['reported, a newer one recorded', { isReported: true, pending: at(6n, false), recorded: at(6n, false) }, true],
    ['dead, recorded as parked only', { isReported: true, pending: at(5n, true), recorded: at(5n, false) }, false],
    ['dead, reported, not recorded', { isReported: true, pending: at(5n, true) }, false],
    ['dead and marked', { isReported: true, pending: at(5n, true), recorded: at(5n, true) }, true],
  ])('%s', (_, parts, expected) => {
    const known: Known = { isReported: false, pending: null, recorded: null, others: 0n, ...parts };
    expect(isComplete(position, evidence(known))).toBe(expected);
  });

  test('of an event among several of its record is its own: another index proves nothing', () => {
    const indexed = (index: number | null): Intent => atOffset(5n, { attempt: 1, source: { index } });
    const known: Known = { isReported: false, pending: null, recorded: indexed(1), others: 0n };
    const isParked = (index: number | null): boolean => isComplete({ ...position, index }, evidence(known));
    expect([0, 1, 2, null].map(isParked)).toEqual([false, true, false, false]);
  });
});
