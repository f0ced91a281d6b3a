/**
 * How many records a second each format reads on one core, beside JSON.parse alone on the same records: 100,000 a second where
 * JSON.parse alone does 200,000, half of it on slower machines or larger records. Counted in processor time, since others
 * may use the machine, and on the program as it is installed: a loader makes closures slow.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { SourceRecord } from '../../src/core/change/change.ts';
import { readMapping } from '../../src/formats/mapping/file.ts';
import { formatNames, type FormatName } from '../../src/formats/registry.ts';
import type { sourceFormat } from '../../src/formats/registry.ts';
import { formatOfSample } from '../../test/support/formats.ts';
import { aRecord, defaultOptions } from '../../test/support/source-records.ts';
import { single, type Figure } from '../figure.ts';
import type { Part } from '../part.ts';
import { buildProgram } from '../world/program.ts';

const ROUND_MS = 200;
/** The best of so many counts. */
const ROUNDS = 5;
const TARGET_PER_SECOND = 100_000;

interface Registry {
  readonly sourceFormat: typeof sourceFormat;
}

export const formats: Part = { name: 'formats', isQuick: false, measure: measureFormats };

async function measureFormats(): Promise<readonly Figure[]> {
  const program = pathToFileURL(await buildProgram());
  const registry = (await import(new URL('formats/registry.js', program).href)) as Registry;
  return formatNames.flatMap((name) => figuresOf(name, recordsOf(name), registry));
}

function figuresOf(name: FormatName, records: readonly SourceRecord[], registry: Registry): readonly Figure[] {
  const format = registry.sourceFormat(name, { ...defaultOptions, mapping: mapping.ok ? mapping.mapping : null });
  const topic = { partitionCount: 1 };
  const [parsing = 0, reading = 0] = best(records, [
    (record) => JSON.parse(Buffer.from(record.value ?? '').toString()),
    (record) => format.decode(record, topic),
  ]);
  const target = Math.min(TARGET_PER_SECOND, parsing / 2);
  const perSecond = (what: string, value: number) => single(`${name}: ${what}`, value, {});
  return [
    perSecond('JSON.parse alone, records a second', parsing),
    perSecond('records a second on one core', reading),
    single(`${name}: time per record, as a share of what it may take`, target / reading, { digits: 2, atMost: 1 }),
  ];
}

/** Records a second of each task; they take turns, so that a slow moment of the machine hits all of them. */
function best(
  records: readonly SourceRecord[],
  tasks: readonly ((record: SourceRecord) => unknown)[],
): readonly number[] {
  const rates = tasks.map(() => 0);
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [index, task] of tasks.entries()) {
      const rate = rateOf(records, task);
      // The first round warms up.
      if (round > 0) rates[index] = Math.max(rates[index] ?? 0, rate);
    }
  }
  return rates;
}

const REPEAT = 50;

function rateOf(records: readonly SourceRecord[], task: (record: SourceRecord) => unknown): number {
  const from = processorMs();
  let spent = 0;
  let count = 0;
  while (spent < ROUND_MS) {
    for (let turn = 0; turn < REPEAT; turn += 1) for (const record of records) task(record);
    count += REPEAT * records.length;
    spent = processorMs() - from;
  }
  return (1_000 * count) / spent;
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

const mapping = readMapping({
  version: 1,
  group: '$.team.id',
  members: '$.people[*].id',
  operation: { path: '$.what', values: { ADDED: 'add', GONE: 'remove' } },
  event_id: '$.id',
  occurred_at: '$.at',
});

const GROUP = '71c03dec-6d6a-4adb-a205-6b53021a445f';
const USER = '58bccc5e-abff-4a01-a7be-fb8d3895ce52';
const EVENT = { id: '4d47e190-0402-4048-bc2c-89dd54343cdc', at: '2026-01-31T12:00:00Z' };

const own: Partial<Record<FormatName, readonly SourceRecord[]>> = {
  native: [
    aRecord({ group_id: GROUP, add_members: [USER], event_id: EVENT.id, occurred_at: EVENT.at }, { key: GROUP }),
  ],
  mapping: [
    aRecord({ ...EVENT, what: 'ADDED', team: { id: GROUP, name: 'Sales' }, people: [{ id: USER, name: 'Luca' }] }),
  ],
};

const folder = new URL('../../test/support/samples/', import.meta.url);

/** Its samples; `auto` gets those of all formats. */
function recordsOf(name: FormatName): readonly SourceRecord[] {
  const samples = readdirSync(folder)
    .filter((file) => name === 'auto' || formatOfSample(file) === name)
    .map((file) => {
      const { record } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
        record: { key: unknown; value: unknown; headers: Record<string, string> };
      };
      return aRecord(record.value, record);
    });
  return own[name] ?? samples.filter(({ value }) => value !== null);
}
