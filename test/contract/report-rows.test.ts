// `rollcall report --until`, `--by` and `--html` over the memory log.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemRandom } from '../../src/adapters/system.ts';
import { printReport, type ReportFlags } from '../../src/commands/report.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import type { Summary } from '../../src/core/report/summary.ts';
import { EXIT } from '../../src/exit-codes.ts';
import type { ReadOptions } from '../../src/ports.ts';
import { aReport } from '../support/a-report.ts';
import { boundsIn, withAnIndex } from '../support/an-index.ts';
import { aFolder } from '../support/asking.ts';
import { aContext } from '../support/command-context.ts';
import { ManualClock } from '../support/manual-clock.ts';

const START = Date.UTC(2026, 8, 21);
const MINUTE_MS = 60_000;
const at = (minutes: number): number => START + minutes * MINUTE_MS;
const timeAt = (minutes: number): string => new Date(at(minutes)).toISOString();

let log: MemoryLog;
let broker: MemoryBroker;
let clock: ManualClock;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-report-'));
  clock = new ManualClock(START);
  broker = new MemoryBroker(clock, systemRandom);
  broker.createTopic({ topic: 's', partitionCount: 1, replicationFactor: 1, settings: {} });
  broker.createTopic({ topic: 'reports', partitionCount: 1, replicationFactor: 1, settings: {} });
  log = new MemoryLog(broker, { groupId: 'g', clientId: 'c', topics: { source: 's', retry: 'r' } });
});

afterEach(() => rm(folder, { recursive: true }));

/** At the time that each says, in order. */
async function write(...records: readonly ReportRecord[]): Promise<void> {
  for (const record of records) {
    await clock.advance(Math.max(0, Date.parse(record.reported_at) - clock.now().wall));
    const value = JSON.stringify(record);
    await log.send([{ topic: 'reports', partition: 0, key: record.source_group ?? 'g', value, headers: [] }]);
  }
}

async function report(flags: ReportFlags, reads: ReadOptions[] = [], tools = toolsNoting(reads)) {
  const context = aContext({ clock });
  await printReport({ flags, topic: 'reports', tools, bounds: boundsIn(broker), context });
  // A page is not written over.
  if (flags.html === undefined) expect(await byIndex(flags)).toBe(context.out());
  return { out: context.out(), err: context.err() };
}

async function byIndex(flags: ReportFlags): Promise<string> {
  const context = aContext({ clock });
  const topics = { source: 's', report: 'reports' };
  await withAnIndex(aFolder(), { broker, tools: log, topics, context }, (index) =>
    printReport({ flags, topic: 'reports', tools: log, bounds: boundsIn(broker), index, context }),
  );
  return context.out();
}

const toolsNoting = (reads: ReadOptions[]): MemoryLog =>
  Object.assign(Object.create(log) as MemoryLog, {
    describeTopic: (topic: string) => log.describeTopic(topic),
    read: (topic: string, options: ReadOptions) => {
      reads.push(options);
      return log.read(topic, options);
    },
  });

const parked = aReport(1n, 'ada', {
  id: 's/0/1/ada#1',
  final: false,
  outcome: 'retry_scheduled',
  attempt: 1,
  reported_at: timeAt(0),
});
const recovered = aReport(1n, 'ada', { outcome: 'recovered', attempt: 1, reported_at: timeAt(30) });
const later = aReport(2n, 'ben', { reported_at: timeAt(60) });

const outcomesIn = (text: string): Record<string, number> => (JSON.parse(text) as Summary).by_outcome;

