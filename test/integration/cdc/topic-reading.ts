/** What the records of a topic mean, read as `rollcall run` reads them, and what they come to. */
import type { SourceEvent } from '../../../src/core/change/change.ts';
import { readConfig } from '../../../src/config/config.ts';
import { formatOptions } from '../../../src/console/source-format.ts';
import { firstRecordFindings } from '../../../src/formats/first-records/first-records.ts';
import type { RecordFinding } from '../../../src/formats/first-records/record-finding.ts';
import { autoFormat, type FormatOptions, sourceTopicFormat } from '../../../src/formats/registry.ts';
import type { LogTools, TopicRecord } from '../../../src/ports.ts';
import type { Environment } from '../../support/service.ts';
import type { Memberships } from './pipeline.ts';

/** All records, once one is there that holds this text: it is written last, but partitions are read one after the other. */
export async function readUntil(tools: LogTools, topic: string, text: string): Promise<readonly TopicRecord[]> {
  const reading = new AbortController();
  for await (const record of tools.read(topic, { from: 'beginning', follow: true, signal: reading.signal }))
    if (textOf(record).includes(text)) reading.abort();
  return readAll(tools, topic);
}

export async function readAll(tools: LogTools, topic: string): Promise<readonly TopicRecord[]> {
  const { signal } = new AbortController();
  const records: TopicRecord[] = [];
  for await (const record of tools.read(topic, { from: 'beginning', follow: false, signal })) records.push(record);
  return records;
}

export const textOf = ({ value }: TopicRecord): string => Buffer.from(value ?? []).toString();

export async function optionsOf(environment: Environment): Promise<FormatOptions> {
  return formatOptions(readConfig({ SOURCE_FORMAT: 'debezium', ...environment }, ['format'], () => '').format);
}

const FORMAT = 'debezium';

export function eventsOf(records: readonly TopicRecord[], options: FormatOptions): readonly SourceEvent[] {
  const format = sourceTopicFormat(FORMAT, options);
  return records.flatMap((record) => format.decode(record, { partitionCount: PARTITION_COUNT }));
}

/** Of topics with several partitions; nothing depends on how many. */
const PARTITION_COUNT = 4;

/** The last event of each membership counts: its records are in one partition, in their order. */
export function fold(events: readonly SourceEvent[]): Memberships {
  const members = new Map<string, Set<string>>();
  for (const event of events) {
    if (event.kind !== 'delta') continue;
    const group = members.get(event.group) ?? new Set<string>();
    members.set(event.group, group);
    for (const member of event.add) group.add(member);
    for (const member of event.remove) group.delete(member);
  }
  return new Map([...members].map(([group, of]) => [group, [...of].toSorted()]));
}

export const codesOf = (events: readonly SourceEvent[]): readonly string[] =>
  events.flatMap((event) => (event.kind === 'invalid' || event.kind === 'hint' ? [event.code] : []));

/** What `doctor` says of the topic. */
export function findings(
  topic: string,
  records: readonly TopicRecord[],
  options: FormatOptions,
): readonly RecordFinding[] {
  const format = sourceTopicFormat(FORMAT, options);
  const settings = new Map([['cleanup.policy', 'delete']]);
  const { debezium } = options;
  const auto = autoFormat(options);
  return firstRecordFindings({
    topic,
    records,
    partitionCount: PARTITION_COUNT,
    settings,
    name: FORMAT,
    format,
    auto,
    debezium,
  });
}
