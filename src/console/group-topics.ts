/** What the topics say of one group: its reports, its live record in the retry topic, and its source records. */
import {
  idKey,
  isChange,
  type ChangeEvent,
  type ChangeSource,
  type SourceEvent,
  type SourceFormat,
} from '../core/change/change.ts';
import type { Instance } from '../adapters/admin-client.ts';
import type { Evidence } from '../core/explain/evidence.ts';
import { pauseText } from '../core/explain/instance-answer.ts';
import { pauseAmong } from '../core/log/pause-record.ts';
import { decodeRecord, partitionOfKey, type ReadProgress } from '../core/log/reading.ts';
import type { TopicNames } from '../core/log/topics.ts';
import { actorsIn } from '../formats/actor.ts';
import type { GroupApi, IdMap, LogTools, TopicRecord } from '../ports.ts';
import { endIfStopped, readProgress, showProgress, unlessStopped, type CommandContext } from './command-context.ts';
import { existingTopic } from './kafka-tools.ts';
import { SearchedReports, type FoundReport } from './report-search.ts';
import { allWaiting, readRetryTopic, selects, type WaitingView } from './retry-topic.ts';

export interface Question {
  /** By the source or by Genesys Cloud, as the member. */
  readonly group: string;
  /** null: all of them. */
  readonly member: string | null;
  /** Epoch ms; null: now. */
  readonly at: number | null;
  /** Read all partitions of the source, wherever the group is known to have been. */
  readonly allPartitions: boolean;
}

export interface Sources {
  readonly tools: LogTools;
  readonly topics: TopicNames;
  readonly format: SourceFormat;
  /** By partition of the source, the next offset of the consumer group. */
  readonly committed: () => Promise<ReadonlyMap<number, bigint>>;
  /** By partition, the offset of the oldest record that is left. */
  readonly starts: (topic: string, partitions: readonly number[]) => Promise<ReadonlyMap<number, bigint>>;
  readonly instances: readonly Instance[];
  readonly api: GroupApi;
  /** null: the source has the target's own ids. */
  readonly ids: IdMap | null;
  readonly context: CommandContext;
}

