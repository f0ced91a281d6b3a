/** What the topics and the target say at one moment, read as commands read them. */
import { idKey } from '../../../src/core/change/change.ts';
import { KeptIds } from '../../../src/core/change/kept-ids.ts';
import { AppliedChanges, type Window } from '../../../src/core/drift/applied-changes.ts';
import { compare } from '../../../src/core/drift/comparison.ts';
import type { Differences, KnownOfGroup } from '../../../src/core/drift/differences.ts';
import { GroupFacts } from '../../../src/core/drift/group-facts.ts';
import { Evidence, type GroupEvent } from '../../../src/core/explain/evidence.ts';
import type { ReportRecord } from '../../../src/core/report/report.ts';
import type { Snapshot } from '../../../src/core/target/snapshot.ts';
import type { LogRecord } from '../../../src/ports.ts';
import { groupEventsIn } from '../../../src/console/source-events.ts';
import { readReport } from '../../../src/console/report-search.ts';
import { emptyWaiting, readWaiting, waitingOfGroup, type WaitingView } from '../../../src/console/retry-topic.ts';
import { textOf } from '../../oracle/live-records.ts';
import { asFetched } from '../damaged-batches.ts';
import { topics } from '../instance.ts';
import { preparedFormatOf } from '../list-format.ts';
import { groupName, type World } from '../world.ts';

/** By the source's group, in the order of their records. */
type ByGroup<T> = ReadonlyMap<string, readonly T[]>;

/** Reads what a history has written, each record once; the retry topic again from its beginning where it was cleaned. */
export class TopicsReader {
  readonly #world: World;
  readonly #reports = new Map<string, ReportRecord[]>();
  readonly #events = new Map<string, GroupEvent[]>();
  /** Topic and partition → offset after what was read. */
  readonly #positions = new Map<string, bigint>();
  #retry = emptyWaiting();
  #cleanings = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** As they are, until it is called again. */
  now(): Topics {
    const { partitions } = this.#world.settings;
    if (this.#world.cleanings !== this.#cleanings) this.#forgetRetry();
    for (let partition = 0; partition < partitions; partition++) {
      for (const { key, value } of this.#newIn(topics.report, partition)) {
        const record = readReport(value)?.record;
        const name = record?.source_group ?? (key === null ? null : textOf(key));
        if (record !== undefined && name !== null) note(this.#reports, name, record);
      }
      for (const record of this.#newIn(topics.retry, partition)) readWaiting(this.#retry, partition, record);
      this.#readSource(partition);
    }
    return new Topics(this.#world, { reports: this.#reports, events: this.#retainedEvents(), waiting: this.#retry });
  }

  #forgetRetry(): void {
    this.#cleanings = this.#world.cleanings;
    this.#retry = emptyWaiting();
    for (let partition = 0; partition < this.#world.settings.partitions; partition++)
      this.#positions.delete(`${topics.retry}/${partition}`);
  }

  #readSource(partition: number): void {
    const { settings } = this.#world;
    const format = preparedFormatOf(settings);
    const wanted = new Set(Array.from({ length: settings.groups }, (_, number) => groupName(number)));
    const reading = { topic: topics.source, partitionCount: settings.partitions, format, wanted };
    for (const record of asFetched(this.#newIn(topics.source, partition)))
      for (const each of groupEventsIn({ ...reading, record: { ...record, partition } }))
        note(this.#events, idKey(each.event.group), each);
  }

  #newIn(topic: string, partition: number): readonly LogRecord[] {
    const key = `${topic}/${partition}`;
    const log = this.#world.broker.topic(topic).partition(partition);
    const { records, nextOffset } = log.read(this.#positions.get(key) ?? 0n, Number.MAX_SAFE_INTEGER);
    this.#positions.set(key, nextOffset);
    return records;
  }

  /** Retention may have deleted the records of others. */
  #retainedEvents(): ByGroup<GroupEvent> {
    const { broker } = this.#world;
    const isThere = ({ source }: GroupEvent): boolean =>
      source.offset >= broker.topic(topics.source).partition(source.partition).start;
    return new Map([...this.#events].map(([group, events]) => [group, events.filter(isThere)]));
  }
}

function note<T>(lists: Map<string, T[]>, group: string, one: T): void {
  const known = lists.get(group);
  if (known === undefined) lists.set(group, [one]);
  else known.push(one);
}

interface WhatIsRead {
  readonly reports: ByGroup<ReportRecord>;
  readonly events: ByGroup<GroupEvent>;
  readonly waiting: WaitingView;
}

/** What the topics say at one moment, of all groups. */
export class Topics {
  readonly #world: World;
  readonly #read: WhatIsRead;
  /** What waits, as the oracle reads it. */
  readonly live: World['topicOracle']['live'][number]['all'];

  constructor(world: World, read: WhatIsRead) {
    this.#world = world;
    this.#read = read;
    this.live = world.topicOracle.live.flatMap(({ all }) => all);
  }

  /** What `rollcall explain` finds of a member in the topics. */
  evidence(group: string, member: string): Evidence {
    const evidence = new Evidence((name) => name === member);
    for (const record of this.#read.reports.get(group) ?? []) evidence.takeReport(record);
    for (const { intent, state } of waitingOfGroup(this.#read.waiting, group)) evidence.takeWaiting(intent, state);
    for (const event of this.#read.events.get(group) ?? []) evidence.takeEvent(event);
    return evidence;
  }

  /** As `rollcall diff` says, of the group as it is. */
  drift(group: string): Differences {
    return compare(this.known(group), this.shown(group));
  }

  /** As `rollcall undo` reads it. */
  applied(window: Window): AppliedChanges {
    const applied = new AppliedChanges(window);
    for (const [group, reports] of this.#read.reports) for (const record of reports) applied.takeReport(record, group);
    return applied;
  }

  /** As the target has it. */
  shown(group: string): Snapshot {
    return {
      members: this.#world.target.members(group),
      spellings: new Map(),
      nested: new Set(),
      isDoubtful: false,
      version: '"1"',
      tags: { etag: null, meta: null },
    };
  }

  known(group: string): KnownOfGroup {
    const { broker } = this.#world;
    return {
      facts: this.#factsOf(group),
      target: group,
      unreadable: [],
      waiting: waitingOfGroup(this.#read.waiting, group),
      targetOf: (name) => name,
      isCommitted: ({ partition, offset }) => offset < (broker.group('rollcall').committed(partition).offset ?? 0n),
      isSourceGone: false,
      areReportsGone: false,
      wanted: null,
    };
  }

  #factsOf(group: string): GroupFacts {
    const facts = new GroupFacts(group, new KeptIds());
    for (const record of this.#read.reports.get(group) ?? []) facts.takeReport(record);
    for (const { event, source } of this.#read.events.get(group) ?? []) facts.takeEvent(event, source);
    return facts;
  }
}
