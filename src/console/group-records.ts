/** The reports and the source records of one group, as `rollcall explain` needs them: from the topics, or from an index. */
import { Writable } from 'node:stream';
import type { IndexedTopic, WantedMember } from '../adapters/record-index/entries.ts';
import type { RecordIndex } from '../adapters/record-index/record-index.ts';
import { idKey } from '../core/change/change.ts';
import { partitionOfKey, type ReadProgress } from '../core/log/reading.ts';
import type { TopicRecord } from '../ports.ts';
import { endIfStopped, readProgress, showProgress, unlessStopped } from './command-context.ts';
import type { GroupSources } from './group-sources.ts';
import { reportIndex, sourceIndex } from './indexed-records.ts';
import { existingTopic } from './kafka-tools.ts';
import {
  reportTopic,
  SearchedReports,
  type KeyedReport,
  type ReportSelection,
  type ReportSource,
} from './report-search.ts';

/** Where a partition begins whose oldest records are gone. */
export interface Beginning {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

export interface WantedReports {
  /** Every name of the group, by `idKey`. */
  readonly groups: readonly string[];
  /** At least what decides about it is handed out, or one report for each name; null: all. */
  readonly member: WantedMember | 'names' | null;
  readonly allPartitions: boolean;
}

export interface WantedEvents extends WantedReports {
  readonly member: WantedMember | null;
  /** Partitions in which the group is known to have been, also those that the topic had before it was recreated. */
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

export interface ReportsRead extends RecordsRead {
  /** Of the source, in which reports that were left out say that the groups were. */
  readonly sourcePartitions: readonly number[];
}

export interface EventsRead extends RecordsRead {
  readonly partitions: readonly number[];
}

interface RecordSource {
  /** It takes its time, and says how far it is. */
  readonly hasProgress: boolean;
  partitionCount(topic: IndexedTopic): Promise<number>;
  reports(selection: ReportSelection, member: WantedReports['member']): ReportSource;
  events(
    wanted: Pick<WantedEvents, 'groups' | 'member'> & { readonly partitions: readonly number[] },
    onProgress: (progress: ReadProgress) => void,
  ): AsyncIterable<TopicRecord>;
  /** Of the source, in which reports that it leaves out say that the groups were. */
  partitionsOf(groups: readonly string[], reportPartitions: ReadonlySet<number>): readonly number[];
  /** By partition, the offset of the oldest record that it has. */
  starts(topic: IndexedTopic, partitions: readonly number[]): Promise<ReadonlyMap<number, bigint>>;
}

type Sources = Pick<GroupSources, 'tools' | 'topics' | 'format' | 'starts' | 'context'>;

export class GroupRecords {
  readonly #source: RecordSource;
  readonly #sources: Omit<Sources, 'tools' | 'starts'>;

  static ofTopics(sources: Sources): GroupRecords {
    return new GroupRecords(topicSource(sources), sources);
  }

  /** @param index that has all that the topics have */
  static ofIndex(index: RecordIndex, sources: Sources): GroupRecords {
    return new GroupRecords(indexSource(index, sources.context.stop), sources);
  }

  private constructor(source: RecordSource, sources: Omit<Sources, 'tools' | 'starts'>) {
    this.#source = source;
    this.#sources = sources;
  }

  /** Of every outcome and time. */
  async readReports(wanted: WantedReports, take: (report: KeyedReport) => void): Promise<ReportsRead> {
    const { groups, member, allPartitions } = wanted;
    const { topics, context } = this.#sources;
    const selection = { groups: new Set(groups.map(idKey)), members: null, outcomes: null, since: null };
    const source = this.#source.reports(selection, member);
    const partitionCount = await this.#source.partitionCount('report');
    const { stop } = context;
    const search = { source, partitionCount, selection, follow: false, allPartitions };
    const searched = new SearchedReports({ ...search, context: { stop, stderr: SILENT } });
    const end = this.#show(topics.report, () => searched.progress);
    try {
      for await (const report of searched.read()) take(report);
    } finally {
      end();
    }
    endIfStopped(context, `before the end of ${topics.report}`);
    return {
      problems: searched.problems,
      gone: await this.#goneOf('report', [...searched.partitions]),
      sourcePartitions: this.#source.partitionsOf(groups, searched.partitions),
    };
  }

