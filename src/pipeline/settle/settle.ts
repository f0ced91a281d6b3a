/**
 * Room pipeline/settle: what is written to Kafka: reports, dead letters, live records, answers, offsets.
 * Not here: what a report says (core/report), and which intents there are (intents).
 *
 * One batch at a time, in three acknowledged steps (spec: report-first, record-first, owner-commit). What cannot be written for one
 * partition stops only the offsets that depend on it.
 */
import { isSamePosition, type Intent, type Position } from '../../core/change/change.ts';
import { closeComplete, tidyCommitted } from '../intents/conclude.ts';
import type { Group, Partition } from '../state/group.ts';
import type { Member } from '../state/member.ts';
import type { Due, Outgoing } from '../state/outbox.ts';
import type { Owners } from '../state/owners.ts';
import { tidyGroup } from '../state/partitions.ts';
import type { Place } from '../state/unsettled.ts';
import { renderPartition, type DueRecord, writeAgain } from './live-records.ts';
import { recordAcknowledged } from './record.ts';
import { TOO_LARGE, Writer, isWritable, laneName, noteFailure, tryTogether, type Written } from './writer.ts';
import { errorText } from '../../core/text/visible.ts';

/** Of one round: rendering and writing more would block the event loop. */
const REPORTS_MAX = 1_000;
/** Likewise; a live record may hold as many changes as a round has reports. */
const RECORDS_MAX = 500;

export class Settler {
  readonly #owners: Owners;
  readonly #writer: Writer;
  /** Partitions that were committed, in all. */
  #commits = 0;
  /** Of the one timer. */
  #cancelRetry: () => void = () => undefined;

  constructor(owners: Owners) {
    this.#owners = owners;
    this.#writer = new Writer(owners);
  }

  /** One round; false: there was nothing to do, or it did not work and is tried again later. */
  async settleOnce(): Promise<boolean> {
    const isReported = await this.#sendReports();
    const isRecorded = await this.#sendRecords();
    const isCommitted = await this.#commit();
    this.#retryLater();
    return isReported || isRecorded || isCommitted;
  }

  /** Nothing is tried again from now on. */
  close(): void {
    this.#cancelRetry();
  }

