/**
 * Keeps the index of `--index DIR` up to date: what has come to the report topic and to the source topic since is read, each record once,
 * with the groups and members that it is about.
 */
import { Option } from 'commander';
import type { About, IndexedTopic, IndexEntry, IndexPlace, RecordMark } from '../adapters/record-index/entries.ts';
import { RecordIndex } from '../adapters/record-index/record-index.ts';
import { IndexError } from '../adapters/record-index/schema.ts';
import { SqliteMissingError } from '../adapters/record-index/sqlite.ts';
import { sha256 } from '../adapters/system.ts';
import { idKey, positionText, readIntentId, type SourceFormat } from '../core/change/change.ts';
import type { TopicNames } from '../core/log/topics.ts';
import { operationId } from '../core/report/summary.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { Bounds, TopicRecord } from '../ports.ts';
import { unlessStopped } from './command-context.ts';
import { changesIn } from './group-topics.ts';
import { groupIds, readReport } from './report-search.ts';
import { TopicReading, type ReadingSources } from './topic-reading.ts';

export interface IndexSources extends ReadingSources {
  readonly topics: Pick<TopicNames, 'source' | 'report'>;
  readonly format: SourceFormat;
  /** Of the configuration that says how the source is read. */
  readonly formatConfig: unknown;
}

export const indexOption = (): Option =>
  new Option('--index <dir>', 'keep the reports and the source records in an index there, and answer from it');

/** With everything that the topics have now. @throws ExitError where the index or a topic cannot be used, or it was asked to stop */
export async function openRecordIndex(directory: string, sources: IndexSources): Promise<RecordIndex> {
  const index = await RecordIndex.open(directory, originOf(sources)).catch(asExit);
  try {
    for (const topic of ['report', 'source'] as const) await new Indexing(index, topic, sources).readOn();
    return index;
  } catch (error) {
    index.close();
    return asExit(error);
  }
}

const originOf = ({ topics, formatConfig }: IndexSources): string =>
  sha256(
    JSON.stringify([topics.report, topics.source, formatConfig], (_, value: unknown) =>
      value instanceof RegExp ? String(value) : value,
    ),
  );

function asExit(error: unknown): never {
  if (error instanceof IndexError) throw new ExitError(EXIT.usage, error.message, { cause: error });
  if (error instanceof SqliteMissingError) throw new ExitError(EXIT.unavailable, error.message, { cause: error });
  throw error;
}

/** Written in one transaction. */
const ENTRIES_A_TURN = 5_000;
const BYTES_A_TURN = 16 * 1024 * 1024;

class Indexing {
  readonly #index: RecordIndex;
  readonly #kind: IndexedTopic;
  readonly #sources: IndexSources;
  readonly #reading: TopicReading;
  readonly #places: Map<number, IndexPlace>;
  /** By partition, the newest that was read now. */
  readonly #newest = new Map<number, TopicRecord>();
  #entries: IndexEntry[] = [];
  #bytes = 0;

  constructor(index: RecordIndex, kind: IndexedTopic, sources: IndexSources) {
    this.#index = index;
    this.#kind = kind;
    this.#sources = sources;
    this.#places = new Map(index.places(kind));
    const noteBatch = ({ partition, offset, message }: { partition: number; offset: bigint; message: string }): void =>
      this.#noteProblem({ partition, offset }, message);
    this.#reading = new TopicReading(kind, sources.topics[kind], sources, { noteBatch });
  }

