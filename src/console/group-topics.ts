/** What the topics say of one group: its reports, its live record in the retry topic, and its source records. */
import type { Instance } from '../adapters/admin-client.ts';
import type { Evidence } from '../core/explain/evidence.ts';
import type { ReportRecord } from '../core/report/report.ts';
import { pauseTexts } from '../core/explain/instance-answer.ts';
import type { Beginning, GroupRecords, WantedEvents } from './group-records.ts';
import type { GroupSources } from './group-sources.ts';
import { takeSourceRecord } from './source-events.ts';
import { SourceLook, type LookSources } from './source-look.ts';
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

export interface Sources extends GroupSources, Pick<LookSources, 'timestampsAt'> {
  /** Reports and source records of groups. */
  readonly records: GroupRecords;
  readonly instances: readonly Instance[];
}

export interface GroupTopics {
  /** Of the source, that were read. */
  readonly partitions: readonly number[];
  readonly goneSource: readonly Beginning[];
  readonly goneReports: readonly Beginning[];
  /** By partition, who has paused the group there, and why; where nothing of the group is known, of all partitions. */
  readonly pauses: ReadonlyMap<number, readonly string[]>;
  readonly doubts: readonly string[];
}

interface Reading {
  /** Every name of the group by the source, by `idKey`. */
  readonly groups: readonly string[];
  /** By the source's name of a group that has a name of these: whether it is another one. */
  isOther(source: string): boolean;
  /** These, and what the target calls the group, by `idKey`. */
  readonly names: ReadonlySet<string>;
  readonly member: WantedEvents['member'];
  readonly evidence: Evidence;
  /** Partitions of the source in which running instances have something of the group. */
  readonly owned: ReadonlySet<number>;
}

/** @throws ExitError where a topic is missing, or it was asked to stop. */
export async function readGroupTopics(question: Question, sources: Sources, reading: Reading): Promise<GroupTopics> {
  const { topics, tools, format, records, context } = sources;
  const { groups, isOther, member, evidence, owned } = reading;
  const { at, allPartitions } = question;
  const partitions = new Set(owned);
  const look = new SourceLook(topics.source, sources);
  const isOf = await look.judge();
  const unsure: ReportRecord[] = [];
  const reports = await records.readReports({ groups, member, allPartitions }, ({ record, key }) => {
    if (record.source.topic === topics.source) partitions.add(record.source.partition);
    const source = record.source_group ?? key;
    if (source !== null && isOther(source)) return;
    if (at !== null && Date.parse(record.reported_at) > at) return;
    // Of a former topic, or of a record that was written after the look.
    if (isOf(record) === 'former') unsure.push(record);
    else evidence.takeReport(record);
  });
  await takeUnsure(unsure, look, evidence);
  for (const partition of reports.sourcePartitions) partitions.add(partition);
  const view = at === null ? await readRetryTopic({ topic: topics.retry, tools, context }) : null;
  if (view !== null) {
    const waiting = allWaiting(view).filter((each) => selects({ groups }, each));
    const former = await look.formerAmong(waiting.map(({ intent }) => intent));
    for (const intent of former) evidence.takeFormerWaiting(intent);
    for (const { intent, state } of waiting) {
      if (former.has(intent)) continue;
      partitions.add(intent.source.partition);
      evidence.takeWaiting(intent, state);
    }
  }
  const wanted = new Set(groups);
  const events = await records.readEvents(
    { groups, member, allPartitions, known: partitions },
    ({ record, partitionCount }) => {
      if (at !== null && record.timestamp > at) return;
      const read = { record, topic: topics.source, partitionCount, format, wanted };
      if (takeSourceRecord(read, evidence)) partitions.add(record.partition);
    },
  );
  const concerned = new Set(events.partitions.filter((partition) => partitions.has(partition)));
  return {
    partitions: events.partitions,
    goneSource: events.gone,
    goneReports: reports.gone,
    pauses: view === null ? new Map() : pausesIn(view, concerned, reading.names),
    doubts: [
      ...reports.problems.map((problem) => `${topics.report}: ${problem}; the reports in it are missing`),
      ...events.problems.map((problem) => `${topics.source}: ${problem}; the events in it are missing`),
    ],
  };
}

async function takeUnsure(unsure: readonly ReportRecord[], look: SourceLook, evidence: Evidence): Promise<void> {
  if (unsure.length === 0) return;
  look.expire();
  const isOf = await look.judge();
  for (const record of unsure) {
    if (isOf(record) === 'former') evidence.takeFormerReport(record);
    else evidence.takeReport(record);
  }
}

function pausesIn(
  { partitions }: WaitingView,
  concerned: ReadonlySet<number>,
  names: ReadonlySet<string>,
): ReadonlyMap<number, readonly string[]> {
  const all = [...partitions].map(([partition, { pauses }]) => [partition, pauses] as const);
  const isConcerned = (partition: number): boolean => concerned.size === 0 || concerned.has(partition);
  return new Map([...pauseTexts(all, names)].filter(([partition]) => isConcerned(partition)));
}
