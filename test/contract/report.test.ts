// `rollcall report` over the memory log.
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import { printReport, type ReportFlags } from '../../src/commands/report.ts';
import { type ReportRecord } from '../../src/core/report/report.ts';
import { eventReport, reportRecord } from '../../src/core/report/reporting.ts';
import type { Summary } from '../../src/core/report/summary.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { summaryOf as summaryFrom } from '../../src/core/report/summary.ts';
import { summaryText } from '../../src/console/report-text.ts';
import { partitionOfKey } from '../../src/core/log/reading.ts';
import type { ReadOptions } from '../../src/ports.ts';
import { boundsIn, withAnIndex } from '../support/an-index.ts';
import { aFolder } from '../support/asking.ts';
import { aContext } from '../support/command-context.ts';
import { ManualClock } from '../support/manual-clock.ts';

const at = (second: number): number => Date.UTC(2026, 8, 21, 0, 0, second);

function aReport(change: Partial<ReportRecord> & { readonly id: string }): ReportRecord {
  const source = { topic: 't', partition: 0, offset: 0n, index: null, eventId: null, timestamp: at(0) };
  const report = eventReport({
    source,
    group: 'g',
    groupTarget: 'g',
    outcome: 'no_changes',
    reason: null,
    reportedAt: at(1),
  });
  return { ...reportRecord(report, 1), member: 'm', op: 'add', outcome: 'applied', ...change };
}

let log: MemoryLog;
let broker: MemoryBroker;

beforeEach(() => {
  broker = new MemoryBroker(systemClock, systemRandom);
  broker.createTopic({ topic: 's', partitionCount: 1, replicationFactor: 1, settings: {} });
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

/** By an index it is the same, in the order of the topic. */
async function report(flags: Partial<ReportFlags>): Promise<{ out: string; err: string }> {
  const context = aContext();
  const reporting = {
    flags: { format: 'json', ...flags } as const,
    topic: 'reports',
    tools: log,
    bounds: boundsIn(broker),
  };
  await printReport({ ...reporting, context });
  const again = aContext();
  const topics = { source: 's', report: 'reports' };
  await withAnIndex(aFolder(), { broker, tools: log, topics, context: again }, (index) =>
    printReport({ ...reporting, index, context: again }),
  );
  expect(timeless(again.out())).toBe(timeless(context.out()));
  return { out: context.out(), err: context.err() };
}

const timeless = (text: string): string => text.replace(/"generated_at": *"[^"]*"/, '');

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
    const context = aContext();
    const firstLine = new Promise<void>((resolve) => context.stdout.once('data', () => resolve()));
    const following = printReport({
      flags: { format: 'ndjson', follow: true },
      topic: 'reports',
      tools: log,
      bounds: boundsIn(broker),
      context,
    });
    await write(recovered);
    await firstLine;
    context.ask();
    await following;
    expect(JSON.parse(context.out())).toEqual(recovered);
  });

  test.each([
    [{ format: 'json', follow: true }, 'needs an end'],
    [{ outcome: ['good'] }, 'applied, recovered'],
  ] as const)('%j is a usage error', async (flags, message) => {
    await expect(report(flags)).rejects.toMatchObject({ code: EXIT.usage, message: expect.stringContaining(message) });
  });
});

describe('an outcome that only a newer version writes', () => {
  const newer = { ...aReport({ id: 't/0/3/m', outcome: 'quarantined' }), op: 'rename', quarantine: { days: 3 } };

  test.each(['json', 'csv', 'ndjson'] as const)('is listed as %s', async (format) => {
    await write(newer, recovered);
    const { out, err } = await report({ format });
    expect(out).toContain('quarantined');
    expect(out).toContain('recovered');
    expect(err).toBe('');
  });

  test('counts by itself, neither as a success nor as a failure', async () => {
    await write(newer, recovered, invalid);
    const summary = summaryOf((await report({})).out);
    expect(summary).toMatchObject({
      total_operations: 3,
      success_count: 1,
      failure_count: 1,
      by_outcome: { quarantined: 1, recovered: 1, invalid: 1 },
    });
    expect(summaryText(summary)).toContain(
      '3 changes: 1 done, 1 failed, 1 ended in a way that only a newer version knows',
    );
  });

  test('is one operation with the final record that replaces it', async () => {
    const waits = { ...newer, id: 't/0/3/m#quarantined', final: false };
    await write(waits, aReport({ id: 't/0/3/m', outcome: 'applied', reported_at: new Date(at(8)).toISOString() }));
    expect(summaryOf((await report({})).out).by_outcome).toEqual({ applied: 1 });
  });

  test('can be asked for, and a record keeps the fields that are not known', async () => {
    await write(newer, recovered);
    const { out } = await report({ format: 'ndjson', outcome: ['quarantined'] });
    expect(JSON.parse(out)).toEqual(newer);
  });
});

