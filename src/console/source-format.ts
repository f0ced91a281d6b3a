/**
 * The source format that the configuration names, with the keys that it verifies signatures with; and the first records
 * of the source topic, so that what is wrong with them is reported before anything is applied.
 */
import { Option } from 'commander';
import { systemClock } from '../adapters/system.ts';
import type { KeySetDependencies, KeySetFile } from '../adapters/tokens.ts';
import type { Config, Parts } from '../config/config.ts';
import type { SourceFormat } from '../core/change/change.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { afterCommit, firstRecordFindings, isOfThePast } from '../formats/first-records/first-records.ts';
import type { RecordFinding } from '../formats/first-records/record-finding.ts';
import {
  autoFormat,
  formatNames,
  sourceFormat,
  sourceTopicFormat,
  type FormatName,
  type FormatOptions,
} from '../formats/registry.ts';
import { type TokenVerifier, withoutKeys } from '../formats/scim/token-verifier.ts';
import type { LogTools, TopicDescription, TopicRecord } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import { errorText } from '../core/text/visible.ts';

export interface FormatFlags {
  readonly format?: FormatName;
  readonly mapping?: string;
}

export const formatOption = (): Option =>
  new Option('--format <name>', 'instead of SOURCE_FORMAT').choices(formatNames);

/** What the command line says stands before the environment. */
export const withFormat = (
  environment: CommandContext['environment'],
  { format, mapping }: FormatFlags,
): CommandContext['environment'] => ({
  ...environment,
  ...(format !== undefined && { SOURCE_FORMAT: format }),
  ...(mapping !== undefined && { MAPPING_FILE: mapping }),
});

/** A command that ends soon says nothing of keys that are left out. */
const QUIET: KeySetDependencies = {
  clock: systemClock,
  logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
};

/** @param name another format than SOURCE_FORMAT. @throws ExitError (78) where the key set cannot be used. */
export async function openFormat(
  config: Parts['format'],
  dependencies: KeySetDependencies = QUIET,
  name: FormatName = config.name,
): Promise<SourceFormat> {
  return sourceFormat(name, await formatOptions(config, dependencies));
}

/** Of the source topic. @throws as `openFormat`. */
export async function openSourceTopicFormat(
  config: Parts['format'],
  dependencies: KeySetDependencies = QUIET,
): Promise<SourceFormat> {
  return sourceTopicFormat(config.name, await formatOptions(config, dependencies));
}

export async function formatOptions(
  config: Parts['format'],
  dependencies: KeySetDependencies = QUIET,
): Promise<FormatOptions> {
  const { debezium, mapping, scimKeys } = config;
  return { debezium, mapping, verifier: await openVerifier('SCIM_EVENTS_JWKS_FILE', scimKeys, dependencies) };
}

/** @param keys null: signatures are not verified. @throws ExitError (78) that names the variable */
export async function openVerifier(
  variable: string,
  keys: (Parameters<typeof KeySetFile.open>[1] & { readonly file: string }) | null,
  dependencies: KeySetDependencies,
): Promise<TokenVerifier> {
  if (keys === null) return withoutKeys;
  const tokens = await import('../adapters/tokens.ts');
  try {
    return await tokens.KeySetFile.open(keys.file, keys, dependencies);
  } catch (cause) {
    const why = errorText(cause);
    throw new ExitError(EXIT.configuration, `${variable}: ${why}`, { cause });
  }
}

const RECORDS_MAX = 200;
/** So that each partition has its say, though the log hands out one after the other. */
const READ_MAX = 5_000;
const BYTES_MAX = 16 * 1024 * 1024;

export interface Inspected {
  readonly tools: Pick<LogTools, 'read'>;
  readonly signal: AbortSignal;
  /** Of the topic: by partition, the offset that is committed. */
  readonly committed: (topic: string) => Promise<ReadonlyMap<number, bigint>>;
}

/** Of the source topic, as it was described. Empty: nothing to say, or nothing there yet. @throws what the log throws where it cannot be read. */
export async function inspectFirstRecords(
  { topics, format }: Pick<Config<'topics' | 'format'>, 'topics' | 'format'>,
  { partitionCount, settings }: TopicDescription,
  { tools, signal, committed }: Inspected,
): Promise<readonly RecordFinding[]> {
  const topic = topics.source;
  const records = await firstRecords({ topic, partitionCount }, tools, signal);
  const options = await formatOptions(format);
  const auto = autoFormat(options);
  const source = sourceTopicFormat(format.name, options);
  await source.prepare?.(records);
  const { name, debezium } = format;
  const first = { topic, records, partitionCount, settings, name, format: source, auto, debezium };
  const findings = firstRecordFindings(first);
  if (!findings.some(isOfThePast)) return findings;
  const read = await committed(topic);
  const areCommitted = records.every(({ partition, offset }) => offset < (read.get(partition) ?? 0n));
  return areCommitted ? findings.map(afterCommit) : findings;
}

async function firstRecords(
  { topic, partitionCount }: { readonly topic: string; readonly partitionCount: number },
  tools: Pick<LogTools, 'read'>,
  signal: AbortSignal,
): Promise<readonly TopicRecord[]> {
  const ofEach = Math.ceil(RECORDS_MAX / partitionCount);
  const counts = new Map<number, number>();
  const records: TopicRecord[] = [];
  let read = 0;
  let bytes = 0;
  const options = { from: 'beginning', follow: false, signal, unreadable: 'tell', leaderless: 'leave_out' } as const;
  for await (const record of tools.read(topic, options)) {
    // It becomes a dead letter, and says nothing of the format.
    if (record.unreadable !== undefined) continue;
    const count = counts.get(record.partition) ?? 0;
    counts.set(record.partition, count + 1);
    if (count < ofEach) {
      records.push(record);
      bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0);
    }
    read += 1;
    if (records.length >= RECORDS_MAX || read >= READ_MAX || bytes >= BYTES_MAX) break;
  }
  return records;
}
