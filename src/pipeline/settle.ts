/**
 * The one place that writes reports, dead letters and live records, then commits offsets: one batch at a time, in three
 * acknowledged steps (spec: report-first, record-first, owner-commit). What cannot be written for one partition stops only
 * the offsets that depend on it.
 */
import { encodeCommit } from '../core/log/commit-metadata.ts';
import { committable, complete, completedRanges, RANGES_MAX } from '../core/log/ledger.ts';
import { isSamePosition, type Position } from '../core/change/change.ts';
import type { SourceMark } from '../core/log/commit-metadata.ts';
import type { Commit } from '../ports.ts';
import { closeComplete } from './conclude.ts';
import type { Context } from './context.ts';
import { errorText, isCurrent } from './context.ts';
import { limitIntake } from './intake.ts';
import { type Outgoing, outgoingOf } from './outgoing.ts';
import { type Rendered, renderPartition, writeAgain } from './live-records.ts';
import { tidyCommitted } from './marks.ts';
import { recorded } from './record.ts';
import type { Member } from './member.ts';
import type { Group } from './group.ts';
import type { Due, Partition } from './state.ts';
import { isRestored, tidyGroup, tidyMember } from './partition.ts';
import type { Place } from './unsettled.ts';
import { laneName, noteFailure, TOO_LARGE, tryEach, type Written, Writer } from './writer.ts';

/** kafkajs blocks the event loop with larger ones (kafkajs.md 7.3). */
const BATCH_MAX = 500;

export class Settler {
  readonly #context: Context;
  readonly #writer: Writer;
  /** What of each due report is still to be written. */
  readonly #outgoing = new WeakMap<Due, readonly Outgoing[]>();
  /** Partitions that were committed, in all. */
  #commits = 0;
  /** Of the one timer. */
  #cancelRetry: () => void = () => undefined;

  constructor(context: Context) {
    this.#context = context;
    this.#writer = new Writer(context);
  }

  /** One round; false: there was nothing to do, or it did not work and is tried again later. */
  async settleOnce(): Promise<boolean> {
    const isReported = await this.#sendReports();
    const isRecorded = await this.#sendRecords();
    const isCommitted = await this.#commit();
    limitIntake(this.#context);
    this.#retryLater();
    return isReported || isRecorded || isCommitted;
  }

  /** Nothing is tried again from now on. */
  close(): void {
    this.#cancelRetry();
  }

  #retryLater(): void {
    const { state, clock, settle } = this.#context;
    this.#cancelRetry();
    const inMs = state.unsettled.nextInMs(clock.now());
    this.#cancelRetry = inMs === null ? () => undefined : clock.schedule(inMs, settle);
  }

