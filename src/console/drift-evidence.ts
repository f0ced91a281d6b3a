/**
 * What the topics say of groups that are compared with the target, kept up to date: each `refresh` reads on from where the last one
 * ended. Committed offsets come first, then what waits, reports and the source: what the offsets pass was recorded before them.
 */
import { idKey, isChange, isSameId, OFFSET_PATTERN, readOffset, type ChangeEvent } from '../core/change/change.ts';
import type { KnownOfGroup, Unreadable } from '../core/drift/differences.ts';
import type { GroupFacts } from '../core/drift/group-facts.ts';
import { isFormerPlace, type Place } from '../core/drift/place.ts';
import { KnownNames } from '../core/explain/names.ts';
import type { IdKind } from '../core/ids/resolution.ts';
import type { ReportedSource } from '../core/report/former-source.ts';
import type { ReportRecord } from '../core/report/report.ts';
import { isAboutPause } from '../core/report/summary.ts';
import type { TopicRecord } from '../ports.ts';
import { unlessStopped } from './command-context.ts';
import type { GroupSources } from './group-sources.ts';
import { eventsIn, type PlacedEvent } from './source-events.ts';
import { CLOCK_MARGIN_MS, groupIds, groupInKey, readReport, type KeyedReport } from './report-search.ts';
import { KnownGroups } from './known-groups.ts';
import { PresentWaiting } from './present-waiting.ts';
import { SourceLook, type LookSources } from './source-look.ts';
import { TopicReading } from './topic-reading.ts';
import { UnreadableRecords } from './unreadable-records.ts';

export type DriftSources = Pick<GroupSources, 'tools' | 'topics' | 'format' | 'committed' | 'starts' | 'ids'> &
  LookSources;

/** Which groups are compared. */
export interface DriftScope {
  /** By the source or by the target; null: all. */
  readonly groups: readonly string[] | null;
  /** Read all partitions of the source and of the reports, wherever the groups are known to have been. */
  readonly allPartitions: boolean;
  /**
   * Epoch ms: of the reports those from ten minutes before it on are read, and each partition of the source from the oldest record that they
   * are about, or that is not committed. Absent: all.
   */
  readonly since?: number;
}

/** @param record the record that the change is of */
export type ChangeListener = (change: PlacedEvent<ChangeEvent>, record: TopicRecord) => void;

/** @param group as the source spells it @param of which source topic */
export type ReportListener = (record: ReportRecord, group: string, of: ReportedSource) => void;

export class DriftEvidence {
  readonly #sources: DriftSources;
  /** By `idKey`, every name of the groups that are asked for; null: all groups. */
  readonly #names: Set<string> | null;
  readonly #asked: readonly string[];
  readonly #allPartitions: boolean;
  readonly #isPartial: boolean;
  readonly #facts = new KnownGroups();
  readonly #members = new KnownNames();
  readonly #groups = new KnownNames();
  readonly #waiting = new PresentWaiting();
  readonly #retry: TopicReading;
  readonly #reports: TopicReading;
  readonly #source: TopicReading;
  /** Of the source, in which reports have events of the groups that are asked for. */
  readonly #reportedPartitions = new Set<number>();
  readonly #look: SourceLook;
  readonly #unreadable = new UnreadableRecords();
  #committed: ReadonlyMap<number, bigint> = new Map();
  #isSourceGone = false;
  #areReportsGone = false;
  readonly #changeListeners: ChangeListener[] = [];
  readonly #reportListeners: ReportListener[] = [];
  /** By partition of the source, the oldest offset that reports are about. */
  readonly #reportedOffsets = new Map<number, bigint>();

