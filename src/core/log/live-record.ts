/**
 * Room core/log: what stands in Kafka's topics, who owns a partition, what may be committed.
 * Not here: reading and writing it (adapters/kafka).
 *
 * Wire format of the retry topic (protocol.md 3.2, 3.3): live records, fences, requests, pauses and slices of the guard's window. A
 * live record holds all intents of one group that are parked, held or dead; the newest one of a group replaces the older ones.
 */
import * as z from 'zod';
import { ID_LENGTH_MAX, idKey, isStoredId, type Intent } from '../change/change.ts';
import { withoutMark } from '../change/pending.ts';
import { heldDigest, type Sha256 } from '../group/guard.ts';
import { jsonIn } from '../text/json.ts';
import { readMarks, type FinalMark, wireOfMark } from './final-mark.ts';
import type { Stamp } from './ownership.ts';
import { PAUSES_KEY, pausesIn, pausesValue, type PausesOf } from './pause-record.ts';
import {
  answerHeader,
  isKnownRequest,
  isRequestKey,
  parseRequest,
  type OperatorAnswer,
  type Request,
} from './request-record.ts';
import type { Headers, WaitingFacts } from './wire-intent.ts';
import {
  header,
  intentOf,
  isForeign,
  textHeader,
  textOf,
  waitingHeaders,
  wireId,
  wireIds,
  wireIntent,
  wireOf,
} from './wire-intent.ts';

/** A key that no group can have, since ids with control characters are invalid. */
export const FENCE_KEY = '\u0000rollcall.fence';

export interface WireRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Headers;
}

export type RetryRecord =
  | { readonly kind: 'fence'; readonly stamp: Stamp; readonly fenceId: string }
  /** `group` is the key, in any spelling; `intents` is empty for a tombstone. */
  | {
      readonly kind: 'state';
      readonly group: string;
      readonly stamp: Stamp;
      readonly intents: readonly Intent[];
      /** Entries of a newer version, to be written again as they are; absent: none. */
      readonly foreign?: readonly unknown[];
      /** What is final of members that names which are not resolved may mean; absent: none. */
      readonly finals?: readonly FinalMark[];
      /** Absent: the record says nothing of it. */
      readonly unresolved?: UnresolvedNames;
    }
  /** A slice of the removal guard's window; `removals` is null for a tombstone. */
  | {
      readonly kind: 'removals';
      readonly key: string;
      readonly stamp: Stamp;
      readonly removals: readonly Removal[] | null;
    }
  /** What is paused of the partition. */
  | { readonly kind: 'pauses'; readonly key: typeof PAUSES_KEY; readonly stamp: Stamp; readonly pauses: PausesOf }
  /** `wanted` is null for the tombstone that answers it. */
  | { readonly kind: 'request'; readonly key: string; readonly wanted: Request | null }
  /** Not ours to read; where it has the key of a group, of a slice or of pauses, `group` is that key, which is to be written again. */
  | { readonly kind: 'unreadable'; readonly group: string | null; readonly problem: string };

/**
 * Beside the intents: members whom the newest full state names and the target does not know, by the source's names.
 * An older version neither reads nor writes it.
 */
export interface UnresolvedNames {
  /** Whom the removals of the full state wait for, beyond its additions in the record; absent: that is not known. */
  readonly awaited?: readonly string[];
  /** Whom an operator has accepted as unknown; absent: none. */
  readonly accepted?: readonly string[];
}

const names = wireIds.optional().catch(undefined);
const wireState = z.object({
  v: z.literal(1),
  group: wireId,
  pending: z.array(z.unknown()),
  finals: z.unknown().optional(),
  awaited: names,
  accepted: names,
});

/** Total: a record of any origin is read as something. */
export function parseRetryRecord({ key, value, headers }: WireRecord): RetryRecord {
  const name = textOf(key);
  if (name === null) return { kind: 'unreadable', group: null, problem: 'no readable key' };
  if (isRequestKey(name)) {
    // Left where it is for an owner that knows it: an answer would say that it was carried out.
    if (value !== null && !isKnownRequest(headers))
      return { kind: 'unreadable', group: null, problem: 'a request of a newer version' };
    return { kind: 'request', key: name, wanted: value === null ? null : parseRequest(headers, value) };
  }
  const stamp = stampIn(headers);
  if (name === FENCE_KEY) {
    const fenceId = header(headers, 'rollcall-fence-id');
    const problem = 'a fence without its headers';
    if (stamp === null || fenceId === null) return { kind: 'unreadable', group: null, problem };
    return { kind: 'fence', stamp, fenceId };
  }
  if (isRemovalsKey(name)) return readRemovals(name, stamp, value);
  if (name === PAUSES_KEY) return readPauses(stamp, value);
  if (!isStoredId(name)) return { kind: 'unreadable', group: null, problem: 'a key that no group can have' };
  if (stamp === null) return { kind: 'unreadable', group: name, problem: NO_STAMP };
  if (value === null) return { kind: 'state', group: name, stamp, intents: [] };
  const parsed = wireState.safeParse(jsonIn(textOf(value)));
  if (!parsed.success) return { kind: 'unreadable', group: name, problem: 'not a live record' };
  if (parsed.data.group !== name) return { kind: 'unreadable', group: name, problem: 'key and group disagree' };
  const entries = readEntries(name, parsed.data.pending);
  if (entries === null) return { kind: 'unreadable', group: name, problem: 'not a live record' };
  const finals = readMarks(name, parsed.data.finals);
  const { awaited, accepted } = parsed.data;
  const unresolved = { ...(awaited !== undefined && { awaited }), ...(accepted !== undefined && { accepted }) };
  return {
    kind: 'state',
    group: name,
    stamp,
    ...entries,
    ...(finals.length > 0 && { finals }),
    ...(Object.keys(unresolved).length > 0 && { unresolved }),
  };
}

