/** Report records and source records out of an index, as they are read from the topics. */
import type { KafkaLogTools } from '../adapters/kafka/tools.ts';
import type { IndexedTopic, WantedMember } from '../adapters/record-index/entries.ts';
import type { RecordIndex } from '../adapters/record-index/record-index.ts';
import { readConfig, type Config } from '../config/config.ts';
import type { TopicRecord } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import { placesIn } from './group-sources.ts';
import { indexReading, type IndexSources } from './indexing.ts';
import { readText } from './kafka-tools.ts';
import { possibleTimes, type OldestReports } from './oldest-reports.ts';
import { CLOCK_MARGIN_MS, type ReportSelection, type ReportSource } from './report-search.ts';
import { openSourceTopicFormat } from './source-format.ts';

/** Also of the source, so that `explain` finds all in the index. @throws ConfigError */
export async function reportIndexSources(
  config: Config<'kafka' | 'topics'>,
  { tools, context }: { readonly tools: KafkaLogTools; readonly context: CommandContext },
): Promise<IndexSources> {
  const { format: formatConfig } = readConfig(context.environment, ['format'], readText);
  const format = await openSourceTopicFormat(formatConfig);
  const { bounds, topicId } = placesIn(tools, config);
  const reading = indexReading(formatConfig);
  return { tools, topics: config.topics, bounds, topicId, context, format, reading };
}

interface Indexed {
  readonly index: RecordIndex;
  readonly stop: AbortSignal;
}

/** @param member what decides about it, or one report for each name; null: the selection's members, and all where it names none */
export const reportIndex = (
  { index, stop }: Indexed,
  { groups, members, since, until }: ReportSelection,
  member: WantedMember | 'names' | null = null,
): ReportSource => ({
  outcomes: index.outcomes,
  read: (partitions) => {
    const wanted = new Set(partitions);
    const named = {
      groups: groups === null ? null : [...groups],
      members: members === null ? null : [...members],
      since: since === null ? null : since - CLOCK_MARGIN_MS,
      until: until === undefined ? null : until + CLOCK_MARGIN_MS,
    };
    const records =
      member === null
        ? index.reports(named, wanted)
        : member === 'names'
          ? index.reportsOfNames(named.groups ?? [], wanted)
          : index.reportsAbout(named.groups ?? [], member, wanted);
    return inTurns({ index, stop }, [batchesOf(index, 'report', wanted), records]);
  },
});

/** Of the index, which has what it has read before retention took it. */
export const oldestInIndex =
  (index: RecordIndex, context: Pick<CommandContext, 'clock'>): OldestReports =>
  async (partitions) => {
    const times = possibleTimes(context);
    const begun = [...index.places('report')].filter(([at, { first }]) => first > 0n && partitions.includes(at));
    return new Map(
      begun.map(([partition, { first, next }]) => {
        const time = first < next ? index.oldestReportTime(partition, times) : null;
        return [partition, { offset: first, time }];
      }),
    );
  };

/** Source records about the groups, or of them about the member. */
export const sourceIndex = (
  { index, stop }: Indexed,
  {
    groups,
    member,
    partitions,
  }: {
    readonly groups: readonly string[];
    readonly member: WantedMember | null;
    readonly partitions: readonly number[];
  },
): AsyncIterable<TopicRecord> => {
  const wanted = new Set(partitions);
  return inTurns({ index, stop }, [batchesOf(index, 'source', wanted), index.sourceRecords(groups, member, wanted)]);
};

/** Each stands for its records. */
const batchesOf = (index: RecordIndex, topic: IndexedTopic, partitions: ReadonlySet<number>): readonly TopicRecord[] =>
  index
    .batches(topic)
    .filter(({ partition }) => partitions.has(partition))
    .map(({ partition, offset, why }) => ({
      partition,
      offset,
      timestamp: 0,
      key: null,
      value: null,
      headers: [],
      unreadable: { code: 'batch_unreadable', message: why },
    }));

const RECORDS_A_TURN = 1_000;

/** So that a signal is heard. */
async function* inTurns({ stop }: Indexed, parts: readonly Iterable<TopicRecord>[]): AsyncGenerator<TopicRecord> {
  let count = 0;
  for (const part of parts) {
    for (const record of part) {
      if ((count += 1) % RECORDS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      if (stop.aborted) return;
      yield record;
    }
  }
}