  /** Ends early only by an error; what was read by then is kept. */
  async readOn(): Promise<void> {
    const { context, bounds } = this.#sources;
    const reading = this.#reading;
    await reading.open();
    const found = await unlessStopped(context, bounds(reading.topic, reading.all));
    reading.select(reading.all.filter((partition) => this.#begin(partition, found.get(partition))));
    if (reading.partitions.length === 0) return;
    try {
      for await (const record of reading.read()) {
        await this.#take(record);
        if (this.#entries.length >= ENTRIES_A_TURN || this.#bytes >= BYTES_A_TURN) this.#write();
      }
      // Behind the last record may stand marks of transactions.
      for (const partition of reading.partitions) this.#passTo(partition, found.get(partition)?.end ?? 0n);
    } finally {
      this.#write();
    }
  }

  /** @returns whether it has something new */
  #begin(partition: number, { start, end }: Bounds = { start: 0n, end: 0n }): boolean {
    const place = this.#places.get(partition) ?? { first: start, next: start, last: null };
    if (place.next > end) throw this.#otherTopic(partition, `has ended at ${end}, and ${place.next} records were read`);
    const isGap = place.next < start;
    this.#places.set(partition, isGap ? { ...place, first: start, next: start } : place);
    // So that it is seen whether that is the topic still.
    const from = place.last !== null && place.last.offset >= start ? place.last.offset : isGap ? start : place.next;
    this.#reading.startAt(partition, from);
    return end > place.next;
  }

  async #take(record: TopicRecord): Promise<void> {
    const { partition, offset } = record;
    const place = this.#places.get(partition);
    if (place?.last?.offset === offset && markOf(record).digest !== place.last.digest)
      throw this.#otherTopic(partition, `has another record at ${offset} than was read`);
    if (place !== undefined && offset < place.next) return;
    this.#entries.push(await this.#entryOf(record));
    this.#bytes += (record.value?.length ?? 0) + 100;
    this.#newest.set(partition, record);
    this.#passTo(partition, offset + 1n);
  }

  async #entryOf(record: TopicRecord): Promise<IndexEntry> {
    if (this.#kind === 'report') return reportEntry(record);
    const { format, topics } = this.#sources;
    await format.prepare?.([record]);
    const changes = changesIn({ record, topic: topics.source, partitionCount: this.#reading.partitionCount, format });
    const about = changes.flatMap(({ event, source }) => {
      const group = idKey(event.group);
      const members = event.kind === 'state' ? [null] : [...event.add, ...event.remove].map(idKey);
      const placed = { position: positionText(source), partition: record.partition };
      return members.map((member) => ({ ...NO_OTHER_NAMES, group, member, ...placed }));
    });
    return { record, time: record.timestamp, about, problem: null };
  }

  #noteProblem({ partition, offset }: { readonly partition: number; readonly offset: bigint }, problem: string): void {
    const record = { partition, offset, timestamp: 0, key: null, value: null, headers: [] };
    this.#entries.push({ record, time: 0, about: [], problem: { kind: 'batch', message: problem } });
    this.#passTo(partition, offset + 1n);
  }

  #passTo(partition: number, next: bigint): void {
    const place = this.#places.get(partition);
    if (place !== undefined && place.next < next) this.#places.set(partition, { ...place, next });
  }

  #write(): void {
    for (const [partition, record] of this.#newest) {
      const place = this.#places.get(partition);
      if (place !== undefined) this.#places.set(partition, { ...place, last: markOf(record) });
    }
    this.#newest.clear();
    this.#index.add(this.#kind, this.#entries, this.#places);
    this.#entries = [];
    this.#bytes = 0;
  }

  #otherTopic(partition: number, why: string): ExitError {
    const what = `${this.#reading.topic}/${partition} ${why}: the topic was made again since the index was`;
    return new ExitError(EXIT.usage, `${what}; give another directory to --index, or delete it`);
  }
}

const NO_OTHER_NAMES = { otherNames: [], otherMember: null, hasVersion: false } as const;

const markOf = ({ offset, timestamp, value }: TopicRecord): RecordMark => ({
  offset,
  digest: sha256(`${timestamp} ${value === null ? '' : Buffer.from(value).toString('base64')}`),
});

function reportEntry(record: TopicRecord): IndexEntry {
  const read = readReport(record.value);
  const unread = { kind: 'record', message: 'no report that this version reads' } as const;
  if (read === null) return { record, time: record.timestamp, about: [], problem: unread };
  const report = read.record;
  const key = record.key === null ? null : Buffer.from(record.key).toString();
  const names = groupIds({ record: report, key })
    .filter((name) => typeof name === 'string')
    .map(idKey);
  const id = readIntentId(operationId(report));
  const named = [report.source_member, id?.member, report.member].filter((name) => typeof name === 'string').map(idKey);
  const about: About = {
    group: report.source_group ?? key ?? report.group ?? '',
    otherNames: names,
    member: named[0] ?? null,
    otherMember: named.at(-1) ?? null,
    position: id === null ? '' : positionText(id.position),
    partition: report.source.partition,
    hasVersion: (report.request?.etag_after ?? null) !== null,
  };
  return {
    record,
    time: Date.parse(report.reported_at),
    about: [{ ...about, group: idKey(about.group) }],
    problem: null,
  };
}
