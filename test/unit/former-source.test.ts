/** Which reports are of a former source topic, and how its places are ordered beside those of the present one. */
import { describe, expect, test } from 'vitest';
import { AppliedChanges } from '../../src/core/drift/applied-changes.ts';
import { comparePlaces, placeIn, type Place } from '../../src/core/drift/place.ts';
import { reportedSource, type SourcePartition } from '../../src/core/report/former-source.ts';
import { aReport } from '../support/a-report.ts';

const at = (offset: bigint, topic = 's') => ({ topic, partition: 0, offset, index: null });

/** Offsets 100 to 199, the oldest of 1,000 s. */
const partition: SourcePartition = { end: 200n, oldest: { offset: 100n, timestamp: 1_000_000 } };

const sourceOf = (offset: bigint, timestamp: number, reportedAt: number, found: SourcePartition | null = partition) =>
  reportedSource({ position: at(offset), timestamp, reportedAt }, 's', found);

describe('a report is of a former source topic', () => {
  test('whose name is another one', () => {
    const record = { position: at(150n, 'older'), timestamp: 1_000_001, reportedAt: 1_000_002 };
    expect(reportedSource(record, 's', partition)).toBe('former');
  });

  test('whose partition the present topic lacks', () => {
    expect(sourceOf(150n, 1_000_001, 1_000_002, null)).toBe('former');
  });

  test.each([
    [199n, 'present'],
    [200n, 'former'],
    [201n, 'former'],
  ])('whose offset is at the end or beyond: %s is %s', (offset, source) => {
    expect(sourceOf(offset, 1_000_001, 1_000_002)).toBe(source);
  });

  test('of an empty partition each one', () => {
    expect(sourceOf(0n, 1_000_001, 1_000_002, { end: 0n, oldest: null })).toBe('former');
  });

  test.each([
    ['both times are before the oldest record', 999_998, 999_999, 'former'],
    ['the record is as old as the oldest one', 1_000_000, 999_999, 'present'],
    ['its producer’s clock was late', 5, 1_000_000, 'present'],
    ['its producer’s clock was ahead', 2_000_000, 999_999, 'present'],
    ['its record has no time', -1, 999_999, 'former'],
    ['its record has no time, and it was reported later', -1, 1_000_001, 'present'],
    ['its own time cannot be read', 5, Number.NaN, 'present'],
  ])('by its times: %s', (_, timestamp, reportedAt, source) => {
    expect(sourceOf(100n, timestamp, reportedAt)).toBe(source);
    expect(sourceOf(150n, timestamp, reportedAt)).toBe(source);
  });

  test('what retention has taken of the present topic is older than its oldest record, and not former', () => {
    expect(sourceOf(99n, 5, 6)).toBe('present');
    // Retention has taken all of it.
    expect(sourceOf(99n, 5, 6, { end: 200n, oldest: null })).toBe('present');
    expect(sourceOf(200n, 5, 6, { end: 200n, oldest: null })).toBe('former');
  });
});

/** Reported a second after it was written. */
const former = (offset: bigint, timestamp: number, more: Partial<Place> = {}): Place => ({
  ...at(offset),
  timestamp,
  formerReportedAt: timestamp + 1_000,
  ...more,
});
const present = (offset: bigint, timestamp: number): Place => ({ ...at(offset), timestamp });

const isNewer = (a: Place, b: Place): boolean => comparePlaces(a, b) > 0 && comparePlaces(b, a) < 0;

describe('the order of places', () => {
  test('all of a former topic is older, whatever its offset and time', () => {
    expect(isNewer(present(0n, 5), former(9n, 50_000))).toBe(true);
    expect(isNewer(present(9n, 5), former(9n, 5))).toBe(true);
  });

  test('of one former topic the offset decides', () => {
    expect(isNewer(former(2n, 5), former(1n, 5))).toBe(true);
    // The clocks of two producers differ by less than it took to report.
    expect(isNewer(former(2n, 100), former(1n, 600))).toBe(true);
  });

  test('of two former topics of one name the one is newer whose record was written after the other was reported', () => {
    expect(isNewer(former(0n, 9_000), former(8n, 5))).toBe(true);
    expect(isNewer(former(8n, 9_000), former(8n, 5))).toBe(true);
  });

  test('of former topics of two names the time decides', () => {
    expect(isNewer(former(0n, 600, { topic: 'b' }), former(8n, 100, { topic: 'a' }))).toBe(true);
    expect(isNewer(former(0n, 100, { topic: 'b' }), former(8n, 100, { topic: 'a' }))).toBe(true);
  });

  test('a report that is repeated is of the same place', () => {
    expect(comparePlaces(former(1n, 5), former(1n, 5, { formerReportedAt: 90_000 }))).toBe(0);
  });

  test('a report says itself where its record was', () => {
    const record = aReport(7n, 'u');
    expect(placeIn(record, at(7n), 'present')).toEqual({ ...at(7n), timestamp: 1 });
    const formerReportedAt = Date.parse(record.reported_at);
    expect(placeIn(record, at(7n), 'former')).toEqual({ ...at(7n), timestamp: 1, formerReportedAt });
  });
});

describe('changes of two topics with one id', () => {
  const window = { since: 0, until: Date.parse('2027-01-01T00:00:00Z') };
  const later = { reported_at: '2026-09-22T00:00:00.000Z', source: { ...aReport(0n, 'u').source, timestamp: 9 } };

  test('are two, the former one before the present one', () => {
    const applied = new AppliedChanges(window);
    applied.takeReport(aReport(0n, 'u', { op: 'remove', ...later }), 'g');
    applied.takeReport(aReport(0n, 'u'), 'g', 'former');
    applied.takeReport(aReport(0n, 'u'), 'g', 'former');
    expect(applied.ofGroup('g')[0]?.map(({ op, report }) => [op, report])).toEqual([
      ['add', 's/0/0/u'],
      ['remove', 's/0/0/u'],
    ]);
  });

  test('have not one author', () => {
    const applied = new AppliedChanges(window);
    applied.takeReport(aReport(0n, 'u'), 'g', 'former');
    applied.takeReport(aReport(0n, 'u', later), 'g');
    applied.takeEvent(present(0n, 9), () => 'jane');
    const changes = applied.ofGroup('g')[0] ?? [];
    expect(changes.map((change) => applied.madeBy(change)?.by ?? null)).toEqual([null, 'jane']);
  });
});
