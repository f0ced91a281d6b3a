/**
 * Requests of operators in the retry topic, and what their owner answers in the tombstone that removes them (protocol.md 12).
 * A replay names intents and nothing else: their data stay where they are (spec: grave). An approval, or a refusal, names
 * what is held by its digest: all of it, or a part that it names. A pause, and its end, name a group or all of the partition (12.4).
 */
import * as z from 'zod';
import {
  ID_LENGTH_MAX,
  OFFSET_PATTERN,
  WHOLE_GROUP,
  offsetText,
  type OperatorDecision,
  type Position,
} from '../change/change.ts';
import { jsonIn } from '../text/json.ts';
import {
  header,
  positionOf,
  textHeader,
  textOf,
  type Headers,
  wireDecision,
  wireId,
  wireNamed,
  wireReason,
} from './wire-intent.ts';

/** A key that no group can have, since ids with control characters are invalid. */
const REQUEST_PREFIX = '\u0000rollcall.request.';
export const requestKey = (uuid: string): string => `${REQUEST_PREFIX}${uuid}`;
export const isRequestKey = (key: string): boolean => key.startsWith(REQUEST_PREFIX) && key.length <= ID_LENGTH_MAX;

/** `member` is WHOLE_GROUP for a full state. */
export interface NamedIntent extends Position {
  readonly group: string;
  readonly member: string;
}

/** `group` null: all of the partition. A resume needs no reason. */
export type PauseRequest =
  | { readonly kind: 'pause'; readonly group: string | null; readonly author: string; readonly reason: string }
  | { readonly kind: 'resume'; readonly group: string | null; readonly author: string; readonly reason: string | null };

export interface ApplyNowRequest {
  readonly kind: 'apply_now';
  readonly group: string;
  readonly author: string;
}

/** So many intents may one request name: the answer to a replay says of each what became of it, and has to fit into one record. */
export const NAMED_MAX = 500;

/** Some of what is held of a group. */
export interface HeldPart {
  readonly group: string;
  /** More than NAMED_MAX are not decided about. */
  readonly named: readonly NamedIntent[];
}

/** `part` null: about all that is held of a group. In either case `digest` is that of exactly what is decided. */
export interface DecisionRequest extends OperatorDecision {
  readonly kind: 'approve' | 'reject';
  readonly part: HeldPart | null;
}

export type Request =
  | { readonly kind: 'replay'; readonly named: readonly NamedIntent[] }
  | DecisionRequest
  | PauseRequest
  | ApplyNowRequest;

/**
 * `superseded`: a newer intent has taken its place; `gone`: it is final, or was dropped; `is_paused`: it is woken, and its group is
 * paused, so that it is not tried before that is resumed.
 */
export type ReplayVerdict = 'woken' | 'superseded' | 'gone' | 'is_paused' | RequestRefusal | NewerVerdict;

/**
 * `gone`: nothing is held under this digest; what is held may be another set by now. `too_many`: the part names more than
 * NAMED_MAX, and nothing is decided.
 */
type HeldVerdict = 'approved' | 'rejected' | 'gone' | 'too_many' | RequestRefusal | NewerVerdict;

/**
 * `already`: it was paused before, and the first author stays; `too_many`: so much of the partition is paused by name that no other
 * group can be; `still_paused`: its pause of this name has ended, and another one keeps the group; `is_paused`: it was not paused by this
 * name, and is by another pause. Of `apply_now`, `gone`: nothing of the group waits.
 */
export type PauseVerdict = 'paused' | 'already' | 'too_many' | 'resumed' | 'still_paused' | 'not_paused' | 'is_paused';
export type ApplyNowVerdict = 'queued' | 'gone' | 'is_paused';

/** What an owner of a newer version says; it is shown as it is, and is no success. */
type NewerVerdict = string & {};

export type OperatorAnswer =
  | { readonly kind: 'replay'; readonly verdicts: readonly (NamedIntent & { readonly verdict: ReplayVerdict })[] }
  | {
      readonly kind: 'approve' | 'reject';
      readonly digest: string;
      readonly verdict: HeldVerdict;
      /** How many removals it was about. */
      readonly count: number;
    }
  | {
      readonly kind: 'pause' | 'resume' | 'apply_now';
      readonly group: string | null;
      readonly verdict: PauseVerdict | ApplyNowVerdict | RequestRefusal | NewerVerdict;
      /** How many pending changes it was about. */
      readonly count: number;
    };

