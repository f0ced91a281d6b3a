/**
 * How many records a second each format reads on one core, beside JSON.parse alone on the same records. The bound is on the
 * ratio, since that does not depend on the machine: a format may cost as much as the parsing, no more.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { SourceRecord } from '../src/core/change.ts';
import { readMapping } from '../src/formats/mapping-file.ts';
import { formatNames, type FormatName } from '../src/formats/names.ts';
import { sourceFormat } from '../src/formats/registry.ts';
import { aRecord, defaultOptions } from '../test/support/source-records.ts';
import type { Figure } from './figure.ts';

const ROUND_MS = 250;
/** The best of so many counts: others beside us only make it slower. */
const ROUNDS = 5;
/** JSON.parse alone may be at most so many times as fast: 200,000 records a second beside 100,000. */
const RATIO_MAX = 2;

const folder = new URL('../test/support/samples/', import.meta.url);

export async function measureFormats(): Promise<readonly Figure[]> {
  return formatNames.flatMap((name) => figuresOf(name, recordsOf(name)));
}

function figuresOf(name: FormatName, records: readonly SourceRecord[]): readonly Figure[] {
  const format = sourceFormat(name, { ...defaultOptions, mapping: mapping.ok ? mapping.mapping : null });
  const topic = { partitionCount: 1 };
  const measured = best(records, [
    (record) => JSON.parse(Buffer.from(record.value ?? '').toString()),
    (record) => format.decode(record, topic),
  ]);
  const [parsing = 0, reading = 0] = measured;
  return [
    { name: `${name}: records a second on one core`, value: reading, unit: '', digits: 0, bound: null },
    {
      name: `${name}: JSON.parse alone, times as fast`,
      value: parsing / reading,
      unit: '',
      digits: 2,
      bound: RATIO_MAX,
    },
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

function rateOf(records: readonly SourceRecord[], task: (record: SourceRecord) => unknown): number {
  const from = performance.now();
  let count = 0;
  let kept: unknown = null;
  while (performance.now() - from < ROUND_MS) {
    for (const record of records) kept = task(record);
    count += records.length;
  }
  if (kept === undefined) throw new Error('a task that says nothing may have been left out by the compiler');
  return (1_000 * count) / (performance.now() - from);
}

const mapping = readMapping({
  version: 1,
  group: '$.team.id',
  members: '$.people[*].id',
  operation: { path: '$.what', values: { ADDED: 'add', GONE: 'remove' } },
  event_id: '$.id',
  occurred_at: '$.at',
});

const own: Partial<Record<FormatName, readonly SourceRecord[]>> = {
  native: [
    aRecord(
      {
        group_id: '71c03dec-6d6a-4adb-a205-6b53021a445f',
        add_members: ['58bccc5e-abff-4a01-a7be-fb8d3895ce52'],
        event_id: '4d47e190-0402-4048-bc2c-89dd54343cdc',
        occurred_at: '2026-01-31T12:00:00Z',
      },
      { key: '71c03dec-6d6a-4adb-a205-6b53021a445f' },
    ),
  ],
  mapping: [
    aRecord({
      id: '4d47e190-0402-4048-bc2c-89dd54343cdc',
      at: '2026-01-31T12:00:00Z',
      what: 'ADDED',
      team: { id: '71c03dec-6d6a-4adb-a205-6b53021a445f', name: 'Sales' },
      people: [{ id: '58bccc5e-abff-4a01-a7be-fb8d3895ce52', name: 'Luca' }],
    }),
  ],
};

/** The samples that tell a change; `auto` gets those of all formats. */
function recordsOf(name: FormatName): readonly SourceRecord[] {
  const files = readdirSync(folder).filter(
    (file) => name === 'auto' || file.startsWith(name === 'scim-events' ? 'scim' : name),
  );
  const samples = files.map((file) => {
    const { record } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
      record: { key: unknown; value: unknown; headers: Record<string, string> };
    };
    return aRecord(record.value, record);
  });
  return own[name] ?? samples.filter(({ value }) => value !== null);
}
