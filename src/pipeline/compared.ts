/**
 * What a comparison beside the pipeline asks of it, and what it hands to it (protocol.md 14): when one more request delays no known change,
 * which groups are to be compared, and members that differ, for their reports.
 */
import { idKey, type ChangeSource } from '../core/change/change.ts';
import type { DriftFacts } from '../core/report/drift-report.ts';
import { driftReport } from '../core/report/reporting.ts';
import type { Partition } from './state/group.ts';
import type { Owners } from './state/owners.ts';
import type { Pauses } from './state/pauses.ts';

/** One ownership of a partition; the next one is another object. */
export interface OwnedPartition {
  readonly number: number;
}

/** A member of a group that was compared. */
export interface ReportedDrift {
  readonly source: ChangeSource;
  /** As the source spells it. */
  readonly group: string;
  readonly groupTarget: string | null;
  readonly drift: DriftFacts;
  /** Epoch ms. */
  readonly reportedAt: number;
}

export interface ComparedPipeline {
  /** Nothing is due, on its way, unread or unreported, and the target takes requests: one more of them delays no known change. */
  isIdle(): boolean;
  /** null: this instance does not own the partition, or refuses it. */
  owned(partition: number): OwnedPartition | null;
  /** By an operator. */
  isPaused(owned: OwnedPartition, group: Parameters<Pauses['isPaused']>[0]): boolean;
  /** Their reports are written with all others, under the present epoch. Of an ownership that was lost meanwhile none is. */
  report(owned: OwnedPartition, found: readonly ReportedDrift[]): void;
}

export const comparedPipeline = (owners: Owners): ComparedPipeline => ({
  isIdle: () => isIdle(owners),
  owned: (partition) => ownedOf(owners, partition),
  isPaused: ({ number }, group) => owners.partitions.get(number)?.pauses.isPaused(group) === true,
  report: (owned, found) => report(owners, owned, found),
});

/** What is due so soon is not to meet a request that is on its way. */
const SOON_MS = 1_000;

function isIdle(owners: Owners): boolean {
  const { lease, breaker, queue, lookUps, outbox, partitions, api, clock } = owners;
  if (!lease.mayAsk || !breaker.isClosed) return false;
  if (queue.readyCount + queue.lockedCount + lookUps.size + outbox.size > 0) return false;
  if (queue.nextAt !== null && queue.nextAt < clock.now().wall + SOON_MS) return false;
  if (partitions.size === 0 || api.gate.budget().closedForMs > 0) return false;
  return [...partitions].every((partition) => isQuiet(owners, partition));
}

/** Nothing of a refused one is read. */
const isQuiet = ({ backlog }: Owners, partition: Partition): boolean =>
  partition.phase === 'refused' ||
  (partition.phase === 'running' && partition.inbox.isEmpty && backlog.unread(partition).lag === 0);

function ownedOf({ partitions }: Owners, number: number): OwnedPartition | null {
  const partition = partitions.get(number);
  return partition === undefined || partition.phase === 'refused' ? null : partition;
}

function report(owners: Owners, owned: OwnedPartition, found: readonly ReportedDrift[]): void {
  const { partitions, lease, outbox } = owners;
  const partition = partitions.get(owned.number);
  if (partition === undefined || partition !== owned || lease.isEnding) return;
  for (const each of found) {
    const due = { partition, group: null, offset: null, key: idKey(each.group), deadLetter: null };
    outbox.add({ ...due, report: driftReport(each) });
  }
  owners.settle();
}