type WireNamed = z.infer<typeof wireNamed>;
const wireNames = z.custom<readonly WireNamed[]>(
  (value) => Array.isArray(value) && value.every((each) => wireNamed.safeParse(each).success),
);
const wireReplay = z.object({ v: z.literal(1), group: wireId, pending: wireNames });
/** Of a list that is too long enough is read to see that. */
const beginning = (value: unknown): unknown => (Array.isArray(value) ? value.slice(0, NAMED_MAX + 1) : value);
const wirePart = z.object({ group: wireId, pending: z.preprocess(beginning, wireNames) });
export const AUTHOR_LENGTH_MAX = ID_LENGTH_MAX;
const wireRequest = wireDecision.extend({ v: z.literal(1), reason: wireReason.optional(), part: wirePart.optional() });
const wirePause = z.object({ v: z.literal(1), group: wireId.nullable(), author: wireId, reason: wireReason });
const wireResume = wirePause.extend({ reason: wireReason.nullable() });
const wireApplyNow = z.object({ v: z.literal(1), group: wireId, author: wireId });

/** None is said: a replay. */
export const isKnownRequest = (headers: Headers): boolean =>
  ['replay', 'approve', 'reject', 'pause', 'resume', 'apply_now', null].includes(header(headers, 'rollcall-type'));

const nothing: Request = { kind: 'replay', named: [] };

/** Total: what cannot be read asks for nothing. */
export function parseRequest(headers: Headers, value: Uint8Array): Request {
  const json = jsonIn(textOf(value));
  const type = header(headers, 'rollcall-type');
  if (type === 'approve' || type === 'reject') return decisionIn(type, json) ?? nothing;
  if (type === 'pause' || type === 'resume' || type === 'apply_now') return pauseIn(type, json) ?? nothing;
  const replay = wireReplay.safeParse(json);
  if (!replay.success) return nothing;
  return { kind: 'replay', named: namedIn(replay.data) };
}

/** null: it cannot be read, or not all of it: a part that cannot is never taken for the whole. */
function decisionIn(kind: DecisionRequest['kind'], json: unknown): DecisionRequest | null {
  const decision = wireRequest.safeParse(json).data;
  if (decision === undefined) return null;
  const { digest, author, reason = null, part } = decision;
  return { kind, digest, author, reason, part: part ? { group: part.group, named: namedIn(part) } : null };
}

const namedIn = ({ group, pending }: z.infer<typeof wirePart>): readonly NamedIntent[] =>
  pending.map((each) => ({ group, member: each.member ?? WHOLE_GROUP, ...positionOf(each) }));

/** null: it cannot be read. */
function pauseIn(kind: 'pause' | 'resume' | 'apply_now', json: unknown): PauseRequest | ApplyNowRequest | null {
  if (kind === 'pause') {
    const pause = wirePause.safeParse(json).data;
    return pause === undefined ? null : { kind, group: pause.group, author: pause.author, reason: pause.reason };
  }
  if (kind === 'resume') {
    const resume = wireResume.safeParse(json).data;
    return resume === undefined ? null : { kind, group: resume.group, author: resume.author, reason: resume.reason };
  }
  const asked = wireApplyNow.safeParse(json).data;
  return asked === undefined ? null : { kind, group: asked.group, author: asked.author };
}

/** What is answered where it was not taken up. */
export function refusedAnswer(wanted: Request, verdict: RequestRefusal): OperatorAnswer {
  if (wanted.kind === 'replay')
    return { kind: 'replay', verdicts: wanted.named.map((named) => ({ ...named, verdict })) };
  if ('digest' in wanted) return { kind: wanted.kind, digest: wanted.digest, verdict, count: 0 };
  return { kind: wanted.kind, group: wanted.group, verdict, count: 0 };
}

/** The value of an approval or a refusal. */
export const decisionValue = ({ digest, author, reason, part }: Omit<DecisionRequest, 'kind'>): string =>
  JSON.stringify({
    v: 1,
    digest,
    author,
    ...(reason !== null && { reason }),
    ...(part !== null && { part: { group: part.group, pending: part.named.map(placeJson) } }),
  });

/** The value of a pause, of its end, or of what asks for a group to go ahead. */
export const pauseValue = ({ kind, group, author, ...more }: PauseRequest | ApplyNowRequest): string =>
  JSON.stringify({ v: 1, group, author, ...(kind !== 'apply_now' && 'reason' in more && { reason: more.reason }) });

/** The header that says what became of a request. */
export const answerHeader = (answer: OperatorAnswer): Headers[number] =>
  textHeader('rollcall-result', JSON.stringify(resultJson(answer)));

function resultJson(answer: OperatorAnswer): readonly unknown[] {
  if (answer.kind === 'replay')
    return answer.verdicts.map((each) => ({ group: each.group, ...placeJson(each), result: each.verdict }));
  const { verdict: result, count } = answer;
  return [{ ...('digest' in answer ? { digest: answer.digest } : { group: answer.group }), result, count }];
}

const placeJson = ({ member, topic, partition, ...at }: NamedIntent): WireNamed => ({
  member: member === WHOLE_GROUP ? null : member,
  topic,
  partition,
  offset: offsetText(at),
});

const verdict = z.string().regex(/^[a-z_]{1,64}$/);

