/** What the topics and the target say at one moment, read as commands read them. */
import { KeptIds } from '../../../src/core/change/kept-ids.ts';
import { AppliedChanges, type Window } from '../../../src/core/drift/applied-changes.ts';
import { compare } from '../../../src/core/drift/comparison.ts';
import type { Differences, KnownOfGroup } from '../../../src/core/drift/differences.ts';
import { GroupFacts } from '../../../src/core/drift/group-facts.ts';
import type { ReportRecord } from '../../../src/core/report/report.ts';
import type { Snapshot } from '../../../src/core/target/snapshot.ts';
import { changesIn } from '../../../src/console/source-events.ts';
import { readReport } from '../../../src/console/report-search.ts';
import { emptyWaiting, readWaiting, waitingOfGroup } from '../../../src/console/retry-topic.ts';
import { textOf } from '../../oracle/live-records.ts';
import { asFetched } from '../damaged-batches.ts';
import { topics } from '../instance.ts';
import { preparedFormatOf } from '../list-format.ts';
import type { World } from '../world.ts';

/** What the topics say at one moment, of all groups. */
export class Topics {
  readonly #world: World;
  readonly #facts = new Map<string, GroupFacts>();
  readonly #view = emptyWaiting();
  readonly #reports: { readonly record: ReportRecord; readonly group: string }[] = [];
  /** What waits, as the oracle reads it. */
  readonly live: World['topicOracle']['live'][number]['all'];

  constructor(world: World) {
    this.#world = world;
    this.live = world.topicOracle.live.flatMap(({ all }) => all);
    const { settings } = world;
    for (const { value, key } of world.records(topics.report)) {
      const record = readReport(value)?.record;
      const name = record?.source_group ?? (key === null ? null : textOf(key));
      if (record === undefined || name === null) continue;
      this.#of(name).takeReport(record);
      this.#reports.push({ record, group: name });
    }
    for (const record of world.records(topics.retry)) readWaiting(this.#view, record.partition, record);
    const reading = { topic: topics.source, partitionCount: settings.partitions, format: preparedFormatOf(settings) };
    const source = world.records(topics.source);
    for (let partition = 0; partition < settings.partitions; partition++) {
      for (const record of asFetched(source.filter((each) => each.partition === partition))) {
        const changes = changesIn({ ...reading, record: { ...record, partition } });
        for (const { event, source: place } of changes) this.#of(event.group).takeEvent(event, place);
      }
    }
  }

  /** As `rollcall diff` says, of the group as it is. */
  drift(group: string): Differences {
    return compare(this.known(group), this.shown(group));
  }

  /** As `rollcall undo` reads it. */
  applied(window: Window): AppliedChanges {
    const applied = new AppliedChanges(window);
    for (const { record, group } of this.#reports) applied.takeReport(record, group);
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
      facts: this.#of(group),
      target: group,
      unreadable: [],
      waiting: waitingOfGroup(this.#view, group),
      targetOf: (name) => name,
      isCommitted: ({ partition, offset }) => offset < (broker.group('rollcall').committed(partition).offset ?? 0n),
      isSourceGone: false,
      areReportsGone: false,
      wanted: null,
    };
  }

  #of(group: string): GroupFacts {
    const facts = this.#facts.get(group) ?? new GroupFacts(group, new KeptIds());
    this.#facts.set(group, facts);
    return facts;
  }
}