function readRemovals(key: string, stamp: Stamp | null, value: Uint8Array | null): RetryRecord {
  if (stamp === null) return { kind: 'unreadable', group: key, problem: NO_STAMP };
  return { kind: 'removals', key, stamp, removals: value === null ? null : removalsIn(value) };
}

function readPauses(stamp: Stamp | null, value: Uint8Array | null): RetryRecord {
  if (stamp === null) return { kind: 'unreadable', group: PAUSES_KEY, problem: NO_STAMP };
  return { kind: 'pauses', key: PAUSES_KEY, stamp, pauses: pausesIn(value) };
}

const NO_STAMP = 'no owner, epoch and sequence number';

/** Up to the first fault: issues of all entries of one record would take gigabytes. */
function readEntries(
  group: string,
  pending: readonly unknown[],
): { readonly intents: readonly Intent[]; readonly foreign?: readonly unknown[] } | null {
  const intents: Intent[] = [];
  const foreign: unknown[] = [];
  for (const each of pending) {
    if (isForeign(each)) foreign.push(each);
    else {
      const parsed = wireIntent.safeParse(each);
      if (!parsed.success) return null;
      intents.push(intentOf(group, parsed.data));
    }
  }
  return { intents, ...(foreign.length > 0 && { foreign }) };
}

/** Of a live record, a dead letter and a replay request (protocol.md 3.2). `digest`: of all that is held of the group. */
export const stateValue = (group: string, intents: readonly Intent[], digest: string | null = null): string =>
  valueOf(group, intents, { digest, foreign: [], finals: [], unresolved: {} });

interface Beside {
  readonly digest: string | null;
  readonly foreign: readonly unknown[];
  readonly finals: readonly FinalMark[];
  readonly unresolved: UnresolvedNames;
}

const valueOf = (group: string, intents: readonly Intent[], { digest, foreign, finals, unresolved }: Beside): string =>
  JSON.stringify({
    v: 1,
    group,
    pending: [...intents.map((intent) => wireOf(intent, digest)), ...foreign],
    ...(finals.length > 0 && { finals: finals.map(wireOfMark) }),
    ...unresolved,
  });

export interface StateFacts extends WaitingFacts {
  readonly group: string;
  readonly stamp: Stamp;
  readonly sha256: Sha256;
  /** Entries of a newer version; absent: none. */
  readonly foreign?: readonly unknown[];
  /** Absent: none. */
  readonly finals?: readonly FinalMark[];
  /** Absent: nothing is to be said of it. */
  readonly unresolved?: UnresolvedNames;
  /** The record has to take more before it can become smaller, so it carries a reserve that is left out then. */
  readonly isReserving?: boolean;
  /** There is no room for the marks that people were notified of what is held. */
  readonly omitsMarks?: boolean;
}

/** About 300 bytes that no compression makes smaller: a piece of a full state, or the name of who approves, takes less. */
const reserve = (sha256: Sha256): string => Array.from({ length: 8 }, (_, i) => sha256(String(i))).join('');

/** Characters that the intent takes in a live record, before compression; without a mark, which is left out where room is short. */
export const wireLength = (intent: Intent): number =>
  JSON.stringify(wireOf(withoutMark(intent), '0'.repeat(64))).length;

/** Without intents, foreign entries, final marks and accepted members: the tombstone. `digest`: of what is held. */
export function renderState({
  group,
  stamp,
  sha256,
  isReserving,
  omitsMarks,
  foreign = [],
  finals = [],
  unresolved = {},
  ...facts
}: StateFacts): {
  readonly key: string;
  readonly value: string | null;
  readonly headers: Headers;
  readonly digest: string | null;
} {
  const headers = stampHeaders('pending', stamp);
  if (facts.intents.length + foreign.length + finals.length + (unresolved.accepted?.length ?? 0) === 0)
    return { key: group, value: null, headers, digest: null };
  const digest = heldDigest(group, facts.intents, sha256);
  const intents = omitsMarks === true ? facts.intents.map(withoutMark) : facts.intents;
  const value = valueOf(group, intents, { digest, foreign, finals, unresolved });
  const more = isReserving === true ? [textHeader('rollcall-reserve', reserve(sha256))] : [];
  return { key: group, value, headers: [...headers, ...waitingHeaders(facts), ...more], digest };
}