describe('until', () => {
  test('is as of then: what counted before what came later counts', async () => {
    await write(parked, recovered, later);
    expect(outcomesIn((await report({ until: at(30) })).out)).toEqual({ retry_scheduled: 1 });
    expect(outcomesIn((await report({ until: at(30) + 1 })).out)).toEqual({ recovered: 1 });
    expect(outcomesIn((await report({ since: at(1), until: at(30) })).out)).toEqual({});
    expect(outcomesIn((await report({ since: at(1), until: at(61) })).out)).toEqual({ recovered: 1, applied: 1 });
  });

  test('leaves out of ndjson what was reported then or later', async () => {
    await write(parked, recovered, later);
    const { out } = await report({ format: 'ndjson', since: at(0), until: at(60) });
    expect(out.trim().split('\n')).toHaveLength(2);
  });

  test('ends the reading at the offsets of that time, with room for clocks that differ', async () => {
    await write(parked, recovered, later);
    const reads: ReadOptions[] = [];
    await report({ until: at(10) }, reads);
    expect(reads.map(({ until }) => until)).toEqual([at(20)]);
  });

  test('a record of a slow clock is found behind the time', async () => {
    await write(parked);
    await clock.advance(9 * MINUTE_MS);
    await write({ ...later, reported_at: timeAt(1) });
    expect(outcomesIn((await report({ until: at(2) })).out)).toEqual({ retry_scheduled: 1, applied: 1 });
  });

  test('is named where nothing is found', async () => {
    await write(later);
    const { err } = await report({ until: at(5) });
    expect(err).toContain('0 records in 1 of 1 partitions of reports were searched for time before 2026-09-21T00:05');
  });
});

test.each([
  [{ since: at(1), until: at(1) }, '--until is not later than --since'],
  [{ since: at(2), until: at(1) }, '--until is not later than --since'],
  [{ until: at(1), follow: true, format: 'csv' }, '--follow goes on without an end'],
  [{ by: 'group', follow: true }, 'rows need an end'],
  [{ by: 'group', format: 'ndjson' }, 'use --format text, csv or json'],
  [{ html: 'x', follow: true }, 'a page needs an end'],
  [{ html: 'x', by: 'group' }, 'without --by and --format'],
  [{ html: 'x', format: 'json' }, 'without --by and --format'],
  [{ format: 'text', follow: true }, 'a summary needs an end'],
] as const)('%j is a usage error, and nothing is read', async (flags, message) => {
  const reads: ReadOptions[] = [];
  await expect(report(flags, reads)).rejects.toMatchObject({
    code: EXIT.usage,
    message: expect.stringContaining(message),
  });
  expect(reads).toEqual([]);
});

describe('by', () => {
  const failed = aReport(3n, 'cy', {
    outcome: 'failed',
    reason: { code: 'member_missing', message: 'm', status: 400, scim_type: null, advice: '' },
    source_group: 'sales',
    group: 'G1',
    reported_at: timeAt(61),
  });

  test('prints a table, or CSV or JSON, of what is selected', async () => {
    await write(parked, recovered, later, failed);
    expect((await report({ by: 'group' })).out).toMatch(
      /^group +in Genesys Cloud .*\nsales +G1 +1 +0 +1 [^]*\ntotal +3 /,
    );
    expect((await report({ by: 'hour', format: 'csv' })).out).toMatch(/\r\n"2026-09-21T01:00:00.000Z","2",/);
    const json = JSON.parse((await report({ by: 'outcome', format: 'json', outcome: ['failed'] })).out) as unknown;
    expect(json).toMatchObject({ by: 'outcome', rows: [{ outcome: 'failed', changes: 1 }], total: { changes: 1 } });
    expect((await report({ by: 'outcome', until: at(5) })).out).toContain('retry_scheduled        1');
  });

  test('takes no key for a group that no group can have', async () => {
    const none = { group: null, member: null, source_group: null, source_member: null, op: null } as const;
    const unreadable = aReport(3n, null, { ...none, outcome: 'invalid' });
    const keys = ['bad\u0001key', 'x'.repeat(257)];
    const values = keys.map((_, index) => JSON.stringify({ ...unreadable, id: `s/0/${3 + index}` }));
    await log.send(
      keys.map((key, index) => ({ topic: 'reports', partition: 0, key, value: values[index] ?? '', headers: [] })),
    );
    const { out } = await report({ by: 'group' });
    expect(out).not.toMatch(/bad|xxx/);
    expect(out).toMatch(/\ntotal +2 /);
  });

  test('says so where nothing is found', async () => {
    await write(later);
    const { out, err } = await report({ by: 'group', group: ['nowhere'] });
    expect(out).toContain('total        0');
    expect(err).toContain('nothing found');
  });

  test('the summary for people is a format, too', async () => {
    await write(failed);
    expect((await report({ format: 'text' })).out).toContain('1 changes: 0 done, 1 failed');
  });
});

