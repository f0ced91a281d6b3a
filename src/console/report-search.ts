/**
 * Reads of the report topic what a selection needs: between the offsets of two times, and of a group the partition of its key.
 * Where that holds nothing of the group, all other partitions: the key is the source's id, and the id that was asked for
 * may be the one of Genesys Cloud.
 */
import { idKey, isStoredId, readIntentId } from '../core/change/change.ts';
import { partitionOfKey } from '../core/log/reading.ts';
import type { ReadProgress } from '../core/log/reading.ts';
import { textOf } from '../core/log/wire-intent.ts';
import { standingOf } from '../core/report/breakdown.ts';
import { ReportRecord } from '../core/report/report.ts';
import { compareStanding, isAboutPause, operationId, standsSince, type Standing } from '../core/report/summary.ts';
import type { LogTools, TopicRecord } from '../ports.ts';
import { visible } from '../core/text/visible.ts';
import { print, type CommandContext } from './command-context.ts';

/** Timestamps are those of the sender or of the broker, and their clocks may differ. */
export const CLOCK_MARGIN_MS = 600_000;

/** Where report records are read: from their topic, or from an index. */
export interface ReportSource {
  /** Of a record at least those that concern the selection; of one partition in order. */
  read(partitions: readonly number[], onProgress: (progress: ReadProgress) => void): AsyncIterable<TopicRecord>;
  /** Of records besides those that are read. */
  readonly outcomes: readonly string[];
}

export interface ReportSearch {
  readonly source: ReportSource;
  readonly partitionCount: number;
  readonly selection: ReportSelection;
  /** Go on with what is written later, in all partitions. */
  readonly follow: boolean;
  /** A group is looked for in every partition. */
  readonly allPartitions: boolean;
  readonly context: Pick<CommandContext, 'stderr' | 'stop'>;
}

interface TopicSearch extends Pick<ReportSearch, 'selection' | 'follow' | 'context'> {
  readonly tools: Pick<LogTools, 'read'>;
  readonly topic: string;
}

export const reportTopic = ({ tools, topic, selection, follow, context }: TopicSearch): ReportSource => ({
  outcomes: [],
  read: (partitions, onProgress) => {
    const { since, until } = selection;
    const from = since === null ? 'beginning' : { since: since - CLOCK_MARGIN_MS };
    const end = until === undefined ? {} : { until: until + CLOCK_MARGIN_MS };
    return tools.read(topic, {
      from,
      ...end,
      partitions,
      follow,
      onProgress,
      signal: context.stop,
      unreadable: 'tell',
    });
  },
});

export interface FoundReport extends KeyedReport {
  /** As it was written, with fields that only a newer version knows. */
  readonly json: unknown;
}

/** Reads report records, and knows what it has read so far. */
export class SearchedReports {
  /** Of the partitions that are being read. */
  progress: ReadProgress = { passed: 0, total: 0 };
  /** Those that are read, or were. */
  readonly partitions = new Set<number>();
  readonly outcomes: Set<string>;
  recordCount = 0;
  /** Records that are no report records. */
  unreadableCount = 0;
  /** Of batches that cannot be unpacked. */
  readonly problems: string[] = [];
  readonly #search: ReportSearch;
  readonly #groupsFound = new Set<string>();
  /** By operation, what counts of those that were held from before the selection's `since` on. */
  readonly #heldBefore = new Map<string, CountedRecord>();

  constructor(search: ReportSearch) {
    this.#search = search;
    this.outcomes = new Set(search.source.outcomes);
  }

  /** Removals that are left out of the selection since they have been held from before its `since` on; of those that were read. */
  get heldBeforeCount(): number {
    const { selection } = this.#search;
    return [...this.#heldBefore.values()].filter((record) => isHeldBefore(selection, record)).length;
  }

  /** Records that concern the selected groups and members, of every outcome, and of every time before the selection's end. */
  async *read(): AsyncGenerator<FoundReport> {
    const { partitionCount, context } = this.#search;
    const all = Array.from({ length: partitionCount }, (_, partition) => partition);
    const first = this.#partitionsOfKeys() ?? all;
    yield* this.#readPartitions(first);
    const missing = [...(this.#search.selection.groups ?? [])].filter((group) => !this.#groupsFound.has(group));
    const others = all.filter((partition) => !first.includes(partition));
    if (missing.length === 0 || others.length === 0 || context.stop.aborted) return;
    const what = `nothing of group ${missing.map(visible).join(', ')} in partition ${first.join(', ')} of the reports`;
    await print(context.stderr, `${what}; reading the others, as it may be an id of Genesys Cloud\n`);
    yield* this.#readPartitions(others);
  }

  /** null: the key does not say. */
  #partitionsOfKeys(): readonly number[] | null {
    const { selection, follow, allPartitions, partitionCount } = this.#search;
    if (selection.groups === null || follow || allPartitions) return null;
    return [...new Set([...selection.groups].map((group) => partitionOfKey(Buffer.from(group), partitionCount)))];
  }

  async *#readPartitions(partitions: readonly number[]): AsyncGenerator<FoundReport> {
    const { source, selection } = this.#search;
    for (const partition of partitions) this.partitions.add(partition);
    const onProgress = (progress: ReadProgress): void => {
      this.progress = progress;
    };
    for await (const each of source.read(partitions, onProgress)) {
      const found = this.#take(each);
      if (found === null || !concernsSelected(selection, found)) continue;
      this.#noteGroup(found);
      if (!isInTime(selection, found.record)) continue;
      this.#noteHeld(found.record);
      yield found;
    }
  }

  #noteHeld(record: ReportRecord): void {
    const { selection, follow } = this.#search;
    if (selection.since === null || follow) return;
    const id = operationId(record);
    const known = this.#heldBefore.get(id);
    if (known === undefined ? !isHeldBefore(selection, record) : compareStanding(record, known) < 0) return;
    const { final, outcome, epoch, attempt, reported_at, held_since } = record;
    const held = held_since === undefined ? {} : { held_since };
    this.#heldBefore.set(id, { id: record.id, final, outcome, epoch, attempt, reported_at, ...held });
  }