/** Where a partition begins whose oldest records are gone. */
export interface Beginning {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

export interface GroupTopics {
  /** Of the source, that were read. */
  readonly partitions: readonly number[];
  readonly goneSource: readonly Beginning[];
  readonly goneReports: readonly Beginning[];
  /** By the live records of the partitions; null: the group is not paused. */
  readonly pause: string | null;
  readonly doubts: readonly string[];
}

interface Reading {
  /** Every name of the group by the source, by `idKey`. */
  readonly groups: readonly string[];
  /** These, and what the target calls the group, by `idKey`. */
  readonly names: ReadonlySet<string>;
  readonly evidence: Evidence;
  /** Partitions of the source in which running instances have something of the group. */
  readonly owned: ReadonlySet<number>;
}

/** @throws ExitError where a topic is missing, or it was asked to stop. */
export async function readGroupTopics(question: Question, sources: Sources, reading: Reading): Promise<GroupTopics> {
  const { topics, tools, context } = sources;
  const { groups, evidence, owned } = reading;
  const partitions = new Set(owned);
  const searched = await searchOf({ groups, allPartitions: question.allPartitions }, sources);
  for await (const { record } of reportsIn(searched, sources)) {
    if (record.source.topic === topics.source) partitions.add(record.source.partition);
    if (question.at === null || Date.parse(record.reported_at) <= question.at) evidence.takeReport(record);
  }
  let pause: string | null = null;
  if (question.at === null) {
    const view = await readRetryTopic({ topic: topics.retry, tools, context });
    for (const waiting of allWaiting(view).filter((each) => selects({ groups }, each))) {
      partitions.add(waiting.intent.source.partition);
      evidence.takeWaiting(waiting.intent, waiting.state);
    }
    pause = pauseIn(view, partitions, reading.names);
  }
  const read = await readSource(question, sources, { groups, evidence, known: partitions });
  return {
    partitions: read.partitions,
    goneSource: await goneOf(topics.source, read.partitions, sources),
    goneReports: await goneOf(topics.report, [...searched.partitions], sources),
    pause,
    doubts: [
      ...searched.problems.map((problem) => `${topics.report}: ${problem}; the reports in it are missing`),
      ...read.problems.map((problem) => `${topics.source}: ${problem}; the events in it are missing`),
    ],
  };
}

function pauseIn(
  { partitions }: WaitingView,
  concerned: ReadonlySet<number>,
  names: ReadonlySet<string>,
): string | null {
  for (const [partition, { pauses }] of partitions) {
    const found = concerned.has(partition) ? pauseAmong(pauses, names) : null;
    if (found === null) continue;
    const { author, reason, at: since } = found.pause;
    return pauseText({ name: found.name, author, reason, since });
  }
  return null;
}

/** Of every outcome and time. */
export async function* reportsOf(wanted: WantedReports, sources: Sources): AsyncGenerator<FoundReport> {
  yield* reportsIn(await searchOf(wanted, sources), sources);
}

interface WantedReports {
  readonly groups: readonly string[];
  readonly allPartitions: boolean;
}

async function searchOf(
  { groups, allPartitions }: WantedReports,
  { tools, topics, context }: Sources,
): Promise<SearchedReports> {
  const { partitionCount } = await existingTopic(topics.report, { tools, context });
  const selection = { groups: new Set(groups.map(idKey)), members: null, outcomes: null, since: null };
  const search = { tools, topic: topics.report, partitionCount, selection, context };
  return new SearchedReports({ ...search, follow: false, allPartitions });
}

async function* reportsIn(searched: SearchedReports, { topics, context }: Sources): AsyncGenerator<FoundReport> {
  const end = showProgress(context.stderr, context.clock, () => readProgress(searched.progress, topics.report));
  try {
    yield* searched.read();
  } finally {
    end();
  }
  endIfStopped(context, `before the end of ${topics.report}`);
}

interface SourceReading {
  readonly groups: readonly string[];
  readonly evidence: Evidence;
  /** Partitions in which the group is known to have been. */
  readonly known: ReadonlySet<number>;
}

async function readSource(
  { at, allPartitions }: Question,
  { tools, topics, format, context }: Sources,
  { groups, evidence, known }: SourceReading,
): Promise<{ readonly partitions: readonly number[]; readonly problems: readonly string[] }> {
  const topic = topics.source;
  const { partitionCount } = await existingTopic(topic, { tools, context });
  const all = Array.from({ length: partitionCount }, (_, partition) => partition);
  const ofKeys = groups.map((group) => partitionOfKey(Buffer.from(group), partitionCount));
  // A producer may choose partitions in another way than Kafka's own, and in other formats by another key.
  const partitions = allPartitions || known.size === 0 ? all : [...new Set([...known, ...ofKeys])];
  const problems: string[] = [];
  let read: ReadProgress = { passed: 0, total: 0 };
  const onProgress = (progress: ReadProgress): void => void (read = progress);
  const end = showProgress(context.stderr, context.clock, () => readProgress(read, topic));
  const options = { from: 'beginning', partitions, follow: false, signal: context.stop, unreadable: 'tell' } as const;
  const wanted = new Set(groups);
  try {
    for await (const record of tools.read(topic, { ...options, onProgress })) {
      if (at !== null && record.timestamp > at) continue;
      if (record.unreadable !== undefined) problems.push(record.unreadable.message);
      await format.prepare?.([record]);
      takeSourceRecord({ record, topic, partitionCount, format, wanted }, evidence);
    }
  } finally {
    end();
  }
  endIfStopped(context, `before the end of ${topic}`);
  return { partitions, problems };
}

interface SourceRecordRead {
  readonly record: TopicRecord;
  readonly topic: string;
  readonly partitionCount: number;
  readonly format: SourceFormat;
  /** Groups that are asked for, by `idKey`. */
  readonly wanted: ReadonlySet<string>;
}

/** What a record says of the group that is asked for. */
export function takeSourceRecord(read: SourceRecordRead, evidence: Evidence): void {
  const { record, wanted } = read;
  const changes = changesIn(read);
  const ofGroup = changes.filter(({ event }) => wanted.has(idKey(event.group)));
  if (ofGroup.length === 0) return;
  const actorOf = actorsIn(record.value, changes[0]?.eventCount ?? 1);
  for (const { event, source } of ofGroup) evidence.takeEvent({ event, source, actor: actorOf(event.eventId) });
}

export interface PlacedEvent<E> {
  readonly event: E;
  readonly source: ChangeSource;
  /** Of its record, changes or not. */
  readonly eventCount: number;
}

/** What a record of the source tells of. */
export function eventsIn(read: Omit<SourceRecordRead, 'wanted'>): readonly PlacedEvent<SourceEvent>[] {
  const { record, topic, format } = read;
  const events = decodeRecord(format, record, read);
  return events.map((event, at) => ({
    event,
    source: {
      topic,
      partition: record.partition,
      offset: record.offset,
      index: events.length > 1 ? at : null,
      eventId: isChange(event) ? event.eventId : null,
      timestamp: record.timestamp,
    },
    eventCount: events.length,
  }));
}

/** The changes that a record of the source tells of. */
export const changesIn = (read: Omit<SourceRecordRead, 'wanted'>): readonly PlacedEvent<ChangeEvent>[] =>
  eventsIn(read).filter((each): each is PlacedEvent<ChangeEvent> => isChange(each.event));

async function goneOf(
  topic: string,
  partitions: readonly number[],
  { starts, context }: Sources,
): Promise<readonly Beginning[]> {
  const offsets = await unlessStopped(context, starts(topic, partitions));
  return partitions.flatMap((partition) => {
    const offset = offsets.get(partition) ?? 0n;
    return offset > 0n ? [{ topic, partition, offset: String(offset) }] : [];
  });
}
