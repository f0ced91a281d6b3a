import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  emptyView,
  endGroup,
  epochOf,
  isOvertaken,
  readFence,
  readState,
  type Reading,
  type RetryView,
} from '../../src/core/log/ownership.ts';

/** A record of one retry partition; `id` tells late duplicates of one and the same record from others. */
interface LogRecord {
  readonly kind: 'fence' | 'state';
  readonly group: string;
  readonly epoch: number;
  readonly seq: number;
  readonly id: number;
}

const stampOf = ({ epoch, seq }: LogRecord) => ({ owner: `owner-${epoch}`, epoch, seq });

function read(log: readonly LogRecord[]): { view: RetryView; winners: Map<string, number>; stale: Set<string> } {
  const view = emptyView();
  const winners = new Map<string, number>();
  const stale = new Set<string>();
  for (const record of log) {
    if (record.kind === 'fence') {
      readFence(view, stampOf(record));
      continue;
    }
    const reading: Reading = readState(view, record.group, stampOf(record));
    if (reading === 'counts') winners.set(record.group, record.id);
    if (reading === 'counts') stale.delete(record.group);
    else stale.add(record.group);
  }
  return { view, winners, stale };
}

/**
 * The definition (protocol.md 4.5): the highest (epoch, seq) that is not void; void = a fence of a higher epoch lies before it.
 * Of two copies that are not void the later one. A copy may be void where the record itself is not: places count.
 */
function winnerByDefinition(log: readonly LogRecord[], group: string): LogRecord | undefined {
  return log
    .filter((record) => record.kind === 'state' && record.group === group)
    .filter((record) => {
      const before = log.slice(0, log.indexOf(record));
      return !before.some((other) => other.kind === 'fence' && other.epoch > record.epoch);
    })
    .toSorted((a, b) => b.epoch - a.epoch || b.seq - a.seq || log.indexOf(b) - log.indexOf(a))[0];
}

const lastOf = (log: readonly LogRecord[], group: string): LogRecord | undefined =>
  log.findLast((record) => record.kind === 'state' && record.group === group);

/**
 * What owners of growing epochs write: each its fence first, then states under ascending sequence numbers; each record
 * may land late, and a second time.
 */