describe('html', () => {
  const path = (): string => join(folder, 'page.html');

  test('is written to a file that only its owner may read', async () => {
    await write(parked, recovered, later);
    const { out, err } = await report({ html: path(), since: at(0), until: at(60) });
    expect([out, err]).toEqual(['', `written to ${path()}\n`]);
    const page = await readFile(path(), 'utf8');
    expect(page).toContain(
      'Rollcall report: reports, 2026-09-21T00:00:00Z to before 2026-09-21T01:00:00Z, 1 change, 0 failed',
    );
    expect((await stat(path())).mode & 0o777).toBe(0o600);
  });

  test.each([
    [{ outcome: ['failed'] }, ['s/0/3/cy', 's/0/4/dan']],
    [{ since: at(62) }, ['s/0/4/dan', 's/0/5/eve']],
    [{ outcome: ['failed'], since: at(62) }, ['s/0/4/dan']],
  ])('of %j lists what is selected', async (flags, ids) => {
    await write(
      later,
      aReport(3n, 'cy', { outcome: 'failed', reported_at: timeAt(61) }),
      aReport(4n, 'dan', { outcome: 'failed', reported_at: timeAt(62) }),
      aReport(5n, 'eve', {
        id: 's/0/5/eve#1',
        final: false,
        outcome: 'retry_scheduled',
        attempt: 1,
        reported_at: timeAt(63),
      }),
    );
    await report({ html: path(), ...flags });
    const listed = (await readFile(path(), 'utf8')).match(/(?<=>)s\/0\/\d\/\w+(?=<)/g) ?? [];
    expect(listed.toSorted()).toEqual(ids);
  });

  test.each([
    [{}, ''],
    [{ since: at(0), until: at(60) }, ''],
    [{ outcome: ['applied', 'failed'], until: at(120) }, ' Limited to outcome applied or failed.'],
    [
      { group: ['g', 'h'], outcome: ['applied'], since: at(0) },
      ' Limited to group g or h, outcome applied. Groups and members are searched by ids of the identity provider and of Genesys Cloud.',
    ],
  ])('says of %j when it was made, and what it is limited to', async (flags, limits) => {
    await write(later);
    await report({ html: path(), ...flags });
    const faint = /<p class="faint">([^<]*)<\/p>/.exec(await readFile(path(), 'utf8'))?.[1] ?? '';
    expect(faint.trim()).toBe(`Times are UTC. Made at ${timeAt(60)}.${limits}`);
  });

  test('says what could not be read', async () => {
    await log.send([{ topic: 'reports', partition: 0, key: 'g', value: '{', headers: [] }]);
    await report({ html: path() });
    expect(await readFile(path(), 'utf8')).toContain('Warning: 1 record of the topic could not be read as reports.');
  });

  test('is refused where the file is there, which stays as it is', async () => {
    await writeFile(path(), 'mine');
    const reads: ReadOptions[] = [];
    await expect(report({ html: path() }, reads)).rejects.toMatchObject({
      code: EXIT.usage,
      message: expect.stringContaining('exists already: name another file, or remove it'),
    });
    expect([reads, await readFile(path(), 'utf8')]).toEqual([[], 'mine']);
  });

  test('a file that cannot be made is named before anything is read', async () => {
    const reads: ReadOptions[] = [];
    await expect(report({ html: join(folder, 'none', 'x.html') }, reads)).rejects.toMatchObject({ code: EXIT.usage });
    expect(reads).toEqual([]);
  });

  test('a signal once it is written does not say that it is not', async () => {
    await write(parked, later);
    const context = aContext({ clock });
    context.stderr.on('data', (text) => String(text).startsWith('written to') && context.ask());
    const flags = { html: path() };
    await printReport({ flags, topic: 'reports', tools: log, bounds: boundsIn(broker), context });
    expect([context.stop.aborted, context.err()]).toEqual([true, `written to ${path()}\n`]);
  });

  test('leaves no file where the reading is stopped before its end', async () => {
    await write(parked, later);
    const context = aContext({ clock });
    const tools = Object.assign(Object.create(log) as MemoryLog, {
      describeTopic: (topic: string) => log.describeTopic(topic),
      async *read(topic: string, options: ReadOptions) {
        for await (const record of log.read(topic, options)) {
          yield record;
          context.ask();
        }
      },
    });
    const reporting = printReport({
      flags: { html: path() },
      topic: 'reports',
      tools,
      bounds: boundsIn(broker),
      context,
    });
    await expect(reporting).rejects.toMatchObject({ code: EXIT.someFailed });
    await expect(stat(path())).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('--since leaves out what was held before, although it was reported again later', async () => {
  const held = (epoch: number, minute: number) =>
    aReport(1n, 'ada', {
      id: 's/0/1/ada#held',
      final: false,
      outcome: 'held',
      epoch,
      held_since: timeAt(0),
      reported_at: timeAt(minute),
    });
  const left = `left out: 1 removal, held since before ${timeAt(30)}; rollcall held list shows all that is held`;
  await write(held(1, 0), held(3, 60));
  expect(outcomesIn((await report({ since: at(30) })).out)).toEqual({});
  expect(outcomesIn((await report({ since: at(0) })).out)).toEqual({ held: 1 });
  expect(JSON.parse((await report({ by: 'outcome', format: 'json', since: at(30) })).out)).toMatchObject({ rows: [] });
  for (const flags of [{ by: 'hour' }, { format: 'json' }, { format: 'csv' }, { format: 'ndjson' }] as const) {
    expect((await report({ ...flags, since: at(30) })).err).toContain(`${left}\n`);
    for (const others of [{ since: at(0) }, { until: at(90) }, { since: at(30), outcome: ['applied'] }])
      expect((await report({ ...flags, ...others })).err).not.toContain('left out');
  }
  const { out, err } = await page({ since: at(30) });
  expect(out).toContain(`Warning: ${left}.`);
  expect(err).toContain(left);
  await write(aReport(1n, 'ada', { outcome: 'refused', epoch: 3, reported_at: timeAt(70) }));
  expect((await report({ since: at(30) })).err).not.toContain('left out');
});

test('--until takes what was held before, although it was reported later', async () => {
  const held = { id: 's/0/1/ada#held', final: false, outcome: 'held', held_since: timeAt(0) } as const;
  await write(aReport(1n, 'ada', { ...held, reported_at: timeAt(35) }));
  const hour = { hour: timeAt(0), held: 1 };
  for (const until of [at(30), at(61)])
    expect(JSON.parse((await report({ by: 'hour', format: 'json', until })).out)).toMatchObject({ rows: [hour] });
  expect(JSON.parse((await report({ by: 'hour', format: 'json', until: at(0) })).out)).toMatchObject({ rows: [] });
});

describe('reports that are gone', () => {
  const older = 'older reports of the time that is asked for may be gone: reports/0 begins at 2026-09-21T00:30:00.000Z';
  const gone = [{ topic: 'reports', partition: 0, offset: '1', time: timeAt(30) }];

  beforeEach(async () => {
    await write(parked, recovered, later);
    broker.deleteRecordsBefore('reports', 0, 1n);
  });

  test.each([{}, { since: at(0) }, { since: at(29), until: at(40) }])(
    'are said where the time needs them: %j',
    async (times) => {
      for (const flags of [{ by: 'group' }, { format: 'csv' }, { format: 'ndjson' }] as const) {
        const { err } = await report({ ...flags, ...times });
        expect(err).toContain(`warning: ${older}\n`);
      }
      expect(JSON.parse((await report({ by: 'group', format: 'json', ...times })).out)).toMatchObject({ gone });
      expect(JSON.parse((await report({ format: 'json', ...times })).out)).toMatchObject({ gone });
      const { out, err } = await page(times);
      expect(out).toContain(`Warning: ${older}.`);
      expect(err).toContain(older);
    },
  );

  test('are not said where what is left reaches back far enough', async () => {
    const { out, err } = await report({ by: 'group', format: 'json', since: at(30) });
    expect(JSON.parse(out)).toMatchObject({ gone: [] });
    expect(err).not.toContain('gone');
    expect(JSON.parse((await report({ format: 'json', since: at(30) })).out)).not.toHaveProperty('gone');
    expect((await page({ since: at(30) })).out).not.toContain('gone');
  });

  test('are named where nothing is found, and where a partition is empty', async () => {
    const { err } = await report({ format: 'csv', since: at(0), until: at(20) });
    expect(err).toMatch(/^nothing found: .*, in what was written within 10 min of that; older ones are gone$/m);
    broker.deleteRecordsBefore('reports', 0, 3n);
    const emptied = await report({ by: 'hour', since: at(50) });
    expect(emptied.err).toContain(
      'warning: older reports of the time that is asked for may be gone: reports/0 has none left whose time is known\n',
    );
  });

  test('are asked for once, by one reader for all partitions', async () => {
    broker.createTopic({ topic: 'many', partitionCount: 4, replicationFactor: 1, settings: {} });
    for (const partition of [0, 1, 2])
      for (const value of ['{', JSON.stringify(later)])
        await log.send([{ topic: 'many', partition, key: 'g', value, headers: [] }]);
    for (const [partition, offset] of [1n, 1n, 2n].entries()) broker.deleteRecordsBefore('many', partition, offset);
    for (const flags of [
      { by: 'group', format: 'json' },
      { format: 'json' },
      { html: join(folder, 'many') },
    ] as const) {
      const reads: ReadOptions[] = [];
      const context = aContext({ clock });
      await printReport({ flags, topic: 'many', tools: toolsNoting(reads), bounds: boundsIn(broker), context });
      expect(context.err()).toContain(
        `gone: many/0 begins at ${timeAt(60)}, many/1 begins at ${timeAt(60)}, many/2 has none left whose time is known\n`,
      );
      expect(reads.map(({ partitions }) => partitions)).toEqual([
        [0, 1, 2, 3],
        [0, 1],
      ]);
    }
  });

  test.each([0, -1, Date.UTC(1970, 0, 2), Date.UTC(9999, 0)])(
    'begin with the first time that can be true, not with %i',
    async (time) => {
      const tools = Object.assign(Object.create(log) as MemoryLog, {
        describeTopic: (topic: string) => log.describeTopic(topic),
        async *read(topic: string, options: ReadOptions) {
          for await (const record of log.read(topic, options))
            yield record.offset === 1n ? { ...record, timestamp: time } : record;
        },
      });
      const context = aContext({ clock });
      const flags = { by: 'group', format: 'json', since: at(40) } as const;
      const asked = { flags, topic: 'reports', bounds: boundsIn(broker), context };
      await printReport({ ...asked, tools });
      const left = [{ partition: 0, offset: '1', time: timeAt(60) }];
      expect(JSON.parse(context.out())).toMatchObject({ gone: left });
      const again = aContext({ clock });
      const topics = { source: 's', report: 'reports' };
      await withAnIndex(aFolder(), { broker, tools, topics, context: again }, (index) =>
        printReport({ ...asked, tools, index, context: again }),
      );
      expect(again.out()).toBe(context.out());
    },
  );

  test('an index has what it has read before they went, and says what went before', async () => {
    const context = aContext({ clock });
    const index = aFolder();
    const ask = () =>
      withAnIndex(index, { broker, tools: log, topics: { source: 's', report: 'reports' }, context }, (read) =>
        printReport({
          flags: { by: 'group', since: at(0) },
          topic: 'reports',
          tools: log,
          bounds: boundsIn(broker),
          index: read,
          context,
        }),
      );
    await ask();
    broker.deleteRecordsBefore('reports', 0, 3n);
    await ask();
    expect(context.err().split(`warning: ${older}\n`)).toHaveLength(3);
  });
});

async function page(flags: ReportFlags) {
  const html = join(folder, `${Math.random()}.html`);
  const { err } = await report({ ...flags, html });
  return { out: await readFile(html, 'utf8'), err };
}

test('where the temporary file of the count cannot be used the error names its directories, and not the index', async () => {
  const folder = aFolder();
  const topics = { source: 's', report: 'reports' };
  const counted = withAnIndex(folder, { broker, tools: log, topics, context: aContext({ clock }) }, async (index) => {
    // A connection has one: the second is refused by SQLite.
    for (let times = 0; times < 2; times += 1) index.counting();
  });
  await expect(counted).rejects.toMatchObject({
    code: EXIT.unavailable,
    message: expect.stringMatching(/^the temporary file of the count, in SQLITE_TMPDIR, else TMPDIR, .*: .*changes/),
  });
  await expect(counted).rejects.not.toThrow(folder);
});
