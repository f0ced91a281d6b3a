/** Reads the first records of the source topic, so that what is wrong with them is told before anything is applied. */
import type { Config } from '../config.ts';
import { type FirstRecord, firstRecordFindings, type RecordFinding } from '../formats/first-records.ts';
import { autoFormat, sourceFormat } from '../formats/registry.ts';
import type { LogTools } from '../ports.ts';
import { formatOptions } from './format.ts';

const RECORDS_MAX = 200;
/** So that each partition has its say, though the log hands out one after the other. */
const READ_MAX = 5_000;

/** Empty: nothing to say, or nothing there yet. @throws what the log throws where it cannot be read. */
export async function inspectFirstRecords(
  { topics, format }: Pick<Config<'topics' | 'format'>, 'topics' | 'format'>,
  tools: Pick<LogTools, 'describeTopic' | 'read'>,
  signal: AbortSignal,
): Promise<readonly RecordFinding[]> {
  const topic = topics.source;
  const description = await tools.describeTopic(topic);
  if (description === null) return [];
  const { partitionCount, settings } = description;
  const records = await firstRecords({ topic, partitionCount }, tools, signal);
  const options = await formatOptions(format);
  const auto = autoFormat(options);
  const source = format.name === 'auto' ? auto : sourceFormat(format.name, options);
  await source.prepare?.(records);
  const { name, debezium } = format;
  return firstRecordFindings({ topic, records, partitionCount, settings, name, format: source, auto, debezium });
}

async function firstRecords(
  { topic, partitionCount }: { readonly topic: string; readonly partitionCount: number },
  tools: Pick<LogTools, 'read'>,
  signal: AbortSignal,
): Promise<readonly FirstRecord[]> {
  const ofEach = Math.ceil(RECORDS_MAX / partitionCount);
  const counts = new Map<number, number>();
  const records: FirstRecord[] = [];
  let read = 0;
  for await (const record of tools.read(topic, { from: 'beginning', follow: false, signal })) {
    const count = counts.get(record.partition) ?? 0;
    counts.set(record.partition, count + 1);
    if (count < ofEach) records.push(record);
    read += 1;
    if (records.length >= RECORDS_MAX || read >= READ_MAX) break;
  }
  return records;
}