const logs: fc.Arbitrary<readonly LogRecord[]> = fc
  .array(
    fc.record({
      epoch: fc.integer({ min: 1, max: 4 }),
      groups: fc.array(fc.constantFrom('a', 'b'), { maxLength: 5 }),
      delays: fc.array(fc.nat(12), { minLength: 12, maxLength: 12 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((owners) => {
    const placed: { readonly at: number; readonly record: LogRecord }[] = [];
    let at = 0;
    let id = 0;
    const seqs = new Map<number, number>();
    for (const { epoch, groups, delays } of owners.toSorted((a, b) => a.epoch - b.epoch)) {
      for (const [i, group] of ['', ...groups].entries()) {
        const seq = (seqs.get(epoch) ?? 0) + 1;
        seqs.set(epoch, seq);
        id += 1;
        at += 2;
        const record: LogRecord = { kind: i === 0 ? 'fence' : 'state', group, epoch, seq, id };
        placed.push({ at, record });
        const delay = delays[i] ?? 0;
        // Half of them come a second time, late.
        if (delay > 6) placed.push({ at: at + delay, record: { ...record } });
      }
    }
    return placed.toSorted((a, b) => a.at - b.at).map(({ record }) => record);
  });

describe('of a retry partition', () => {
  test('the record counts that the definition says, and a group is stale exactly when it is not the last', () => {
    fc.assert(
      fc.property(logs, (log) => {
        const { winners, stale } = read(log);
        for (const group of ['a', 'b']) {
          const winner = winnerByDefinition(log, group);
          expect(winners.get(group)).toBe(winner?.id);
          const last = lastOf(log, group);
          expect(stale.has(group)).toBe(last !== winner);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('nothing of that depends on how far an owner had read before', () => {
    fc.assert(
      fc.property(logs, (log) => {
        for (let end = 0; end <= log.length; end += 1) {
          const part = log.slice(0, end);
          expect(read(part).winners.get('a')).toBe(winnerByDefinition(part, 'a')?.id);
        }
      }),
    );
  });

  test('after the repair compaction changes nothing, whatever it has removed', () => {
    fc.assert(
      fc.property(logs, fc.array(fc.boolean(), { minLength: 80, maxLength: 80 }), (log, keeps) => {
        const { view, winners, stale } = read(log);
        const epoch = view.epochMax + 1;
        const repairs = [...stale].map((group, i): LogRecord => {
          return { kind: 'state', group, epoch, seq: i + 1, id: winners.get(group) ?? 0 };
        });
        const repaired: LogRecord[] = [...log, { kind: 'fence', group: '', epoch, seq: 0, id: -1 }, ...repairs];
        const isLast = (record: LogRecord, i: number): boolean =>
          !repaired.slice(i + 1).some((other) => other.kind === record.kind && other.group === record.group);
        const compacted = repaired.filter((record, i) => isLast(record, i) || keeps[i] === true);
        const after = read(compacted);
        for (const group of ['a', 'b']) {
          const expected = winners.get(group) ?? (stale.has(group) ? 0 : undefined);
          expect(after.winners.get(group)).toBe(expected);
          expect(after.stale.has(group)).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('the highest epoch and its highest sequence number are known, void or not', () => {
    fc.assert(
      fc.property(logs, (log) => {
        const epochMax = Math.max(...log.map(({ epoch }) => epoch));
        const seqMax = Math.max(...log.filter(({ epoch }) => epoch === epochMax).map(({ seq }) => seq));
        expect(read(log).view).toMatchObject({ epochMax, seqMax, recordCount: log.length });
      }),
    );
  });
});

describe('ownership', () => {
  const state = (epoch: number, seq: number, id: number): LogRecord => ({ kind: 'state', group: 'a', epoch, seq, id });
  const fence = (epoch: number): LogRecord => ({ kind: 'fence', group: '', epoch, seq: 0, id: 0 });

  test.each([
    ['a former owner writes on after the fence of the next', [fence(1), state(1, 1, 1), fence(2), state(1, 2, 2)], 1],
    ['a record from before the fence holds', [fence(1), state(1, 1, 1), fence(2)], 1],
    ['a late fence of a former owner voids nothing', [fence(2), state(2, 1, 1), fence(1), state(2, 2, 2)], 2],
    ['a late duplicate is not the newest', [fence(1), state(1, 1, 1), state(1, 2, 2), state(1, 1, 1)], 2],
    ['a copy behind the fence is void, the record is not', [fence(1), state(1, 1, 1), fence(2), state(1, 1, 1)], 1],
    [
      'a lower epoch does not count, also where the cleaner took the fence',
      [state(2, 1, 1), fence(1), state(1, 9, 2)],
      1,
    ],
    ['a higher epoch restarts the count', [fence(1), state(1, 9, 1), fence(2), state(2, 1, 2)], 2],
  ])('%s', (_, log, winner) => {
    expect(read(log).winners.get('a')).toBe(winner);
  });

  test('is lost as soon as any record of a higher epoch is read, a void one or a fence too', () => {
    expect(isOvertaken(read([fence(2), state(2, 1, 1)]).view, 2)).toBe(false);
    expect(isOvertaken(read([fence(2), state(1, 1, 1)]).view, 2)).toBe(false);
    expect(isOvertaken(read([fence(2), fence(3)]).view, 2)).toBe(true);
    expect(isOvertaken(read([fence(5), state(4, 1, 1)]).view, 3)).toBe(true);
    expect(isOvertaken(read([state(3, 1, 1)]).view, 2)).toBe(true);
    expect(isOvertaken(emptyView(), 1)).toBe(false);
  });

  test('nothing is kept of records that are void from a fence on', () => {
    const { view } = read([fence(1), state(1, 1, 1), fence(3), state(3, 1, 2), fence(2)]);
    expect([...view.groups]).toEqual([['a', { epoch: 3, seq: 1 }]]);
    expect(read([fence(1), state(1, 1, 1), fence(3)]).view.groups.size).toBe(0);
  });

  test('what is dropped with its tombstone is never taken for news again, nor is a late record of another group lost', () => {
    const ownRecords = fc.array(
      fc.record({ group: fc.constantFrom('a', 'b', 'c'), isTombstone: fc.boolean(), lateBy: fc.nat(12) }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(ownRecords, (records) => {
        const written = records.map((record, i) => ({ ...record, epoch: 5, seq: i + 1, at: i + 1 }));
        const again = written.map((record) => ({ ...record, at: record.at + record.lateBy + 0.5 }));
        const log = [...written, ...again].toSorted((a, b) => a.at - b.at);
        const [view, whole] = [emptyView(), emptyView()];
        const parked = new Set<string>();
        let seqRead = 0;
        for (const record of log) {
          const stamp = { owner: 'o', epoch: record.epoch, seq: record.seq };
          const reading = readState(view, record.group, stamp);
          const isStale = readState(whole, record.group, stamp) === 'stale';
          // What counts for the one counts for the other, but what is behind others may be written again for nothing.
          expect(reading === 'stale' ? isStale || record.seq < seqRead : !isStale).toBe(true);
          seqRead = Math.max(seqRead, record.seq);
          if (reading === 'stale') continue;
          if (record.isTombstone) endGroup(view, record.group);
          parked[record.isTombstone ? 'delete' : 'add'](record.group);
          expect(new Set(view.groups.keys())).toEqual(parked);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('grows with the generation, and a recreated group outgrows what was read', () => {
    expect(epochOf(0, 7)).toBe(7);
    const { epochMax } = read([fence(7), state(7, 3, 1)]).view;
    expect(epochOf(epochMax, 1)).toBeGreaterThan(epochMax);
  });
});
