/**
 * Who is right about a retry partition. Every record carries the epoch it was written under and a sequence number.
 * One reducer reads the partition, at a restore as well as afterwards (spec: fence, epoch, seq, repair).
 *
 * Of a group the record with the highest (epoch, seq) counts that is not void; void = a fence of a higher epoch lies
 * before it. Where that is not the last record of its key, the owner writes it again, since compaction keeps the last.
 */
/** The writer of a record. */
export interface Stamp {
  readonly owner: string;
  readonly epoch: number;
  /** Grows per owner and partition. */
  readonly seq: number;
}

/**
 * The highest epoch and sequence number that are read (15 digits). What would be above is written as this, and of equals
 * the later record counts: no history gets there, but a forged record may, and its owner must be able to go on.
 */
export const COUNT_MAX = 999_999_999_999_999;

/** What has been read of one retry partition; mutable, owned by the pipeline. */
export interface RetryView {
  fenceEpoch: number;
  /** Lowest epoch of any record; Infinity: there is none. */
  epochMin: number;
  /** Highest epoch of a record that is no fence: who wrote it was not refused. */
  stateEpochMax: number;
  /** Highest epoch of any record. */
  epochMax: number;
  /** Highest sequence number under `epochMax`. */
  seqMax: number;
  /** Records of any kind, own ones included. */
  recordCount: number;
  /** Of each key (a group's, or a slice's) the record that counts, as far as a later one might still be compared with it. */
  readonly groups: Map<string, Order>;
  /** The highest of those that were dropped from `groups` one by one: it stands for each of them. */
  ended: Order;
}

interface Order {
  readonly epoch: number;
  readonly seq: number;
}

export const emptyView = (): RetryView => ({
  fenceEpoch: 0,
  epochMin: Number.POSITIVE_INFINITY,
  stateEpochMax: 0,
  epochMax: 0,
  seqMax: 0,
  recordCount: 0,
  groups: new Map(),
  ended: { epoch: 0, seq: 0 },
});

export function readFence(view: RetryView, { epoch, seq }: Stamp): void {
  note(view, epoch, seq);
  view.fenceEpoch = Math.max(view.fenceEpoch, epoch);
  // What is below the fence is void from here on, so nothing is compared with it any more.
  for (const [group, known] of view.groups) if (known.epoch < view.fenceEpoch) view.groups.delete(group);
}

/** `counts`: it is the group's state now. `stale`: it is void or older than what was read; the group is to be written again. */
export type Reading = 'counts' | 'stale';

export function readState(view: RetryView, group: string, { epoch, seq }: Stamp): Reading {
  note(view, epoch, seq);
  view.stateEpochMax = Math.max(view.stateEpochMax, epoch);
  if (view.fenceEpoch > epoch) return 'stale';
  const read = { epoch, seq };
  if (isAfter(view.groups.get(group) ?? view.ended, read)) return 'stale';
  view.groups.set(group, read);
  return 'counts';
}

/**
 * The owner has read back its own tombstone of the group. From now on every record of the group up to `ended` is stale: a
 * late duplicate is, as before; and the first record of another group that comes as late is written again for nothing.
 */
export function endGroup(view: RetryView, group: string): void {
  const known = view.groups.get(group);
  if (known === undefined) return;
  view.groups.delete(group);
  if (isAfter(known, view.ended)) view.ended = known;
}

const isAfter = (a: Order, b: Order): boolean => a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq);

function note(view: RetryView, epoch: number, seq: number): void {
  view.recordCount += 1;
  view.epochMin = Math.min(view.epochMin, epoch);
  if (epoch > view.epochMax) {
    view.epochMax = epoch;
    view.seqMax = seq;
  } else if (epoch === view.epochMax) view.seqMax = Math.max(view.seqMax, seq);
}

/** Epoch = base + generation of the consumer group. */
export const epochOf = (base: number, generation: number): number => Math.min(base + generation, COUNT_MAX);

/** Above every one read, too: a recreated consumer group may have used this epoch before. */
export function seqAfter(seq: number, view: RetryView, ownEpoch: number): number {
  return Math.min(Math.max(seq, view.epochMax === ownEpoch ? view.seqMax : 0) + 1, COUNT_MAX);
}

/**
 * A record was written under it, or above: of equal epochs a record that is still on its way would count (spec: equal-epoch).
 * Asked before the own fence is read.
 */
export const isUsed = (view: RetryView, ownEpoch: number): boolean => view.epochMax >= ownEpoch && ownEpoch < COUNT_MAX;

/** Another instance acquired the partition later, or the consumer group was recreated and its generation restarted at 1. */
export const isOvertaken = (view: RetryView, ownEpoch: number): boolean => view.epochMax > ownEpoch;