describe('where it looks', () => {
  const partitionOf = async (key: string): Promise<number> =>
    partitionOfKey(Buffer.from(key), await log.partitionCount('reports'));

  /** As the service writes them: by the key of the group. */
  async function writeKeyed(key: string, ...records: readonly ReportRecord[]): Promise<number> {
    await log.send(
      records.map((each) => ({
        topic: 'reports',
        partition: null,
        key,
        value: JSON.stringify(each),
        headers: [],
      })),
    );
    return partitionOf(key);
  }

  const asked = async (flags: Partial<ReportFlags>) => {
    const read: ReadOptions[] = [];
    const tools = Object.assign(Object.create(log) as MemoryLog, {
      read: (topic: string, options: ReadOptions) => {
        read.push(options);
        return log.read(topic, options);
      },
      describeTopic: (topic: string) => log.describeTopic(topic),
    });
    const context = aContext();
    await printReport({
      flags: { format: 'json', ...flags },
      topic: 'reports',
      tools,
      bounds: boundsIn(broker),
      context,
    });
    return { read, out: context.out(), err: context.err() };
  };

  test('a group is read from the partition of its key alone', async () => {
    const partition = await writeKeyed('g', recovered);
    const { read, out } = await asked({ group: ['g'] });
    expect(read.map(({ partitions }) => partitions)).toEqual([[partition]]);
    expect(idsOf(out)).toEqual(['t/0/1/m']);
  });

  test('an id of Genesys Cloud is no key, so the other partitions are read, too', async () => {
    const mapped = aReport({ id: 't/0/1/ada', group: 'G', member: 'M', source_group: 'sales', source_member: 'ada' });
    await writeKeyed('sales', mapped);
    await writeKeyed('other', aReport({ id: 't/0/2/x', group: 'H', member: 'X' }));
    for (const flags of [{ group: ['G'] }, { group: ['sales'] }, { member: ['M'] }, { member: ['ada'] }])
      expect(idsOf((await asked(flags)).out)).toEqual(['t/0/1/ada']);
    const { read, err } = await asked({ group: ['G', 'sales'] });
    expect(new Set(read.flatMap(({ partitions }) => partitions ?? []))).toEqual(new Set([0, 1]));
    if (read.length > 1) expect(err).toContain('nothing of group G in partition');
  });

  test('a pause of the group by its id of Genesys Cloud is none of the group’s own reports', async () => {
    const mapped = aReport({ id: 't/0/1/ada', group: 'G', member: 'M', source_group: 'sales', source_member: 'ada' });
    const other = 1 - (await partitionOf('G'));
    const value = JSON.stringify(mapped);
    await log.send([{ topic: 'reports', partition: other, key: 'sales', value, headers: [] }]);
    for (const outcome of ['paused', 'resumed'] as const)
      await writeKeyed('G', aReport({ id: `r/0/${outcome}`, outcome, group: 'G', member: null, op: null }));
    expect(idsOf((await asked({ group: ['G'] })).out)).toEqual(['t/0/1/ada']);
  });

  test('what the operator has named is shown without its control characters', async () => {
    await writeKeyed('g', recovered);
    const { err } = await asked({ group: ['a\nb'] });
    expect(err).toContain('nothing of group a\\u{a}b in partition');
    expect(err).toContain('for group a\\u{a}b (');
  });

  test('every partition where it is asked for', async () => {
    await writeKeyed('g', recovered);
    const other = 1 - (await partitionOf('g'));
    await log.send([
      {
        topic: 'reports',
        partition: other,
        key: 'g',
        value: JSON.stringify({ ...recovered, id: 't/0/9/m' }),
        headers: [],
      },
    ]);
    expect(idsOf((await asked({ group: ['g'] })).out)).toEqual(['t/0/1/m']);
    expect(idsOf((await asked({ group: ['g'], allPartitions: true })).out)).toEqual(['t/0/1/m', 't/0/9/m']);
  });

  test('a record that was too large for its ids is found by its key and its id', async () => {
    const source = { ...recovered.source, offset: '1' };
    const cut = { ...recovered, source, group: null, member: null, source_group: null, source_member: null };
    await writeKeyed('g', cut);
    expect(idsOf((await asked({ group: ['g'], member: ['m'] })).out)).toEqual(['t/0/1/m']);
  });

  test('a time begins at its offsets', async () => {
    await writeKeyed('g', recovered);
    const { read } = await asked({ since: at(5) });
    expect(read[0]?.from).toEqual({ since: at(5) - 600_000 });
  });

  test('what is not found says what was searched', async () => {
    await writeKeyed('g', recovered);
    const { err } = await asked({ group: ['nowhere'], since: 0 });
    expect(err).toMatch(/^nothing of group nowhere in partition \d of the reports; reading the others/);
    expect(err).toContain('nothing found: 1 records in 2 of 2 partitions of reports were searched for group nowhere');
    expect(err).toContain('time 1970-01-01T00:00:00.000Z or later (ids of the identity provider and of');
    expect((await asked({ outcome: ['failed'] })).err).toContain('for outcome failed\n');
  });
});