  constructor(sources: DriftSources, { groups, allPartitions, since }: DriftScope) {
    this.#sources = sources;
    this.#allPartitions = allPartitions;
    this.#asked = groups ?? [];
    this.#names = groups === null ? null : new Set(groups.map(idKey));
    const { retry, report, source } = sources.topics;
    this.#retry = new TopicReading('retry', retry, sources, this.#unreadable);
    this.#reports = new TopicReading('report', report, sources, this.#unreadable);
    this.#source = new TopicReading('source', source, sources, this.#unreadable);
    this.#look = new SourceLook(source, sources);
    this.#isPartial = since !== undefined;
    if (since !== undefined) this.#reports.startAtTime(since - CLOCK_MARGIN_MS);
  }

  /**
   * By `idKey`, all groups that the topics name, of those that are asked for; not those that reports of a former source topic alone name,
   * of which nothing is known to be wanted.
   */
  get groups(): readonly string[] {
    return this.#facts.names.filter((group) => {
      const facts = this.#facts.factsOf(group);
      return facts?.newest !== null || !facts.isNamedBefore;
    });
  }

  /** Of batches that cannot be unpacked, each as a sentence without a full stop. */
  get problems(): readonly string[] {
    return this.#unreadable.problems;
  }

  /** About so much memory is taken by what is known of memberships, their names and what waits. */
  get keptBytes(): number {
    const ofNames = this.#members.keptBytes + this.#groups.keptBytes;
    return this.#facts.keptBytes + ofNames + this.#waiting.intentCount * WAITING_BYTES;
  }

  /** Of records that are no reports, as `problems`. */
  get unreadReports(): readonly string[] {
    return this.#unreadable.reportsOf(this.#names);
  }

  /** @throws TopicMovedError where what is known no longer counts. @throws ExitError where a topic is missing, or it was asked to stop. */
  async refresh(): Promise<void> {
    const { committed, context } = this.#sources;
    this.#committed = await unlessStopped(context, committed());
    await this.#readRetry();
    for (const group of await this.#waiting.judge(this.#look)) this.#facts.note(group, (facts) => facts.noteFormer());
    await this.#readReports();
    await this.readSource();
  }

  /** Reads the source on. @throws as `refresh` */
  async readSource(): Promise<void> {
    const { format, topics } = this.#sources;
    const isFirst = !this.#source.isOpen;
    if (isFirst) {
      await this.#source.open();
      this.#source.select(this.#sourcePartitions());
      if (this.#isPartial) this.#skipSettled();
    }
    const { partitionCount } = this.#source;
    for await (const record of this.#source.read()) {
      await format.prepare?.([record]);
      for (const placed of eventsIn({ record, topic: topics.source, partitionCount, format })) {
        const { event, source } = placed;
        const group = isChange(event) || event.kind === 'invalid' ? event.group : null;
        if (group === null || this.#names?.has(idKey(group)) === false) continue;
        const { topic, partition, offset, index, timestamp } = source;
        const place: Place = { topic, partition, offset, index, timestamp };
        if (!isChange(event)) this.#facts.note(group, (facts) => facts.takeInvalid(place));
        else {
          this.#facts.note(group, (facts) => facts.takeEvent(event, place));
          this.#tell({ ...placed, event }, record);
        }
      }
    }
    // What retention took while it was read may not have been read.
    if (isFirst) this.#isSourceGone = await this.#isBeginningGone(this.#source);
  }

  #tell(change: PlacedEvent<ChangeEvent>, record: TopicRecord): void {
    for (const listener of this.#changeListeners) listener(change, record);
  }

  /** What is committed, and older than all that the reports are about, is not needed. */
  #skipSettled(): void {
    for (const partition of this.#source.partitions) {
      const committed = this.#committed.get(partition) ?? 0n;
      const reported = this.#reportedOffsets.get(partition) ?? committed;
      this.#source.startAt(partition, reported < committed ? reported : committed);
    }
  }

  async #isBeginningGone({ topic, partitions }: TopicReading): Promise<boolean> {
    const { starts, context } = this.#sources;
    const offsets = await unlessStopped(context, starts(topic, partitions));
    return [...offsets.values()].some((start) => start > 0n);
  }

  /** Hears of each change that is read of the source from now on, after it is taken. */
  listen(onChange: ChangeListener): void {
    this.#changeListeners.push(onChange);
  }

  /** Hears of each report of the groups that is read from now on, of some twice. */
  listenToReports(onReport: ReportListener): void {
    this.#reportListeners.push(onReport);
  }

  /** @param group by `idKey`, as the source names it; or a name that was asked for. */
  known(group: string, wanted: KnownOfGroup['wanted']): KnownOfGroup {
    const facts = this.#facts.factsOf(group) ?? this.#facts.nothingOf(group);
    return {
      facts,
      target: this.targetOf(group),
      unreadable: this.#unreadableOf(group, facts),
      waiting: this.#waiting.ofGroup(group),
      targetOf: (key) => this.#targetOf('user', key),
      isCommitted: (place) => isFormerPlace(place) || place.offset < (this.#committed.get(place.partition) ?? 0n),
      isSourceGone: this.#isSourceGone,
      areReportsGone: this.#areReportsGone,
      wanted,
    };
  }

  /** As the target spells the group; null: neither the id map nor a report says so. */
  targetOf(group: string): string | null {
    return this.#targetOf('group', this.#facts.factsOf(group)?.spelling ?? group);
  }

  /** The names of a group by the source; that which is asked for, where nothing is known of it. */
  sourcesOf(asked: string): readonly string[] {
    const names = [...this.#groups.namesOf(asked).sources].filter((name) => this.#facts.has(name));
    return names.length === 0 ? [idKey(asked)] : names;
  }

  /** The name by which the source means a member of the target; null: it has none. */
  nameOf(member: string | null, target: string | null): string | null {
    const { ids } = this.#sources;
    if (ids === null) return member ?? target;
    // A report of a full state names whom it removed by the target's name, which no id map is to be asked for.
    const isTargets = member !== null && target !== null && isSameId(member, target);
    return member === null || (isTargets && ids.known('user', member)?.kind !== 'found') ? null : member;
  }

  /** The partition of the source that the group's records are in, or go to. */
  partitionOf(group: string): number {
    return this.#facts.factsOf(group)?.newest?.partition ?? this.#source.partitionOf(group);
  }

  /** What the target calls a member of the source; null: neither the id map nor a report says so. */
  memberTarget(name: string): string | null {
    return this.#targetOf('user', idKey(name));
  }

  /** What the names of one member have in common. */
  memberKey(name: string): string {
    return idKey(this.memberTarget(name) ?? name);
  }

  #unreadableOf(group: string, { partitions: known, spelling }: GroupFacts): readonly Unreadable[] {
    const waiting = this.#waiting.ofGroup(group).map(({ intent }) => intent.source.partition);
    // Nothing says where it may have been.
    const others = known.size === 0 ? this.#source.partitions : [];
    const source = new Set([...known, ...waiting, ...others, this.#source.partitionOf(group)]);
    const report = new Set([group, spelling].map((name) => this.#reports.partitionOf(name)));
    const waits = [...source].flatMap((partition) =>
      this.#waiting.unreadableOf(partition, group).map((problem): Unreadable => {
        const message = `a record of ${this.#retry.topic}/${partition} cannot be read (${problem})`;
        return { topic: 'retry', partition, offset: 0n, message };
      }),
    );
    return [...this.#unreadable.of(group, { source, report }), ...waits];
  }

  /** What the map says now stands before what reports said then. */
  #targetOf(kind: IdKind, name: string): string | null {
    const { ids } = this.#sources;
    if (ids === null) return idKey(name);
    const known = ids.known(kind, name);
    if (known?.kind === 'found') return known.id;
    if (known !== null && known.kind !== 'unanswered' && known.kind !== 'unmapped') return null;
    return (kind === 'group' ? this.#groups : this.#members).targetOf(name);
  }

  async #readRetry(): Promise<void> {
    if (!this.#retry.isOpen) await this.#retry.open();
    for await (const record of this.#retry.read()) this.#waiting.take(record);
  }

  /** Of groups that are asked for the partitions of their keys; all where that is not enough. */
  async #readReports(): Promise<void> {
    const { ids } = this.#sources;
    if (this.#reports.isOpen) {
      await this.#readReportsOn();
      return;
    }
    await this.#reports.open();
    if (this.#names !== null && ids === null && !this.#allPartitions) {
      this.#reports.select(this.#keyPartitions(this.#reports));
      await this.#readReportsOn();
      if (!this.#asked.every((group) => this.#facts.has(idKey(group)))) this.#reports.select(this.#reports.all);
    }
    // A name of the source may have become known by the last report of all.
    while (await this.#readReportsOn()) this.#reports.rewind();
    this.#areReportsGone = await this.#isBeginningGone(this.#reports);
  }

  /** @returns whether a name became known whose reports may have been passed over. */
  async #readReportsOn(): Promise<boolean> {
    let isGrown = false;
    for await (const record of this.#reports.read(() => this.#look.expire())) {
      const { key, value } = record;
      const read = readReport(value);
      if (read === null) this.#unreadable.noteReport(record, this.#reports.topic);
      // Another comparison has found drift, by evidence of its own.
      if (read === null || read.record.outcome === 'drift' || isAboutPause(read.record)) continue;
      const of = (await this.#look.judge())(read.record);
      if (of === null) continue;
      isGrown = this.#takeReport({ record: read.record, key: groupInKey(key) }, of) || isGrown;
    }
    return isGrown;
  }

  /** @returns whether it has made a name of a group known. */
  #takeReport(report: KeyedReport, of: ReportedSource): boolean {
    const { record, key } = report;
    const names = groupIds(report).filter((id) => typeof id === 'string');
    const group = record.source_group ?? key ?? record.group;
    if (group === null || (this.#names !== null && !names.some((id) => this.#names?.has(idKey(id))))) return false;
    const isNew = this.#names?.has(idKey(group)) === false;
    this.#names?.add(idKey(group));
    if (record.group !== null) this.#groups.note(group, record.group);
    const { source_member: name = null, member } = record;
    if (this.#sources.ids !== null && name !== null && member !== null) this.#members.note(name, member);
    this.#facts.note(group, (facts) => facts.takeReport(record, of));
    for (const listener of this.#reportListeners) listener(record, group, of);
    if (of === 'former') return isNew;
    this.#noteReported(record.source);
    if (this.#names !== null) this.#reportedPartitions.add(record.source.partition);
    return isNew;
  }

  #noteReported({ partition, offset }: ReportRecord['source']): void {
    if (!OFFSET_PATTERN.test(offset)) return;
    const known = this.#reportedOffsets.get(partition);
    const at = readOffset(offset).offset;
    if (known === undefined || at < known) this.#reportedOffsets.set(partition, at);
  }

  /** Where groups are known to have been; a producer may choose partitions in another way than Kafka's own, or by other keys. */
  #sourcePartitions(): readonly number[] {
    const { all } = this.#source;
    if (this.#names === null || this.#allPartitions) return all;
    const known = new Set(this.#keyPartitions(this.#source));
    for (const partition of this.#reportedPartitions) if (this.#source.has(partition)) known.add(partition);
    for (const asked of this.#asked) {
      const places = this.sourcesOf(asked).flatMap((group) => {
        const newest = this.#facts.factsOf(group)?.newest ?? null;
        const waiting = this.#waiting.ofGroup(group).map(({ intent }) => intent.source.partition);
        return (newest === null ? waiting : [newest.partition, ...waiting]).filter((each) => this.#source.has(each));
      });
      if (places.length === 0) return all;
      for (const partition of places) known.add(partition);
    }
    return [...known];
  }

  #keyPartitions(reading: TopicReading): readonly number[] {
    return [...new Set([...(this.#names ?? [])].map((name) => reading.partitionOf(name)))];
  }
}

/** Of a change. */
const WAITING_BYTES = 500;