  /** Those of other groups, and of other members, may be among them. */
  async readEvents(wanted: WantedEvents, take: (event: ReadEvent) => void): Promise<EventsRead> {
    const { groups, known, allPartitions } = wanted;
    const { topics, format, context } = this.#sources;
    const partitionCount = await this.#source.partitionCount('source');
    const near = allPartitions ? [] : [...known].filter((partition) => partition < partitionCount);
    const partitions = partitionsOf(groups, near, partitionCount);
    const problems: string[] = [];
    let read: ReadProgress = { passed: 0, total: 0 };
    const onProgress = (progress: ReadProgress): void => void (read = progress);
    const end = this.#show(topics.source, () => read);
    try {
      for await (const record of this.#source.events({ ...wanted, partitions }, onProgress)) {
        if (record.unreadable !== undefined) problems.push(record.unreadable.message);
        await format.prepare?.([record]);
        take({ record, partitionCount });
      }
    } finally {
      end();
    }
    endIfStopped(context, `before the end of ${topics.source}`);
    return { partitions, problems, gone: await this.#goneOf('source', partitions) };
  }

  #show(topic: string, current: () => ReadProgress): () => void {
    const { stderr, clock } = this.#sources.context;
    if (!this.#source.hasProgress) return () => undefined;
    return showProgress(stderr, clock, () => readProgress(current(), topic));
  }

  async #goneOf(kind: IndexedTopic, partitions: readonly number[]): Promise<readonly Beginning[]> {
    const { topics, context } = this.#sources;
    const starts = await unlessStopped(context, this.#source.starts(kind, partitions));
    return partitions.flatMap((partition) => {
      const offset = starts.get(partition) ?? 0n;
      return offset > 0n ? [{ topic: topics[kind], partition, offset: String(offset) }] : [];
    });
  }
}

/** Where the reports are looked for is a matter of `report`: here they are one source of several, and the answer says what was found. */
const SILENT = new Writable({ write: (_chunk, _encoding, done) => done() });

/** A producer may choose partitions in another way than Kafka's own, and in other formats by another key. */
function partitionsOf(groups: readonly string[], near: readonly number[], partitionCount: number): readonly number[] {
  if (near.length === 0) return Array.from({ length: partitionCount }, (_, partition) => partition);
  const ofKeys = groups.map((group) => partitionOfKey(Buffer.from(group), partitionCount));
  return [...new Set([...near, ...ofKeys])].toSorted((a, b) => a - b);
}

function topicSource({ tools, topics, starts, context }: Sources): RecordSource {
  return {
    hasProgress: true,
    partitionCount: async (topic) => (await existingTopic(topics[topic], { tools, context })).partitionCount,
    reports: (selection) => reportTopic({ tools, topic: topics.report, selection, follow: false, context }),
    events: ({ partitions }, onProgress) =>
      tools.read(topics.source, {
        from: 'beginning',
        partitions,
        follow: false,
        unreadable: 'tell',
        signal: context.stop,
        onProgress,
      }),
    partitionsOf: () => [],
    starts: (topic, partitions) => starts(topics[topic], partitions),
  };
}

const indexSource = (index: RecordIndex, stop: AbortSignal): RecordSource => ({
  hasProgress: false,
  partitionCount: async (topic) => index.places(topic).size,
  reports: (selection, member) => reportIndex({ index, stop }, selection, member),
  events: (wanted) => sourceIndex({ index, stop }, wanted),
  partitionsOf: (groups, reportPartitions) => index.partitionsOf(groups, reportPartitions),
  starts: async (topic) => new Map([...index.places(topic)].map(([partition, { first }]) => [partition, first])),
});
