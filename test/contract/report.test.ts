// `rollcall report` over the memory log.
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import { printReport, type ReportFlags } from '../../src/commands/report.ts';
import { type ReportRecord } from '../../src/core/report.ts';
import { eventReport } from '../../src/core/reporting.ts';
import type { Summary } from '../../src/core/summary.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { summaryOf as summaryFrom } from '../../src/core/summary.ts';
import { summaryText } from '../../src/report/summary-text.ts';
import { aHost } from '../support/command-host.ts';

const at = (second: number): number => Date.UTC(2026, 8, 21, 0, 0, second);

function aReport(change: Partial<ReportRecord> & { readonly id: string }): ReportRecord {
  const source = { topic: 't', partition: 0, offset: 0n, index: null, eventId: null, timestamp: at(0) };
  const record = eventReport({
    source,
    group: 'g',
    groupTarget: 'g',
    outcome: 'no_changes',
    reason: null,
    epoch: 1,
    reportedAt: at(1),
  });
  return { ...record, member: 'm', op: 'add', outcome: 'applied', ...change };
}

let log: MemoryLog;

beforeEach(() => {
  const broker = new MemoryBroker(systemClock, systemRandom);
  broker.createTopic({ topic: 'reports', partitionCount: 2, replicationFactor: 1, settings: {} });
  log = new MemoryLog(broker, { groupId: 'g', clientId: 'c', topics: { source: 's', retry: 'r' } });
});

async function write(...values: readonly (ReportRecord | string)[]): Promise<void> {
  await log.send(
    values.map((value) => ({
      topic: 'reports',
      partition: 0,
      key: 'g',
      value: typeof value === 'string' ? value : JSON.stringify(value),
      headers: [],
    })),
  );
}

async function report(flags: Partial<ReportFlags>): Promise<{ out: string; err: string }> {
  const host = aHost();
  await printReport({ flags: { format: 'json', ...flags }, topic: 'reports', tools: log, host });
  return { out: host.out(), err: host.err() };
}

const summaryOf = (text: string): Summary => JSON.parse(text) as Summary;
const idsOf = (text: string): string[] => summaryOf(text).operations.map(({ id }) => id);

const parked = aReport({ id: 't/0/1/m#1', final: false, outcome: 'retry_scheduled', attempt: 1 });
const recovered = aReport({
  id: 't/0/1/m',
  outcome: 'recovered',
  attempt: 1,
  reported_at: new Date(at(9)).toISOString(),
});
const invalid = aReport({ id: 't/0/2', outcome: 'invalid', member: null, op: null, group: 'h' });

describe('report', () => {
  test('is the summary, each change once', async () => {
    await write(parked, recovered, invalid, recovered);
    expect(summaryOf((await report({})).out)).toMatchObject({
      total_operations: 2,
      success_count: 1,
      failure_count: 1,
      by_outcome: { recovered: 1, invalid: 1 },
    });
  });

  test('counts what is no report record and goes on', async () => {
    await write('{', '{"v":1}', recovered);
    const { out, err } = await report({});
    expect(idsOf(out)).toEqual(['t/0/1/m']);
    expect(err).toBe('warning: 2 records of reports are no report records\n');
    expect((await report({ format: 'ndjson' })).err).toBe(err);
  });

  test('selects by group, member, outcome and time', async () => {
    await write(parked, recovered, invalid);
    expect(idsOf((await report({ group: ['h'] })).out)).toEqual(['t/0/2']);
    expect(idsOf((await report({ member: ['m'] })).out)).toEqual(['t/0/1/m']);
    expect(idsOf((await report({ outcome: ['invalid', 'failed'] })).out)).toEqual(['t/0/2']);
    expect(idsOf((await report({ since: at(5) })).out)).toEqual(['t/0/1/m']);
    // It was parked once, but that is not what became of it.
    expect(idsOf((await report({ outcome: ['retry_scheduled'] })).out)).toEqual([]);
  });

  test('as ndjson is the records as they were written', async () => {
    await write(parked, recovered);
    const { out } = await report({ format: 'ndjson' });
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([parked, recovered]);
  });

  test('follows until it is asked to stop', async () => {
    const host = aHost();
    const firstLine = new Promise<void>((resolve) => host.stdout.once('data', () => resolve()));
    const following = printReport({ flags: { format: 'ndjson', follow: true }, topic: 'reports', tools: log, host });
    await write(recovered);
    await firstLine;
    host.ask();
    await following;
    expect(JSON.parse(host.out())).toEqual(recovered);
  });

  test.each([
    [{ format: 'json', follow: true }, 'needs an end'],
    [{ outcome: ['good'] }, 'applied, recovered'],
  ] as const)('%j is a usage error', async (flags, message) => {
    await expect(report(flags)).rejects.toMatchObject({ code: EXIT.usage, message: expect.stringContaining(message) });
  });
});

describe('as csv', () => {
  test('each change is one row under a header', async () => {
    await write(parked, recovered);
    const lines = (await report({ format: 'csv' })).out.split('\r\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^"id","final","group","member","op","outcome",/);
    expect(lines[1]).toMatch(/^"t\/0\/1\/m","true","g","m","add","recovered",/);
  });
});

describe('what a terminal would obey', () => {
  const message = 'refused\u001b[2K\u001b]0;x\u0007\b\u009b31m\u202e\u2066\u200b\u2028end';
  const hostile = aReport({
    id: 't/0/1/m\u202e',
    member: 'm\u202e',
    outcome: 'failed',
    reason: { code: 'rejected', message, status: 400, scim_type: null, advice: '' },
  });

  test.each(['json', 'ndjson', 'csv'] as const)('is not in the output as %s', async (format) => {
    await write(hostile);
    expect((await report({ format })).out).not.toMatch(/(?![\r\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  });

  test('is in JSON as what it is', async () => {
    await write(hostile);
    expect(summaryOf((await report({})).out).operations).toEqual([hostile]);
    expect(JSON.parse((await report({ format: 'ndjson' })).out)).toEqual(hostile);
  });

  test('is not in the summary for people, nor does a message make lines of its own', () => {
    const forged = {
      ...hostile,
      reason: { code: 'rejected', message: 'no\n0 failed', status: 400, scim_type: null, advice: 'x' },
    };
    const text = summaryText(summaryFrom(new Map([[forged.id, forged]]), at(0)));
    expect(text).toContain(String.raw`no\u{a}0 failed`);
  });
});
