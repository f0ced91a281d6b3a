/**
 * Keeps the index of `--index DIR` up to date: what has come to the report topic and to the source topic since is read, each record once,
 * with the groups and members that it is about.
 */
import { Option } from 'commander';
import { CountingError } from '../adapters/record-index/counting.ts';
import type { About, IndexedTopic, IndexEntry, IndexPlace } from '../adapters/record-index/entries.ts';
import { RecordIndex } from '../adapters/record-index/record-index.ts';
import { IndexError } from '../adapters/record-index/schema.ts';
import { SqliteMissingError } from '../adapters/record-index/sqlite.ts';
import { sha256 } from '../adapters/system.ts';
import { idKey, isChange, isUnread, readIntentId, type SourceFormat } from '../core/change/change.ts';
import type { Parts } from '../config/config.ts';
import type { Unreadable } from '../core/drift/differences.ts';
import { UNCHANGING } from '../core/explain/evidence.ts';
import { versionSaid } from '../core/explain/versions.ts';
import type { TopicNames } from '../core/log/topics.ts';
import { operationId } from '../core/report/summary.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { Bounds, TopicRecord } from '../ports.ts';
import { packageVersion } from '../version.ts';
import { unlessStopped } from './command-context.ts';
import { eventsIn } from './source-events.ts';
import { readText } from './kafka-tools.ts';
import { groupIds, groupInKey, readReport } from './report-search.ts';
import { TopicReading, type ReadingSources } from './topic-reading.ts';

export interface IndexSources extends ReadingSources {
  readonly topics: Pick<TopicNames, 'source' | 'report'>;
  readonly format: SourceFormat;
  /** What decides how the source is read. */
  readonly reading: IndexReading;
  /** null: the brokers do not say. */
  readonly topicId: (topic: string) => Promise<string | null>;
}

export interface IndexReading {
  /** Another one reads other changes out of the same records. */
  readonly format: string;
  /** Another one may read more records. */
  readonly reader: string;
}

/** Of the configuration: the version of Rollcall, and the keys that it verifies signatures with. */
export function indexReading(config: Parts['format']): IndexReading {
  const { scimKeys } = config;
  const plain = (_: string, value: unknown): unknown => (value instanceof RegExp ? String(value) : value);
  const keys = scimKeys === null ? '' : sha256(readText(scimKeys.file));
  return { format: JSON.stringify(config, plain), reader: `${packageVersion()} ${keys}` };
}

export const indexOption = (): Option =>
  new Option(
    '--index <dir>',
    'keep the report topic and the source topic in an index there, brought up to date first, and answer from it',
  );

/**
 * With everything that the topics have now, and closed after the work.
 * @throws ExitError where the index or a topic cannot be used, or it was asked to stop; what the work throws
 */
export async function withRecordIndex<T>(
  directory: string,
  sources: IndexSources,
  work: (index: RecordIndex) => Promise<T>,
): Promise<T> {
  const { topics, reading } = sources;
  const origin = sha256(JSON.stringify([topics.report, topics.source, reading.format]));
  const index = await RecordIndex.open(directory, origin).catch((error: unknown) => {
    throw isOfFiles(error) ? unusable(error, directory) : exitOf(error, directory);
  });
  try {
    for (const topic of ['report', 'source'] as const) await new Indexing(index, topic, sources).readOn();
    return await work(index);
  } catch (error) {
    throw exitOf(error, directory);
  } finally {
    index.close();
  }
}

/** What has nothing to do with an index stays as it is. */
function exitOf(error: unknown, directory: string): unknown {
  if (error instanceof IndexError) {
    const remedy = 'give another directory to --index; the old one still has what retention has deleted since';
    return new ExitError(EXIT.usage, `the index ${directory}: ${error.message}; ${remedy}`, { cause: error });
  }
  if (error instanceof SqliteMissingError) return new ExitError(EXIT.unavailable, error.message, { cause: error });
  if (error instanceof CountingError) return notCounted(error);
  return isOfSqlite(error) ? unusable(error, directory) : error;
}

function unusable(error: Error, directory: string): ExitError {
  const remedy =
    'see that it can be written and its disk has room; where the file is damaged, give another directory to --index';
  return new ExitError(EXIT.unavailable, `the index ${directory}: ${error.message}; ${remedy}`, { cause: error });
}

/** SQLite takes the first of these directories that can be written (sqlite.org/tempfiles.html, section 5). */
function notCounted(error: CountingError): ExitError {
  const what = 'the temporary file of the count, in SQLITE_TMPDIR, else TMPDIR, /var/tmp or /tmp';
  const remedy = 'see that the directory can be written and its disk has room, or name another one in SQLITE_TMPDIR';
  return new ExitError(EXIT.unavailable, `${what}: ${error.message}; ${remedy}`, { cause: error });
}

const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

/** Of better-sqlite3, or of Node. */
const isOfSqlite = (error: unknown): error is Error => /^(SQLITE_|ERR_SQLITE)/.test(codeOf(error) ?? '');

const isOfFiles = (error: unknown): error is Error => error instanceof Error && 'syscall' in error;

/** Written in one transaction. */
const ENTRIES_A_TURN = 5_000;
const BYTES_A_TURN = 16 * 1024 * 1024;

class Indexing {
  readonly #index: RecordIndex;
  readonly #kind: IndexedTopic;
  readonly #sources: IndexSources;
  readonly #reading: TopicReading;
  readonly #places: Map<number, IndexPlace>;
  #entries: IndexEntry[] = [];
  #bytes = 0;

