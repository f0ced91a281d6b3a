/**
 * Wire format of the retry topic (design 5.2): live records, fences and requests. A live record holds all intents of one
 * group that are parked, held or dead; the newest one of a group replaces the older ones.
 */
import * as z from 'zod';
import { ID_LENGTH_MAX, idProblem, type Intent } from './change.ts';
import type { Stamp } from './ownership.ts';
import type { Headers, WaitingFacts } from './record-headers.ts';
import { header, textHeader, textOf, waitingHeaders } from './record-headers.ts';

/** Keys that no group can have, since ids with control characters are invalid. */
export const FENCE_KEY = '\u0000rollcall.fence';
const REQUEST_PREFIX = '\u0000rollcall.request.';
export const requestKey = (uuid: string): string => `${REQUEST_PREFIX}${uuid}`;

export interface WireRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Headers;
}

export type RetryRecord =
  | { readonly kind: 'fence'; readonly stamp: Stamp; readonly fenceId: string }
  /** `intents` is empty for a tombstone. */
  | { readonly kind: 'state'; readonly group: string; readonly stamp: Stamp; readonly intents: readonly Intent[] }
  /** One per group; `wanted` is null for the tombstone that answers it. */
  | { readonly kind: 'request'; readonly key: string; readonly wanted: readonly NamedIntent[] | null }
  /** Not ours to read; where it has a group's key, that group is to be written again. */
  | { readonly kind: 'unreadable'; readonly group: string | null; readonly problem: string };

