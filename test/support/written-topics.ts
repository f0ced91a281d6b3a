/** Topics of several partitions in which records stand that no service has written, and what `explain` says of them. */
import { readFileSync } from 'node:fs';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemRandom } from '../../src/adapters/system.ts';
import { printReport, type ReportFlags } from '../../src/commands/report.ts';
import { explainGroup, questionIn, type ExplainFlags } from '../../src/commands/explain.ts';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { partitionOfKey } from '../../src/core/log/reading.ts';
import { GroupRecords } from '../../src/console/group-records.ts';
import type { IndexReading } from '../../src/console/indexing.ts';
import type { ExitCode } from '../../src/exit-codes.ts';
import { native } from '../../src/formats/native/native.ts';
import type { GroupApi, IdMap } from '../../src/ports.ts';
import { aReport } from './a-report.ts';
import { boundsIn, startsIn, topicIdIn, withAnIndex } from './an-index.ts';
import { timestampsIn } from './timestamps-in.ts';
import { aContext } from './command-context.ts';
import { ManualClock } from './manual-clock.ts';
import { QuickTarget } from './quick-world.ts';
import { topics } from './world.ts';

const LOG = { groupId: 'g', clientId: 'c', topics: { source: topics.source, retry: topics.retry } };

type Report = Parameters<typeof aReport>[2];

export class WrittenTopics {
  readonly clock = new ManualClock();
  readonly broker = new MemoryBroker(this.clock, systemRandom);
  readonly target = new QuickTarget();
  /** Where partitions begin and end. */
  bounds = boundsIn(this.broker);
  /** In place of `target`. */
  api: GroupApi | null = null;
  ids: IdMap | null = null;
  format: SourceFormat = native;
  reading: IndexReading = { format: 'native', reader: '1' };
  readonly partitionCount: number;
  /** What the last question has written to stderr. */
  err = '';
  exitCode: ExitCode | null = null;

  constructor(partitionCount = 3) {
    this.partitionCount = partitionCount;
    for (const topic of Object.values(topics))
      this.broker.createTopic({ topic, partitionCount, replicationFactor: 1, settings: {} });
  }

  /** @returns where it stands */
  event(
    group: string,
    event: object,
    partition = this.#partitionOf(group),
  ): readonly [partition: number, offset: bigint] {
    const value = JSON.stringify({ group_id: group, ...event });
    this.broker.append([{ topic: topics.source, partition, key: group, value, headers: [] }]);
    return [partition, this.broker.topic(topics.source).partition(partition).end - 1n];
  }

  /** @param key the source's id of the group */
  report(
    key: string,
    [at, offset]: readonly [partition: number, offset: bigint],
    member: string | null,
    change: Report,
  ) {
    const id = `${topics.source}/${at}/${offset}${member === null ? '' : `/${member}`}`;
    const source = {
      topic: topics.source,
      partition: at,
      offset: String(offset),
      event_id: null,
      timestamp: this.clock.now().wall,
    };
    const report = aReport(offset, member, { id, source, source_group: key, group: key, ...change });
    this.append(key, JSON.stringify(report));
  }

  /** Of the report topic. */
  append(key: string, value: string, partition = this.#partitionOf(key)): void {
    this.broker.append([{ topic: topics.report, partition, key, value, headers: [] }]);
  }

  /** What `report` prints; with `html` its page. @param folder of the index; null: the topics are read */
  async reports(flags: ReportFlags, folder: string | null): Promise<string> {
    const context = aContext({ clock: this.clock });
    const { broker, format, reading } = this;
    const tools = new MemoryLog(broker, LOG);
    const printing = { flags, topic: topics.report, tools, bounds: boundsIn(broker), context };
    if (folder === null) await printReport(printing);
    else
      await withAnIndex(folder, { broker, tools, topics, context, format, reading }, (index) =>
        printReport({ ...printing, index }),
      );
    return flags.html === undefined ? context.out() : readFileSync(flags.html, 'utf8');
  }

  async explain(flags: ExplainFlags, folder: string | null): Promise<string> {
    const context = aContext({ clock: this.clock });
    const { broker, bounds, format, ids, reading } = this;
    const api = this.api ?? this.target;
    const partitions = Array.from({ length: this.partitionCount }, (_, partition) => partition);
    const of = (topic: string) =>
      partitions.map((partition) => [partition, broker.topic(topic).partition(partition)] as const);
    const sources = {
      tools: new MemoryLog(broker, LOG),
      topics,
      format,
      ids,
      api,
      context,
      instances: [],
      committed: async () => new Map(of(topics.source).map(([partition, { end }]) => [partition, end])),
      starts: startsIn(broker),
      bounds,
      timestampsAt: timestampsIn(broker),
      topicId: topicIdIn(broker),
    };
    if (folder === null)
      this.exitCode = await explainGroup(questionIn(flags, context), {
        ...sources,
        records: GroupRecords.ofTopics(sources),
      });
    else
      this.exitCode = await withAnIndex(folder, { ...sources, broker, reading }, (index) =>
        explainGroup(questionIn(flags, context), { ...sources, records: GroupRecords.ofIndex(index, sources) }),
      );
    this.err = context.err();
    return context.out();
  }

  #partitionOf(key: string): number {
    return partitionOfKey(Buffer.from(key), this.partitionCount);
  }
}