  constructor(index: RecordIndex, kind: IndexedTopic, sources: IndexSources) {
    this.#index = index;
    this.#kind = kind;
    this.#sources = sources;
    this.#places = new Map(index.places(kind));
    const noteBatch = (batch: Pick<Unreadable, 'partition' | 'offset' | 'message'>): void => this.#noteBatch(batch);
    this.#reading = new TopicReading(kind, sources.topics[kind], sources, { noteBatch });
  }

  /** Ends early only by an error; what was read by then is kept. */
  async readOn(): Promise<void> {
    const { context, bounds, topicId } = this.#sources;
    const reading = this.#reading;
    await reading.open();
    this.#index.checkTopic(this.#kind, await unlessStopped(context, topicId(reading.topic)));
    await this.#readAgain();
    const found = await unlessStopped(context, bounds(reading.topic, reading.all));
    reading.select(reading.all.filter((partition) => this.#begin(partition, found.get(partition))));
    try {
      if (reading.partitions.length > 0) await this.#readAll();
      // Behind the last record may stand marks of transactions.
      for (const partition of reading.partitions) this.#passTo(partition, found.get(partition)?.end ?? 0n);
    } finally {
      this.#write();
    }
  }

  async #readAll(): Promise<void> {
    for await (const record of this.#reading.read()) {
      const { partition, offset } = record;
      if (offset < (this.#places.get(partition)?.next ?? 0n)) continue;
      this.#entries.push(await this.#entryOf(record));
      this.#bytes += (record.value?.length ?? 0) + 100;
      this.#passTo(partition, offset + 1n);
      if (this.#entries.length >= ENTRIES_A_TURN || this.#bytes >= BYTES_A_TURN) this.#write();
    }
  }

  /** By this version, with these keys. */
  async #readAgain(): Promise<void> {
    const { reader } = this.#sources.reading;
    const entries: [number, IndexEntry][] = [];
    for (const { id, record } of this.#index.unread(this.#kind, reader))
      entries.push([id, await this.#entryOf(record)]);
    this.#index.writer.readAgain(this.#kind, reader, entries);
  }

  /** @returns whether it has something new */
  #begin(partition: number, { start, end }: Bounds = { start: 0n, end: 0n }): boolean {
    const { first, next } = this.#places.get(partition) ?? { first: start, next: start };
    if (next > end) {
      const place = `${this.#reading.topic}/${partition}`;
      throw new IndexError(`${place} ends at offset ${end}, and was read up to ${next}: it was cut, or made again`);
    }
    this.#places.set(partition, next < start ? { first: start, next: start } : { first, next });
    this.#reading.startAt(partition, next < start ? start : next);
    return end > next && end > start;
  }

  async #entryOf(record: TopicRecord): Promise<IndexEntry> {
    if (this.#kind === 'report') return reportEntry(record, this.#sources.topics.source);
    const { format, topics } = this.#sources;
    await format.prepare?.([record]);
    return eventEntry({ record, topic: topics.source, partitionCount: this.#reading.partitionCount, format });
  }

  #noteBatch({ partition, offset, message }: Pick<Unreadable, 'partition' | 'offset' | 'message'>): void {
    const record = { partition, offset, timestamp: 0, key: null, value: null, headers: [] };
    this.#entries.push({ record, time: 0, about: [], outcome: null, problem: { kind: 'batch', message } });
    this.#passTo(partition, offset + 1n);
  }

  #passTo(partition: number, next: bigint): void {
    const place = this.#places.get(partition);
    if (place !== undefined && place.next < next) this.#places.set(partition, { ...place, next });
  }

  #write(): void {
    this.#index.writer.add(this.#kind, this.#entries, this.#places);
    this.#entries = [];
    this.#bytes = 0;
  }
}

function eventEntry(read: Parameters<typeof eventsIn>[0]): IndexEntry {
  const { record } = read;
  const events = eventsIn(read);
  const about = events.flatMap(({ event, source }) => {
    if (!isChange(event)) return [];
    const members = event.kind === 'state' ? [null] : [...event.add, ...event.remove].map(idKey);
    const of = { group: idKey(event.group), position: source };
    return members.map((member) => ({ ...OF_SOURCE, ...of, member }));
  });
  const problem = events.some(({ event }) => isUnread(event)) ? ({ kind: 'record' } as const) : null;
  return { record, time: record.timestamp, about, outcome: null, problem };
}

const OF_SOURCE = {
  names: [],
  otherMember: null,
  partition: null,
  target: null,
  memberTarget: null,
  version: null,
} as const;

const changesMembers = (outcome: string): boolean => !UNCHANGING.has(outcome) && outcome !== 'invalid';

function reportEntry(record: TopicRecord, sourceTopic: string): IndexEntry {
  const read = readReport(record.value);
  if (read === null) return { record, time: record.timestamp, about: [], outcome: null, problem: { kind: 'record' } };
  const report = read.record;
  const key = groupInKey(record.key);
  const id = readIntentId(operationId(report));
  const members = [report.source_member, id?.member, report.member].filter((name) => typeof name === 'string');
  const about: About = {
    group: idKey(report.source_group ?? key ?? report.group ?? ''),
    names: groupIds({ record: report, key })
      .filter((name) => typeof name === 'string')
      .map(idKey),
    member: members[0] === undefined ? null : idKey(members[0]),
    otherMember: members.length === 0 ? null : idKey(members.at(-1) ?? ''),
    position: changesMembers(report.outcome) ? (id?.position ?? null) : null,
    partition: report.source.topic === sourceTopic ? report.source.partition : null,
    target: report.outcome === 'drift' ? null : report.group,
    memberTarget: report.outcome === 'drift' || typeof report.source_member !== 'string' ? null : report.member,
    version: changesMembers(report.outcome) ? (versionSaid(report)?.kind ?? null) : null,
  };
  return { record, time: Date.parse(report.reported_at), about: [about], outcome: report.outcome, problem: null };
}
