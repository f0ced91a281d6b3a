/**
 * Which retry record of a group counts (protocol.md 4.5), read without any code of `src`: the one with the highest
 * (epoch, seq) that is not void; void = a fence of a higher epoch lies before it.
 */
import { keyOf } from './intents.ts';
import { readPlace } from './places.ts';
import type { SaidDecision } from './reports.ts';

export interface TopicRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array])[];
}

export interface LiveIntent {
  readonly group: string;
  /** By `keyOf`; '' for a full state. */
  readonly member: string;
  /** As the record spells it. */
  readonly name: string;
  readonly op: 'add' | 'remove' | 'state';
  /** By `placeOf`. */
  readonly place: bigint;
  readonly attempt: number;
  /** Epoch ms. */
  readonly notBefore: number;
  readonly dead: { readonly at: number; readonly reason: string; readonly refusal?: SaidDecision } | null;
  /** It waits for an operator (protocol.md 11). */
  readonly held: {
    readonly by: string;
    readonly digest: string;
    readonly notified?: true;
    /** What the target calls the member, and the group, by the id map. */
    readonly target?: string;
    readonly group_target?: string;
  } | null;
  readonly approval: SaidDecision | null;
  /** A removal of a full state. */
  readonly isOfState: boolean;
}

/** By group; a group whose record is a tombstone is not there. @param partitionRecords of one partition, in order. */
export function liveIntents(partitionRecords: readonly TopicRecord[]): ReadonlyMap<string, readonly LiveIntent[]> {
  const live = new Map<string, readonly LiveIntent[]>();
  for (const [group, { counts }] of groupRecords(partitionRecords)) {
    const intents = counts?.value ? intentsOf(group, counts.value) : [];
    if (intents.length > 0) live.set(group, intents);
  }
  return live;
}

/** Groups of which compaction, which keeps the last record of a key, would keep another than the one that counts. */
export const misplacedGroups = (partitionRecords: readonly TopicRecord[]): readonly string[] =>
  [...groupRecords(partitionRecords)].filter(([, { counts, last }]) => counts !== last).map(([group]) => group);

interface GroupRecords {
  /** null: all are void. */
  counts: TopicRecord | null;
  last: TopicRecord;
}

function groupRecords(records: readonly TopicRecord[]): ReadonlyMap<string, GroupRecords> {
  const groups = new Map<string, GroupRecords>();
  let fenceEpoch = 0;
  for (const record of records) {
    const key = textOf(record.key);
    const epoch = countOf(record, 'rollcall-epoch');
    if (key === FENCE_KEY) fenceEpoch = Math.max(fenceEpoch, epoch);
    // Slices of the guard's window are read as groups for which nothing waits: the same order of records holds for them.
    if (key === FENCE_KEY || key.startsWith(REQUEST_PREFIX)) continue;
    const known = groups.get(key);
    const isVoid = fenceEpoch > epoch;
    const isOlder = known?.counts ? isBefore(record, known.counts) : false;
    groups.set(key, { counts: isVoid || isOlder ? (known?.counts ?? null) : record, last: record });
  }
  return groups;
}

const FENCE_KEY = '\u0000rollcall.fence';
const REQUEST_PREFIX = '\u0000rollcall.request.';

function isBefore(record: TopicRecord, other: TopicRecord): boolean {
  const epochs = countOf(record, 'rollcall-epoch') - countOf(other, 'rollcall-epoch');
  return epochs === 0 ? countOf(record, 'rollcall-seq') < countOf(other, 'rollcall-seq') : epochs < 0;
}

/** Intents in the shape that live records, dead letters and replay requests share (protocol.md 3.2). */
export function intentsOf(group: string, value: Uint8Array): readonly LiveIntent[] {
  const { pending } = JSON.parse(textOf(value)) as { pending: readonly WireIntent[] };
  return pending.map(({ member, op, offset, attempt, not_before, dead, held = null, approval = null, named_by }) => ({
    group,
    member: keyOf(member ?? ''),
    name: member ?? '',
    op,
    place: readPlace(offset),
    attempt,
    notBefore: not_before,
    dead,
    held,
    approval,
    isOfState: named_by === 'target',
  }));
}

/** How many members a live record names besides its intents: those whom a full state waits for, or an operator has accepted. */
export function namesIn(value: Uint8Array): number {
  const { awaited = [], accepted = [] } = JSON.parse(textOf(value)) as { awaited?: unknown[]; accepted?: unknown[] };
  return awaited.length + accepted.length;
}

/** How many changes a live record keeps of other names of its members, though they are final. */
export const marksIn = (value: Uint8Array): number =>
  (JSON.parse(textOf(value)) as { finals?: unknown[] }).finals?.length ?? 0;

interface WireIntent
  extends Pick<LiveIntent, 'op' | 'attempt' | 'dead'>, Partial<Pick<LiveIntent, 'held' | 'approval'>> {
  readonly member: string | null;
  readonly offset: string;
  readonly not_before: number;
  readonly named_by?: string;
}

/** '' where there is none. */
export const headerOf = ({ headers }: TopicRecord, name: string): string =>
  textOf(headers.find(([other]) => other === name)?.[1] ?? null);

const countOf = (record: TopicRecord, name: string): number => Number(headerOf(record, name));

export const textOf = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString();