/** No removals: the tombstone. */
export const renderRemovals = (
  stamp: Stamp,
  key: string,
  removals: readonly Removal[],
): { readonly key: string; readonly value: string | null; readonly headers: Headers } => ({
  key,
  value: removals.length === 0 ? null : removalsValue(removals),
  headers: stampHeaders('removals', stamp),
});

/** Nothing is paused: the tombstone. */
export const renderPauses = (
  stamp: Stamp,
  pauses: PausesOf,
): { readonly key: string; readonly value: string | null; readonly headers: Headers } => ({
  key: PAUSES_KEY,
  value: pausesValue(pauses),
  headers: stampHeaders('pauses', stamp),
});

export const renderFence = (stamp: Stamp, fenceId: string): { readonly key: string; readonly headers: Headers } => ({
  key: FENCE_KEY,
  headers: [...stampHeaders('fence', stamp), textHeader('rollcall-fence-id', fenceId)],
});

/** Headers of the tombstone that says what became of a request. */
export const renderAnswer = (stamp: Stamp, answer: OperatorAnswer): Headers => [
  ...stampHeaders(answer.kind, stamp),
  answerHeader(answer),
];

const stampHeaders = (
  type: 'pending' | 'fence' | 'removals' | 'pauses' | OperatorAnswer['kind'],
  { owner, epoch, seq }: Stamp,
): Headers => [
  textHeader('rollcall-type', type),
  textHeader('rollcall-owner', owner),
  textHeader('rollcall-epoch', String(epoch)),
  textHeader('rollcall-seq', String(seq)),
];

/** null: it has no owner, epoch or sequence number. */
export function stampIn(headers: Headers): Stamp | null {
  const owner = header(headers, 'rollcall-owner');
  const [epoch, seq] = [countOf(header(headers, 'rollcall-epoch')), countOf(header(headers, 'rollcall-seq'))];
  return owner === null || epoch === null || seq === null ? null : { owner, epoch, seq };
}

/** Up to COUNT_MAX. */
const countOf = (text: string | null): number | null => (/^\d{1,15}$/.test(text ?? '') ? Number(text) : null);

/*
 * What the removal guard remembers of the removals within `GUARD_WINDOW_MS` (protocol.md 11.3), and its records in the retry
 * topic. The window is cut into slices, each under a key of its own, so that a write is small and what has left the window
 * is tombstoned.
 */

/** Removals from one group that took effect together; approved ones are none. */
export interface Removal {
  /** By `idKey`; null: the record has no room for names, so that it counts for the owner alone. */
  readonly group: string | null;
  readonly count: number;
  /** Epoch ms in a record, monotonic ms in memory. */
  readonly at: number;
  /** Members of the group before it; null: not known. */
  readonly size: number | null;
}

/**
 * When a removal that a record tells of took effect, by the monotonic clock of its reader. One of the future was written by
 * a clock that was ahead: it counts from now on, so that it never counts too short.
 */
export const monotonicOf = (wallAt: number, now: { readonly wall: number; readonly monotonic: number }): number =>
  now.monotonic - Math.max(0, now.wall - wallAt);

/** A key that no group can have, since ids with control characters are invalid. */
const REMOVALS_PREFIX = '\u0000rollcall.removals.';
/** @param slice names a slice of its partition, such as the epoch ms of its beginning. */
export const removalsKey = (slice: number): string => `${REMOVALS_PREFIX}${slice}`;
export const isRemovalsKey = (key: string): boolean => key.startsWith(REMOVALS_PREFIX) && key.length <= ID_LENGTH_MAX;

/**
 * `pending`, which live records have, says to a reader that takes every record for one that nothing waits here.
 * @param removals `at` in epoch ms.
 */
export const removalsValue = (removals: readonly Removal[]): string =>
  JSON.stringify({
    v: 1,
    pending: [],
    removals: removals.map(({ group, count, at, size }) => ({ group, count, at, size })),
  });

/** The precision at which sums of many of them still differ. */
const REMOVALS_MAX = 1_000_000_000;
const wireRemoval = z.object({
  group: wireId.nullable(),
  count: z.int().min(1).max(REMOVALS_MAX),
  at: z.number(),
  size: z.int().min(0).nullable().catch(null),
});
const wireRemovals = z.object({ removals: z.array(z.unknown()) });

/** Total. What cannot be read is passed over: it leaves the window soon in any case. */
export function removalsIn(value: Uint8Array | null): readonly Removal[] {
  const record = wireRemovals.safeParse(jsonIn(textOf(value)));
  if (!record.success) return [];
  return record.data.removals.flatMap((each) => {
    const removal = wireRemoval.safeParse(each);
    if (!removal.success) return [];
    const { group } = removal.data;
    return [{ ...removal.data, group: group === null ? null : idKey(group) }];
  });
}