const wireReplayResult = z.array(
  z.object({
    group: z.string(),
    member: z.string().nullable(),
    topic: z.string(),
    partition: z.int(),
    offset: z.string().regex(OFFSET_PATTERN),
    result: verdict,
  }),
);
const wireDecided = z.tuple([z.object({ digest: z.string(), result: verdict, count: z.int() })]);
const wirePaused = z.tuple([z.object({ group: z.string().nullable(), result: verdict, count: z.int() })]);

/** What the owner says in the tombstone of a request; null where the record is something else. */
export function parseAnswer(value: Uint8Array | null, headers: Headers): OperatorAnswer | null {
  const text = header(headers, 'rollcall-result');
  if (value !== null || text === null) return null;
  const json = jsonIn(text);
  const type = header(headers, 'rollcall-type');
  if (type === 'approve' || type === 'reject') {
    const decision = wireDecided.safeParse(json);
    if (!decision.success) return null;
    const [{ digest, result, count }] = decision.data;
    return { kind: type, digest, verdict: result, count };
  }
  if (type === 'pause' || type === 'resume' || type === 'apply_now') {
    const paused = wirePaused.safeParse(json);
    if (!paused.success) return null;
    const [{ group, result, count }] = paused.data;
    return { kind: type, group, verdict: result, count };
  }
  const replay = wireReplayResult.safeParse(json);
  if (!replay.success) return null;
  const verdicts = replay.data.map((each) => ({
    group: each.group,
    member: each.member ?? WHOLE_GROUP,
    ...positionOf(each),
    verdict: each.result,
  }));
  return { kind: 'replay', verdicts };
}

/*
 * Signatures of operators' requests (protocol.md 12.3): without them, everyone who can write to the retry topic could approve
 * in another's name. A signature holds for one record only, and not for long: it covers topic, partition, key (with its UUID),
 * type, value and the time of its making. Where no key is set, requests need none, and an owner without a key ignores them.
 */

/** What operators and owners share. */
export interface OperatorKey {
  /** HMAC-SHA-256, lower-case hexadecimal. */
  sign(text: string): string;
  /** Whether `sign` has made it; takes as long for a wrong one. */
  hasSigned(text: string, signature: string): boolean;
}

export interface RequestRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly value: Uint8Array | string | null;
  readonly headers: Headers;
}

/** Why a request is not taken up; `repeated`: a request with its key was read before. */
export type RequestRefusal = 'unsigned' | 'bad_signature' | 'expired' | 'repeated';

/** `issuedAt` in epoch ms, by the clock of the command. */
export type Signature =
  | { readonly kind: 'good'; readonly issuedAt: number }
  | { readonly kind: 'unsigned' | 'bad_signature' };

/** The longest between the making and the taking up of a request, and the most that two clocks may differ. */
export const REQUEST_AGE_MAX_MS = 600_000;

const NAME = 'rollcall-signature';

/** The record, signed. */
export function signed<R extends RequestRecord>(record: R, now: number, key: OperatorKey): R {
  const issuedAt = Math.trunc(now);
  const signature = key.sign(signedText(record, issuedAt));
  return { ...record, headers: [...record.headers, textHeader(NAME, `v1 ${issuedAt} ${signature}`)] };
}

export function readSignature(record: RequestRecord, key: OperatorKey): Signature {
  const text = header(record.headers, NAME);
  if (text === null) return { kind: 'unsigned' };
  const [, time = '', signature = ''] = /^v1 (\d{1,15}) ([0-9a-f]{64})$/.exec(text) ?? [];
  const issuedAt = Number(time);
  const isGood = signature !== '' && key.hasSigned(signedText(record, issuedAt), signature);
  return isGood ? { kind: 'good', issuedAt } : { kind: 'bad_signature' };
}

/** null: it may be taken up. @param now epoch ms, by the clock of the owner. */
export function refusalOf(signature: Signature, now: number): RequestRefusal | null {
  if (signature.kind !== 'good') return signature.kind;
  return isExpired(signature.issuedAt, now) ? 'expired' : null;
}

export const isExpired = (issuedAt: number, now: number): boolean => Math.abs(now - issuedAt) > REQUEST_AGE_MAX_MS;

/** No two records have the same. */
function signedText({ topic, partition, key, value, headers }: RequestRecord, issuedAt: number): string {
  const text = typeof value === 'string' ? value : textOf(value);
  return JSON.stringify([
    'rollcall request',
    1,
    topic,
    partition,
    key,
    header(headers, 'rollcall-type'),
    issuedAt,
    text,
  ]);
}

/** For the operator who asked. */
export const REFUSAL_TEXT: Readonly<Record<RequestRefusal, string>> = {
  unsigned: 'the owner takes up only signed requests: set OPERATOR_KEY_FILE to the key that `rollcall run` has',
  bad_signature:
    'the request is signed with another key than the owner has: set OPERATOR_KEY_FILE to the one of `rollcall run`',
  expired: 'the request is older than 10 minutes, or the clocks of both machines differ by more: ask again',
  repeated: 'a request with this key was taken up before: ask again',
};