  #retryLater(): void {
    const { unsettled, clock, settle } = this.#owners;
    this.#cancelRetry();
    const inMs = unsettled.nextInMs(clock.now());
    this.#cancelRetry = inMs === null ? () => undefined : clock.schedule(inMs, settle);
  }

  async #sendReports(): Promise<boolean> {
    const { outbox } = this.#owners;
    this.#tidyPlaces();
    const batch = this.#takeBatch();
    if (batch.length === 0) return false;
    const results = await this.#writer.write(batch);
    let hasMoved = false;
    const reported: Due[] = [];
    for (const [i, outgoing] of batch.entries()) {
      const fate = this.#noteResult(outgoing, results[i]);
      hasMoved ||= fate !== 'waits';
      if (fate === 'written' && outbox.acknowledge(outgoing)) reported.push(outgoing.due);
    }
    acknowledge(this.#owners, reported);
    for (const group of new Set(reported.map((due) => due.group))) if (group !== null) tidyGroup(this.#owners, group);
    // Behind a full batch that waits there may be others that need not wait.
    return hasMoved || batch.length === REPORTS_MAX;
  }

  #noteResult(outgoing: Outgoing, result: Written | undefined): 'written' | 'cut' | 'waits' {
    const { logger } = this.#owners;
    outgoing.waitFor(result?.waitsFor ?? null);
    if (result?.outcome === 'written') return 'written';
    if (result?.outcome !== 'too_large') return 'waits';
    const { own, isCut } = outgoing;
    if (outgoing.cut()) {
      if (!isCut) logger.warn({ topic: own.topic, record: own.name }, 'a record is too large and is cut until it fits');
      return 'cut';
    }
    outgoing.waitFor(own.name);
    noteFailure(this.#owners, own, TOO_LARGE);
    return 'waits';
  }

  /** Reports of partitions that wait for their fence wait too: their epoch is not known. */
  #takeBatch(): readonly Outgoing[] {
    const { outbox, unsettled, clock } = this.#owners;
    const now = clock.now();
    const batch: Outgoing[] = [];
    for (const outgoing of outbox.outgoing((partition) => isWritable(this.#owners, partition))) {
      if (batch.length === REPORTS_MAX) break;
      if (outgoing.waitsFor === null || !unsettled.isWaiting(outgoing.waitsFor, now)) batch.push(outgoing);
    }
    return batch;
  }

  /** Forgets places that nothing waits for any more: their partition was lost, perhaps during a write. */
  #tidyPlaces(): void {
    const { outbox, unsettled, partitions, options } = this.#owners;
    if (unsettled.size === 0) return;
    const wanted = new Set(outbox.waitedFor());
    const { report, deadLetter } = options.topics;
    unsettled.retain(({ name, topic, act, owner }) => {
      if (topic === report || topic === deadLetter) return wanted.has(name);
      const partition = owner === null ? undefined : partitions.get(owner);
      return partition === undefined ? owner === null : partition.isWaitingFor(act);
    });
  }

  async #sendRecords(): Promise<boolean> {
    const { partitions, unsettled, options } = this.#owners;
    const now = this.#owners.clock.now();
    const rendered: DueRecord[] = [];
    for (const partition of partitions) {
      partition.removals.owe();
      const lane = laneName(options.topics.retry, partition.number);
      if (!partition.isRestored || unsettled.isWaiting(lane, now)) continue;
      rendered.push(...renderPartition(this.#owners, partition, RECORDS_MAX - rendered.length));
    }
    if (rendered.length === 0) return false;
    const results = await this.#writer.write(rendered);
    let hasMoved = false;
    rendered.forEach((each, i) => {
      if (!this.#owners.partitions.isCurrent(each.partition)) return;
      // Under a former epoch it may lie behind the new fence, and be void.
      const isInTime = each.epoch === each.partition.ownership.epoch;
      const outcome = (isInTime ? results[i]?.outcome : null) ?? 'unwritten';
      const isSmaller = outcome !== 'written' && writeAgain(this.#owners, each, outcome);
      if (outcome === 'written' && each.kind === 'state') {
        each.partition.noteRecordWritten(each.group);
        recordAcknowledged(this.#owners, each.group, each);
      }
      if (outcome === 'written' && each.kind === 'removals') each.partition.removals.acknowledge(each.key);
      if (outcome === 'written' && each.kind === 'pauses') each.partition.pauses.acknowledge();
      hasMoved ||= isSmaller || outcome === 'written';
    });
    return hasMoved;
  }

  /** After a failed commit one by one. */
  async #commit(): Promise<boolean> {
    const due = [...this.#owners.partitions]
      .filter(({ hasDueCommit }) => hasDueCommit)
      .map((partition) => ({ partition, place: this.#offsetOf(partition) }));
    const before = this.#commits;
    await tryTogether(this.#owners, due, (some) => this.#commitOnce(some.map(({ partition }) => partition)));
    return this.#commits > before;
  }

  /** Those that are owned without a break, at what is complete by now, in the tick of the check. null: it has not failed. */
  async #commitOnce(partitions: readonly Partition[]): Promise<Error | null> {
    const { lease, unsettled, log } = this.#owners;
    if (lease.isHalted) return null;
    const owned = partitions.filter((partition) => this.#owners.partitions.isCurrent(partition));
    const due = owned.flatMap((partition) => {
      const commit = partition.dueCommit();
      return commit === null ? [] : { partition, commit };
    });
    if (due.length === 0) return null;
    try {
      await log.commit(due.map(({ commit }) => commit.commit));
    } catch (error) {
      return error instanceof Error ? error : new Error(errorText(error));
    }
    this.#commits += due.length;
    for (const { partition, commit } of due) {
      partition.offsets.noteCommitted(commit);
      unsettled.clear(this.#offsetOf(partition).name);
      tidyCommitted(this.#owners, partition);
    }
    return null;
  }

  #offsetOf({ number }: Partition): Place {
    const topic = this.#owners.options.topics.source;
    return { name: `offset of ${laneName(topic, number)}`, topic, act: 'commit', owner: number };
  }
}

/** A member that was reported about, with the positions of its reports. */
interface Reported {
  readonly group: Group;
  readonly name: string;
  readonly positions: Position[];
  /** The highest offset. */
  upTo: bigint;
}

/** Together, since one member may have 100,000 that are open: they are gone through once, and not beyond the last of the batch. */
function acknowledge(owners: Owners, batch: readonly Due[]): void {
  const reported = new Map<Member, Reported>();
  for (const { partition, group, offset, report } of batch) {
    if (group !== null && report.intent !== null) acknowledgeChange(group, report.intent, reported);
    else if (offset !== null) partition.offsets.complete(offset);
  }
  for (const [member, { group, name, positions, upTo }] of reported) {
    member.noteSourcesReported(isAtOneOf(positions), upTo);
    // What changed in memory may be said in the live record now.
    if (member.recorded !== null || member.isPendingReported) group.partition.toWrite.addInTime(group);
    closeComplete(group, name, member, upTo);
    group.tidyMember(name);
  }
  if (reported.size > 0) owners.settle();
}

function acknowledgeChange(group: Group, intent: Intent, reported: Map<Member, Reported>): void {
  const { source, member: name } = intent;
  if (intent.op !== 'state' && group.expansions.length > 0) {
    group.accountForExpansions(source);
    group.partition.toWrite.addInTime(group);
  }
  const member = group.members.get(name);
  if (member === undefined || intent === member.revived) return;
  member.noteReported(source);
  const known = reported.get(member);
  if (known === undefined) return void reported.set(member, { group, name, positions: [source], upTo: source.offset });
  known.positions.push(source);
  if (source.offset > known.upTo) known.upTo = source.offset;
}

function isAtOneOf(positions: readonly Position[]): (source: Position) => boolean {
  const [first] = positions;
  if (positions.length === 1) return (source) => isSamePosition(source, first);
  const byOffset = new Map<bigint, Position[]>();
  for (const position of positions) {
    const others = byOffset.get(position.offset);
    if (others === undefined) byOffset.set(position.offset, [position]);
    else others.push(position);
  }
  return (source) => byOffset.get(source.offset)?.some((position) => isSamePosition(position, source)) === true;
}