test('report: shows how far it is', async () => {
  await write(recovered, invalid);
  const clock = new ManualClock(0);
  const context = aContext({ clock });
  const tools = Object.assign(Object.create(log) as MemoryLog, {
    describeTopic: (topic: string) => log.describeTopic(topic),
    async *read(topic: string, options: ReadOptions) {
      for await (const record of log.read(topic, options)) {
        yield record;
        await clock.advance(2_000);
      }
    },
  });
  await printReport({ flags: { format: 'csv' }, topic: 'reports', tools, bounds: boundsIn(broker), context });
  expect(context.err()).toContain('2.0 s  0/2 records (0 %), partition 0, 1\n');
  expect(context.err()).toContain('2/2 records (100 %)');
});

test.each(['json', 'csv', 'ndjson'] as const)(
  'report: ends with 1 where it is stopped before the end (%s)',
  async (format) => {
    await write(recovered, invalid);
    const context = aContext();
    const tools = Object.assign(Object.create(log) as MemoryLog, {
      describeTopic: (topic: string) => log.describeTopic(topic),
      async *read(topic: string, options: ReadOptions) {
        for await (const record of log.read(topic, options)) {
          yield record;
          context.ask();
        }
      },
    });
    const reporting = printReport({ flags: { format }, topic: 'reports', tools, bounds: boundsIn(broker), context });
    await expect(reporting).rejects.toMatchObject({
      code: EXIT.someFailed,
      message: 'stopped before the end of reports',
    });
    if (format === 'json') expect(context.out()).toBe('');
  },
);

describe('as csv', () => {
  test('each change is one row under a header', async () => {
    await write(parked, recovered);
    const lines = (await report({ format: 'csv' })).out.split('\r\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^"id","final","group","member","op","outcome",/);
    expect(lines[1]).toMatch(/^"t\/0\/1\/m","true","g","m","add","recovered",/);
  });

  test('what is about no change is no row, and where it is, is said', async () => {
    const pause = { author: 'jane', reason: 'INC-7', at: new Date(at(2)).toISOString(), result: 'paused' };
    await write(recovered, aReport({ id: 'r/0/9', member: null, op: null, outcome: 'paused', pause }));
    const { out, err } = await report({ format: 'csv' });
    expect(out.split('\r\n')).toHaveLength(3);
    expect(err).toContain('1 record about no change (paused, resumed, drift): no rows; --format ndjson lists them\n');
    expect((await report({ format: 'csv', outcome: ['paused'] })).err).toContain('1 record about no change');
    expect((await report({ format: 'csv', outcome: ['recovered'] })).err).not.toContain('about no change');
    expect((await report({ format: 'ndjson', outcome: ['paused'] })).out).toContain('"author":"jane"');
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
