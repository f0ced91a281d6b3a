/** The reports and the source records of one group: where `rollcall explain` reads them. */
import type { IndexedTopic, WantedMember } from '../adapters/record-index/entries.ts';
import type { RecordIndex } from '../adapters/record-index/record-index.ts';
import { idKey } from '../core/change/change.ts';
import { partitionOfKey, type ReadProgress } from '../core/log/reading.ts';
import type { TopicRecord } from '../ports.ts';
import { endIfStopped, readProgress, showProgress, unlessStopped } from './command-context.ts';
import type { GroupSources } from './group-sources.ts';
import { existingTopic } from './kafka-tools.ts';
import { readReport, SearchedReports, type KeyedReport } from './report-search.ts';

/** Where a partition begins whose oldest records are gone. */
export interface Beginning {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

export interface GroupRecords {
  /** Of every outcome and time. Of one member at least what decides about it. */
  readReports(wanted: WantedReports, take: (report: KeyedReport) => void): Promise<RecordsRead>;
  /** At least those that are about the group, or the member. */
  readEvents(wanted: WantedEvents, take: (event: ReadEvent) => void): Promise<EventsRead>;
}

export interface WantedReports {
  /** Every name of the group, by `idKey`. */
  readonly groups: readonly string[];
  /** null: all are asked for. */
  readonly member: WantedMember | null;
  readonly allPartitions: boolean;
}

export interface WantedEvents extends WantedReports {
  /** Partitions in which the group is known to have been. */
  readonly known: ReadonlySet<number>;
}

export interface ReadEvent {
  readonly record: TopicRecord;
  /** Of the topic. */
  readonly partitionCount: number;
}

export interface RecordsRead {
  /** Of batches that cannot be unpacked. */
  readonly problems: readonly string[];
  readonly gone: readonly Beginning[];
}

export interface EventsRead extends RecordsRead {
  readonly partitions: readonly number[];
}

/** From the topics themselves. */
export class TopicRecords implements GroupRecords {
  readonly #sources: Pick<GroupSources, 'tools' | 'topics' | 'format' | 'starts' | 'context'>;

  constructor(sources: Pick<GroupSources, 'tools' | 'topics' | 'format' | 'starts' | 'context'>) {
    this.#sources = sources;
  }

  async readReports(
    { groups, allPartitions }: WantedReports,
    take: (report: KeyedReport) => void,
  ): Promise<RecordsRead> {
    const { tools, topics, context } = this.#sources;
    const topic = topics.report;
    const { partitionCount } = await existingTopic(topic, { tools, context });
    const selection = { groups: new Set(groups.map(idKey)), members: null, outcomes: null, since: null };
    const search = { tools, topic, partitionCount, selection, context, follow: false, allPartitions };
    const searched = new SearchedReports(search);
    const end = showProgress(context.stderr, context.clock, () => readProgress(searched.progress, topic));
    try {
      for await (const report of searched.read()) take(report);
    } finally {
      end();
    }
    endIfStopped(context, `before the end of ${topic}`);
    return { problems: searched.problems, gone: await this.#goneOf(topic, [...searched.partitions]) };
  }

  async readEvents(
    { groups, allPartitions, known }: WantedEvents,
    take: (event: ReadEvent) => void,
  ): Promise<EventsRead> {
    const { tools, topics, format, context } = this.#sources;
    const topic = topics.source;
    const { partitionCount } = await existingTopic(topic, { tools, context });
    const partitions = partitionsOf({ groups, known: allPartitions ? NONE : known }, partitionCount);
    const problems: string[] = [];
    let read: ReadProgress = { passed: 0, total: 0 };
    const onProgress = (progress: ReadProgress): void => void (read = progress);
    const end = showProgress(context.stderr, context.clock, () => readProgress(read, topic));
    const options = { from: 'beginning', partitions, follow: false, signal: context.stop, unreadable: 'tell' } as const;
    try {
      for await (const record of tools.read(topic, { ...options, onProgress })) {
        if (record.unreadable !== undefined) problems.push(record.unreadable.message);
        await format.prepare?.([record]);
        take({ record, partitionCount });
      }
    } finally {
      end();
    }
    endIfStopped(context, `before the end of ${topic}`);
    return { partitions, problems, gone: await this.#goneOf(topic, partitions) };
  }

  async #goneOf(topic: string, partitions: readonly number[]): Promise<readonly Beginning[]> {
    const { starts, context } = this.#sources;
    const offsets = await unlessStopped(context, starts(topic, partitions));
    return partitions.flatMap((partition) => beginningOf({ topic, partition }, offsets.get(partition) ?? 0n));
  }
}

/** From an index that has all that the topics have. */
export class IndexedRecords implements GroupRecords {
  readonly #index: RecordIndex;
  readonly #sources: Pick<GroupSources, 'topics' | 'format'>;

  constructor(index: RecordIndex, sources: Pick<GroupSources, 'topics' | 'format'>) {
    this.#index = index;
    this.#sources = sources;
  }

  async readReports({ groups, member }: WantedReports, take: (report: KeyedReport) => void): Promise<RecordsRead> {
    const wanted = { groups: groups.map(idKey), members: null, since: null, until: null };
    const found = member === null ? this.#index.reports(wanted) : this.#index.reportsAbout(wanted.groups, member);
    for (const { key, value } of found) {
      const read = readReport(value);
      if (read !== null) take({ ...read, key: key === null ? null : Buffer.from(key).toString() });
    }
    return { problems: this.#problemsOf('report'), gone: this.#goneOf('report', null) };
  }

  async readEvents(
    { groups, member, allPartitions, known }: WantedEvents,
    take: (event: ReadEvent) => void,
  ): Promise<EventsRead> {
    const { format } = this.#sources;
    const partitionCount = this.#index.places('source').size;
    const all = new Set([...known, ...this.#index.partitionsOf(groups)]);
    const partitions = partitionsOf({ groups, known: allPartitions ? NONE : all }, partitionCount);
    for (const record of this.#index.sourceRecords(groups, member)) {
      await format.prepare?.([record]);
      take({ record, partitionCount });
    }
    return { partitions, problems: this.#problemsOf('source'), gone: this.#goneOf('source', new Set(partitions)) };
  }

  #problemsOf(topic: IndexedTopic): readonly string[] {
    return this.#index.problems(topic).flatMap(({ kind, message }) => (kind === 'batch' ? [message] : []));
  }

  /** Before the index began, or while it was not kept. @param partitions null: all */
  #goneOf(kind: IndexedTopic, partitions: ReadonlySet<number> | null): readonly Beginning[] {
    const topic = this.#sources.topics[kind];
    return [...this.#index.places(kind)].flatMap(([partition, { first }]) =>
      partitions === null || partitions.has(partition) ? beginningOf({ topic, partition }, first) : [],
    );
  }
}

const NONE: ReadonlySet<number> = new Set();

/** A producer may choose partitions in another way than Kafka's own, and in other formats by another key. */
function partitionsOf(
  { groups, known }: Pick<WantedEvents, 'groups' | 'known'>,
  partitionCount: number,
): readonly number[] {
  if (known.size === 0) return Array.from({ length: partitionCount }, (_, partition) => partition);
  const ofKeys = groups.map((group) => partitionOfKey(Buffer.from(group), partitionCount));
  return [...new Set([...known, ...ofKeys])];
}

const beginningOf = (at: Omit<Beginning, 'offset'>, offset: bigint): readonly Beginning[] =>
  offset > 0n ? [{ ...at, offset: String(offset) }] : [];