  async #sendReports(): Promise<boolean> {
    const { state } = this.#context;
    this.#tidyPlaces();
    const batch = this.#takeBatch();
    const due = batch.flatMap((each) => this.#dueOf(each));
    if (due.length === 0) return false;
    const results = await this.#writer.write(
      due.map((each) => ({
        record: each.record(),
        own: each.own,
        isWanted: () => isWritable(this.#context, each.partition),
      })),
    );
    const hasMoved = due.map((each, i) => this.#take(each, results[i])).includes(true);
    const done = batch.filter((each) => this.#outgoingOf(each).every(({ isWritten }) => isWritten));
    for (const each of done) state.outbox.delete(each);
    const kept = done.filter(({ partition }) => isCurrent(this.#context, partition));
    acknowledge(this.#context, kept);
    for (const { subject } of kept) if (subject !== null) letGo(this.#context, subject.group);
    // Behind a full batch that waits there may be others that need not wait.
    return hasMoved || batch.length === BATCH_MAX;
  }

  /** Answers whether it has come nearer to its end. */
  #take(outgoing: Outgoing, result: Written | undefined): boolean {
    const { logger } = this.#context;
    outgoing.waitsFor = result?.waitsFor ?? null;
    outgoing.isWritten = result?.outcome === 'written';
    if (result?.outcome !== 'too_large') return outgoing.isWritten;
    const { own, isCut } = outgoing;
    if (outgoing.cut()) {
      if (!isCut) logger.warn({ topic: own.topic, record: own.name }, 'a record is too large and is cut until it fits');
      return true;
    }
    outgoing.waitsFor = own.name;
    noteFailure(this.#context, own, TOO_LARGE);
    return false;
  }

  /** Reports of partitions that wait for their fence wait too: their epoch is not known. */
  #takeBatch(): readonly Due[] {
    const batch: Due[] = [];
    for (const due of this.#context.state.outbox) {
      if (batch.length === BATCH_MAX) break;
      if (!isWritable(this.#context, due.partition)) continue;
      if (this.#dueOf(due).length > 0) batch.push(due);
    }
    return batch;
  }

  /** The next that is to be written, unless it waits. */
  #dueOf(due: Due): readonly Outgoing[] {
    const { unsettled } = this.#context.state;
    const next = this.#outgoingOf(due).find(({ isWritten }) => !isWritten);
    if (next === undefined) return [];
    const isWaiting = next.waitsFor !== null && unsettled.isWaiting(next.waitsFor, this.#context.clock.now());
    return isWaiting ? [] : [next];
  }

  #outgoingOf(due: Due): readonly Outgoing[] {
    const known = this.#outgoing.get(due) ?? outgoingOf(due, this.#context.options.topics.report);
    this.#outgoing.set(due, known);
    return known;
  }

  /** A place that nothing waits for any more is no trouble: its partition was lost, perhaps while a write was on its way. */
  #tidyPlaces(): void {
    const { state, options } = this.#context;
    if (state.unsettled.isEmpty) return;
    const wanted = new Set(
      [...state.outbox].flatMap((due) =>
        this.#outgoingOf(due).flatMap(({ isWritten, waitsFor }) => (isWritten ? [] : (waitsFor ?? []))),
      ),
    );
    const { report, deadLetter } = options.topics;
    state.unsettled.retain(({ name, topic, act, owner }) => {
      if (topic === report || topic === deadLetter) return wanted.has(name);
      const partition = owner === null ? undefined : state.partitions.get(owner);
      return partition === undefined ? owner === null : isWaitedFor(partition, act);
    });
  }

  async #sendRecords(): Promise<boolean> {
    const { state, options } = this.#context;
    const now = this.#context.clock.now();
    const rendered: Rendered[] = [];
    for (const partition of state.partitions.values()) {
      partition.removals.owe();
      const lane = laneName(options.topics.retry, partition.number);
      if (!isRestored(partition) || state.unsettled.isWaiting(lane, now)) continue;
      rendered.push(...renderPartition(this.#context, partition, BATCH_MAX - rendered.length));
    }
    if (rendered.length === 0) return false;
    const results = await this.#writer.write(rendered);
    let hasMoved = false;
    rendered.forEach((each, i) => {
      if (!isCurrent(this.#context, each.partition)) return;
      if (each.kind === 'state') each.partition.unacknowledged.remove(each.group);
      // Under a former epoch it may lie behind the new fence, and be void.
      const isInTime = each.epoch === each.partition.epoch;
      const outcome = (isInTime ? results[i]?.outcome : null) ?? 'unwritten';
      const isSmaller = outcome !== 'written' && writeAgain(this.#context, each, outcome);
      if (outcome === 'written' && each.kind === 'state') {
        recorded(this.#context, each.group, each);
        if (each.partition.toWrite.noteWritten(each.group)) each.partition.lastCommit = null;
      }
      if (outcome === 'written' && each.kind === 'removals') each.partition.removals.acknowledge(each.key);
      hasMoved ||= isSmaller || outcome === 'written';
    });
    return hasMoved;
  }

  /** After a failed commit one by one. */
  async #commit(): Promise<boolean> {
    const { state, clock } = this.#context;
    const due = [...state.partitions.values()]
      .filter((partition) => commitOf(partition) !== null)
      .map((partition) => ({ partition, place: this.#offsetOf(partition) }))
      .filter(({ place }) => !state.unsettled.isWaiting(place.name, clock.now()));
    const alone = due.filter(({ place }) => state.unsettled.isFailing(place.name));
    const together = due.filter((each) => !alone.includes(each));
    const before = this.#commits;
    const error = await this.#commitOnce(together.map(({ partition }) => partition));
    const [only] = together;
    if (error !== null && only !== undefined && together.length === 1) noteFailure(this.#context, only.place, error);
    await tryEach(this.#context, error !== null && together.length > 1 ? [...alone, ...together] : alone, (each) =>
      this.#commitOnce([each.partition]),
    );
    return this.#commits > before;
  }

  /** Those that are owned without a break, at what is complete by now, in the tick of the check. null: it has not failed. */
  async #commitOnce(partitions: readonly Partition[]): Promise<Error | null> {
    const { state, log } = this.#context;
    if (state.isHalted) return null;
    const owned = partitions.filter((partition) => isCurrent(this.#context, partition));
    const due = owned.flatMap((partition) => commitOf(partition) ?? []);
    if (due.length === 0) return null;
    try {
      await log.commit(due.map(({ commit: each }) => each));
    } catch (error) {
      return error instanceof Error ? error : new Error(errorText(error));
    }
    this.#commits += due.length;
    for (const { partition, commit: each, progress, retryEpoch } of due) {
      partition.mark = { ...partition.mark, retryEpoch };
      partition.lastCommit = { offset: each.offset, progress };
      state.unsettled.clear(this.#offsetOf(partition).name);
      tidyCommitted(this.#context, partition);
    }
    return null;
  }

  #offsetOf({ number }: Partition): Place {
    const topic = this.#context.options.topics.source;
    return { name: `offset of ${laneName(topic, number)}`, topic, act: 'commit', owner: number };
  }
}

/** Ours, and its epoch is known. */
const isWritable = (context: Context, partition: Partition): boolean =>
  isCurrent(context, partition) && isRestored(partition);

/** A member that was reported about, with the positions of its reports. */
interface Reported {
  readonly group: Group;
  readonly name: string;
  /** Offset → positions at that offset. */
  readonly positions: Map<bigint, readonly Position[]>;
  /** The highest offset. */
  upTo: bigint;
}

/** Together, since one member may have 100,000 that are open: they are gone through once, and not beyond the last of the batch. */
function acknowledge(context: Context, batch: readonly Due[]): void {
  const reported = new Map<Member, Reported>();
  for (const due of batch) {
    if (!due.report.final) continue;
    if (due.subject !== null) acknowledgeChange(due.partition, due.subject, reported);
    else if (due.partition.ledger !== null) complete(due.partition.ledger, due.offset);
  }
  for (const [member, { group, name, positions, upTo }] of reported) {
    member.noteFinished((source) => isAmong(source, positions), upTo);
    // What changed in memory may be said in the live record now.
    if (member.recorded !== null || member.isPendingReported) group.partition.toWrite.addInTime(group);
    closeComplete(group, name, member, upTo);
    tidyMember(group, name);
  }
  if (reported.size > 0) context.settle();
}

function acknowledgeChange(
  partition: Partition,
  { group, intent }: NonNullable<Due['subject']>,
  reported: Map<Member, Reported>,
): void {
  const { source, member: name } = intent;
  if (intent.op !== 'state' && group.expansions.length > 0) {
    group.accountForExpansions(source);
    partition.toWrite.addInTime(group);
  }
  const member = group.members.get(name);
  if (member === undefined || intent === member.revived) return;
  const all = reported.get(member) ?? { group, name, positions: new Map(), upTo: source.offset };
  all.positions.set(source.offset, [...(all.positions.get(source.offset) ?? []), source]);
  if (source.offset > all.upTo) all.upTo = source.offset;
  reported.set(member, all);
  member.noteReported(source);
}

const isAmong = (position: Position, positions: Reported['positions']): boolean =>
  positions.get(position.offset)?.some((each) => isSamePosition(each, position)) === true;

/** One answer less is waited for on behalf of the group. */
function letGo(context: Context, group: Group): void {
  group.partition.unacknowledged.remove(group);
  tidyGroup(context, group);
}

/** A fence, or the start of a restore, ends its own trouble. */
function isWaitedFor(partition: Partition, act: Place['act']): boolean {
  if (!isRestored(partition)) return true;
  const { toWrite, answers, formerKeys, removals } = partition;
  if (act === 'commit') return isCommitDue(partition);
  return act === 'read' || removals.isDue || toWrite.size + answers.length + formerKeys.size > 0;
}

const isCommitDue = (partition: Partition): boolean =>
  isRestored(partition) && partition.ledger?.progress !== partition.lastCommit?.progress;

interface DueCommit {
  readonly partition: Partition;
  readonly commit: Commit;
  readonly progress: number;
  /** That it names. */
  readonly retryEpoch: number | null;
}

function commitOf(partition: Partition): DueCommit | null {
  const { ledger, number, removals } = partition;
  // The guard of the next owner counts what completes the offsets (protocol.md 11.3).
  if (ledger === null || removals.isOwing || !isCommitDue(partition)) return null;
  const offset = committable(ledger);
  const mark = { ...partition.mark, ...retryOf(partition) };
  const metadata = encodeCommit(offset, { ranges: completedRanges(ledger, RANGES_MAX), mark });
  const { retryEpoch } = mark;
  return { partition, commit: { partition: number, offset, metadata }, progress: ledger.progress, retryEpoch };
}

/** What is not in a recreated topic again yet is missed by the next owner. */
const retryOf = ({ toWrite, goneRetry, mark, epoch }: Partition): Pick<SourceMark, 'retryTopicId' | 'retryEpoch'> =>
  toWrite.hasLost && goneRetry !== null
    ? { retryTopicId: goneRetry.topicId, retryEpoch: goneRetry.epoch }
    : { retryTopicId: mark.retryTopicId, retryEpoch: epoch };