  /** A pause is reported under the name that the operator gave, wherever the group's own reports are. */
  #noteGroup(found: FoundReport): void {
    if (isAboutPause(found.record)) return;
    for (const id of groupIds(found)) if (typeof id === 'string') this.#groupsFound.add(idKey(id));
  }

  #take({ key, value, unreadable }: TopicRecord): FoundReport | null {
    this.recordCount += 1;
    const read = readReport(value);
    if (unreadable !== undefined) this.problems.push(unreadable.message);
    else if (read === null) this.unreadableCount += 1;
    if (read === null) return null;
    this.outcomes.add(read.record.outcome);
    return { ...read, key: groupInKey(key) };
  }
}

/** null: not a report record, or one with an id that could stand in no path and no filter. */
export function readReport(value: Uint8Array | null): { readonly record: ReportRecord; readonly json: unknown } | null {
  if (value === null) return null;
  try {
    const json: unknown = JSON.parse(Buffer.from(value).toString());
    const record = ReportRecord.parse(json);
    return idsIn(record).every(isStoredId) ? { record, json } : null;
  } catch {
    return null;
  }
}

/** Of groups and members; where a record was too large its own id alone names the member. */
function idsIn(record: ReportRecord): readonly string[] {
  const { group, member, source_group: sourceGroup, source_member: sourceMember, superseded_by: winner } = record;
  const operations = [operationId(record), winner].map((id) => (id === null ? null : readIntentId(id)));
  const named = operations.map((operation) => operation?.member);
  return [group, member, sourceGroup, sourceMember, ...named].filter((id) => typeof id === 'string');
}

/** The group that the key of a report names; null: none, as where the record that it is about was unreadable, and had another key. */
export function groupInKey(key: Uint8Array | null): string | null {
  const text = textOf(key);
  return text !== null && isStoredId(text) ? text : null;
}

/* Which report records a reader asks for. Every criterion that is given has to hold; of one with several values any. */

/** null: any. Groups and members by their `idKey`, of the identity provider or of Genesys Cloud. */
export interface ReportSelection {
  readonly groups: ReadonlySet<string> | null;
  readonly members: ReadonlySet<string> | null;
  readonly outcomes: ReadonlySet<string> | null;
  /** Epoch ms: the record that counts is of then or later, by `standsSince`. */
  readonly since: number | null;
  /** Epoch ms: records of then or later, by `standsSince`, are not there, so that what counted before counts. Absent: all are there. */
  readonly until?: number;
}

/** A record of the report topic, and the `groupInKey`: the source's id of the group, also where the record was too large to hold it. */
export interface KeyedReport {
  readonly record: ReportRecord;
  readonly key: string | null;
}

/** Holds for all records of an operation or for none: those that do not matter need not be kept. */
export const concernsSelected = (selection: ReportSelection, report: KeyedReport): boolean =>
  isNamed(selection.groups, groupIds(report)) &&
  isNamed(selection.members, [report.record.member, sourceMemberOf(report.record)]);

/** All ids that the record's group goes by. */
export const groupIds = ({ record, key }: KeyedReport): readonly (string | null | undefined)[] => [
  record.group,
  record.source_group,
  key,
];

/** Of a record that is shown as it is, or that counts of its operation. */
export const endedAsSelected = (
  { outcomes, since }: ReportSelection,
  record: Pick<ReportRecord, 'outcome' | 'reported_at' | 'held_since'>,
): boolean => (outcomes?.has(record.outcome) ?? true) && (since === null || Date.parse(standsSince(record)) >= since);

const isInTime = ({ until = Infinity }: ReportSelection, record: ReportRecord): boolean =>
  Date.parse(standsSince(record)) < until;

type CountedRecord = Standing & Pick<ReportRecord, 'outcome' | 'held_since'>;

/** But for the time it is asked for. */
const isHeldBefore = ({ outcomes, since }: ReportSelection, record: CountedRecord): boolean =>
  standingOf(record) === 'held' &&
  (outcomes?.has(record.outcome) ?? true) &&
  since !== null &&
  Date.parse(standsSince(record)) < since;

/** A record that was too large holds it in its id alone. */
function sourceMemberOf(record: ReportRecord): string | null {
  const { source_member: member = null, source } = record;
  const position = `${source.topic}/${source.partition}/${source.offset}/`;
  const id = operationId(record);
  return member ?? (id.startsWith(position) ? id.slice(position.length) : null);
}

const isNamed = (wanted: ReadonlySet<string> | null, ids: readonly (string | null | undefined)[]): boolean =>
  wanted === null || ids.some((id) => typeof id === 'string' && wanted.has(idKey(id)));