/** What a replay request names, and nothing else: its data stay where they are (spec: grave). */
export interface NamedIntent {
  readonly group: string;
  readonly member: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** `superseded`: a newer intent has taken its place; `gone`: it is final, or was dropped. */
export type ReplayVerdict = 'woken' | 'superseded' | 'gone';

/** As strict as the source format: what comes from here goes into the same paths, filters, reports and headers. */
const id = z.string().refine((text) => idProblem(text) === null && !/\p{Surrogate}/u.test(text));
const offset = z.string().regex(/^\d{1,19}$/);
const named = z.object({ member: id, topic: id, partition: z.int().min(0), offset });
const wireIntent = named.extend({
  op: z.enum(['add', 'remove']),
  event_id: z.string().max(ID_LENGTH_MAX).nullable(),
  timestamp: z.number(),
  attempt: z.int().min(0),
  not_before: z.number(),
  first_seen_at: z.number(),
  dead: z.object({ at: z.number(), reason: z.enum(['rejected', 'attempts_exhausted']) }).nullable(),
});
const wireState = z.object({ v: z.literal(1), group: id, pending: listOf(wireIntent) });
const wireRequest = z.object({ v: z.literal(1), group: id, pending: listOf(named) });

/** Checked as one value, up to its first fault: issues of all entries of one record would take gigabytes. */
function listOf<T extends z.ZodType>(entry: T) {
  return z.custom<readonly z.infer<T>[]>(
    (value) => Array.isArray(value) && value.every((each) => entry.safeParse(each).success),
  );
}

/** Far above any limit of attempts; one more than it is still a count. */
const ATTEMPT_MAX = 1_000_000;

/** Total: a record of any origin is read as something. */
export function parseRetryRecord({ key, value, headers }: WireRecord): RetryRecord {
  const name = textOf(key);
  if (name === null) return { kind: 'unreadable', group: null, problem: 'no readable key' };
  if (name.startsWith(REQUEST_PREFIX) && name.length <= ID_LENGTH_MAX) return parseRequest(name, value);
  const stamp = stampOf(headers);
  if (name === FENCE_KEY) {
    const fenceId = header(headers, 'rollcall-fence-id');
    if (stamp === null || fenceId === null)
      return { kind: 'unreadable', group: null, problem: 'a fence without its headers' };
    return { kind: 'fence', stamp, fenceId };
  }
  if (idProblem(name) !== null) return { kind: 'unreadable', group: null, problem: 'a key that no group can have' };
  if (stamp === null) return { kind: 'unreadable', group: name, problem: 'no owner, epoch and sequence number' };
  if (value === null) return { kind: 'state', group: name, stamp, intents: [] };
  const parsed = wireState.safeParse(jsonOf(value));
  if (!parsed.success) return { kind: 'unreadable', group: name, problem: 'not a live record' };
  if (parsed.data.group !== name) return { kind: 'unreadable', group: name, problem: 'key and group disagree' };
  return { kind: 'state', group: name, stamp, intents: parsed.data.pending.map((wire) => intentOf(name, wire)) };
}

function parseRequest(key: string, value: Uint8Array | null): RetryRecord {
  if (value === null) return { kind: 'request', key, wanted: null };
  const parsed = wireRequest.safeParse(jsonOf(value));
  if (!parsed.success) return { kind: 'request', key, wanted: [] };
  const { group, pending } = parsed.data;
  const wanted = pending.map(({ member, topic, partition, offset: at }) => ({
    group,
    member,
    topic,
    partition,
    offset: BigInt(at),
  }));
  return { kind: 'request', key, wanted };
}

function intentOf(group: string, wire: z.infer<typeof wireIntent>): Intent {
  return {
    group,
    member: wire.member,
    op: wire.op,
    source: {
      topic: wire.topic,
      partition: wire.partition,
      offset: BigInt(wire.offset),
      eventId: wire.event_id,
      timestamp: wire.timestamp,
    },
    attempt: Math.min(wire.attempt, ATTEMPT_MAX),
    conflicts: 0,
    notBefore: wire.not_before,
    firstSeenAt: wire.first_seen_at,
    dead: wire.dead && { at: wire.dead.at, reason: wire.dead.reason },
    // Not known any more; whatever answer the group gives may be the one that was waited for.
    waits: wire.not_before > 0 ? 'group' : null,
  };
}

/** The value of 5.2, also of a dead letter (5.3) and of a replay request. */
export const stateValue = (group: string, intents: readonly Intent[]): string =>
  JSON.stringify({ v: 1, group, pending: intents.map(wireOf) });

const wireOf = ({ source, ...intent }: Intent): z.infer<typeof wireIntent> => ({
  member: intent.member,
  op: intent.op,
  topic: source.topic,
  partition: source.partition,
  offset: String(source.offset),
  event_id: source.eventId,
  timestamp: source.timestamp,
  attempt: intent.attempt,
  not_before: intent.notBefore,
  first_seen_at: intent.firstSeenAt,
  dead: intent.dead,
});

export interface StateFacts extends WaitingFacts {
  readonly group: string;
  readonly stamp: Stamp;
}

/** No intents: the tombstone. */
export function renderState({ group, stamp, ...facts }: StateFacts): {
  readonly key: string;
  readonly value: string | null;
  readonly headers: Headers;
} {
  const headers = stampHeaders('pending', stamp);
  if (facts.intents.length === 0) return { key: group, value: null, headers };
  return { key: group, value: stateValue(group, facts.intents), headers: [...headers, ...waitingHeaders(facts)] };
}

export const renderFence = (stamp: Stamp, fenceId: string): { readonly key: string; readonly headers: Headers } => ({
  key: FENCE_KEY,
  headers: [...stampHeaders('fence', stamp), textHeader('rollcall-fence-id', fenceId)],
});

/** The tombstone that says what became of a replay request. */
export const renderReplayAnswer = (
  stamp: Stamp,
  verdicts: readonly (NamedIntent & { readonly verdict: ReplayVerdict })[],
): Headers => [
  ...stampHeaders('replay', stamp),
  textHeader(
    'rollcall-result',
    JSON.stringify(
      verdicts.map(({ group, member, topic, partition, offset: at, verdict }) => ({
        group,
        member,
        topic,
        partition,
        offset: String(at),
        result: verdict,
      })),
    ),
  ),
];

const stampHeaders = (type: 'pending' | 'fence' | 'replay', { owner, epoch, seq }: Stamp): Headers => [
  textHeader('rollcall-type', type),
  textHeader('rollcall-owner', owner),
  textHeader('rollcall-epoch', String(epoch)),
  textHeader('rollcall-seq', String(seq)),
];

function stampOf(headers: Headers): Stamp | null {
  const owner = header(headers, 'rollcall-owner');
  const [epoch, seq] = [countOf(header(headers, 'rollcall-epoch')), countOf(header(headers, 'rollcall-seq'))];
  return owner === null || epoch === null || seq === null ? null : { owner, epoch, seq };
}

/** Up to COUNT_MAX. */
const countOf = (text: string | null): number | null =>
  text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;

function jsonOf(value: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(value) ?? '');
  } catch {
    return undefined;
  }
}
