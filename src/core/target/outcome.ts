/**
 * Room core/target: what an answer of the target means, the PATCH, retries, the breaker.
 * Not here: sending it (adapters/genesys).
 *
 * Answer → outcome: successes here, refusals by the table of refusals.ts. Pure and total: no answer, however odd, makes it throw.
 */
import type {
  Failure,
  FailureKind,
  HttpAnswer,
  Method,
  NoResponse,
  NoToken,
  Refusal,
  ResponseAnswer,
} from './refusals.ts';
import { ADVICE, OTHER, TABLE, cutText, isThrottled, readCode, readErrorBody } from './refusals.ts';
import { isPage } from './isolation.ts';
import type { Membership, Snapshot } from './snapshot.ts';
import { readGroupBody } from './snapshot.ts';
import { readTags, type Versioned, versionedBy } from './version.ts';

export interface Applied {
  readonly kind: 'applied';
  /** The members of the body; null where there was none. */
  readonly seen: Membership | null;
  /** These and the version; null where there was none of either. */
  readonly snapshot: Snapshot | null;
  /** From the header or `meta.version`; null: it has to be read. */
  readonly version: Versioned | null;
  readonly status: number;
}

interface Failed<Kind extends FailureKind> {
  readonly kind: Kind;
  readonly failure: Failure;
}

interface RetryableFailure<Kind extends FailureKind> extends Failed<Kind> {
  /** What the target asked for; null: nothing. */
  readonly retryAfterMs: number | null;
}

export type Outcome =
  | Applied
  /** 304 to a conditional GET: what is cached holds. */
  | { readonly kind: 'unchanged' }
  /** The version moved on: read and plan again. */
  | Failed<'conflict'>
  | RetryableFailure<'throttled'>
  | RetryableFailure<'transient'>
  /** 401 after the adapter's one renewal, or the login host refuses the client. */
  | Failed<'unauthorized'>
  /** 403. */
  | Failed<'denied'>
  /** 404. */
  | Failed<'not_found'>
  /** A member is refused. */
  | Failed<'rejected_member'>
  /** A member that was to be removed is not there. */
  | Failed<'no_target'>
  /** 413. */
  | Failed<'too_large'>
  /** Any other refusal. */
  | Failed<'rejected'>
  | { readonly kind: 'not_started' };

/** One that says what failed. */
export type FailedOutcome = Extract<Outcome, { failure: Failure }>;

/** What an answer means for the request it belongs to. */
export function classify(answer: HttpAnswer, method: Method): Outcome {
  switch (answer.kind) {
    case 'not_started':
      return { kind: 'not_started' };
    case 'no_token':
      return withoutToken(answer);
    case 'withheld':
      return { kind: 'rejected', failure: answer.failure };
    case 'no_response':
      return withoutResponse(answer);
    case 'response':
      return isSuccess(answer.status) ? succeeded(answer, method) : refusedBy(answer, method);
  }
}

/** false: a PATCH with this answer may still land (in doubt). Where nothing was sent, nothing can. */
export function isSureAnswer(answer: HttpAnswer): boolean {
  if (answer.kind === 'no_response') return !answer.sent;
  if (answer.kind !== 'response') return true;
  const { status, body, empty } = answer;
  if (isSuccess(status)) return isBare(answer) || readGroupBody(body, answer.etag) !== null;
  // A proxy's page may stand in for an answer that never came, so a refusal counts only as far as it can be read.
  return isRefusal(status) && (empty || body !== undefined);
}

/** By its status alone: nothing of the request can land any more. */
export const isRefusal = (status: number): boolean => status >= 300 && status < 500 && status !== 408;

const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/** Nothing to read, and rightly so. 202 is no promise that the change is made. */
const isBare = ({ status, empty }: ResponseAnswer): boolean => empty && (status === 200 || status === 204);

function succeeded(answer: ResponseAnswer, method: Method): Outcome {
  const { status, etag, body } = answer;
  const group = readGroupBody(body, etag);
  if (group?.version) {
    const { members: seen, version } = group;
    return { kind: 'applied', seen, snapshot: { ...seen, ...version }, version, status };
  }
  const applied = { kind: 'applied', snapshot: null, status } as const;
  // Its members count; only without a version nothing more can be sent before it is read.
  if (group !== null && method === 'PATCH') return { ...applied, seen: group.members, version: null };
  if (method === 'PATCH' && isBare(answer)) {
    return { ...applied, seen: null, version: versionedBy(readTags(etag, null)) };
  }
  const failure = group === null ? unreadable(status) : withoutVersion(status);
  return { kind: 'transient', retryAfterMs: answer.retryAfterMs, failure };
}

/** Nothing could be sent under it. */
const withoutVersion = (status: number): Failure => ({
  ...unreadable(status),
  message: `The answer with status ${status} names no version of the group: neither an ETag header nor meta.version.`,
});

/** A success that is no answer to what was asked. */
export const unreadable = (status: number): Failure => ({
  code: 'unreadable_answer',
  message: `The answer with status ${status} holds nothing of what was asked for.`,
  status,
  scimType: null,
  advice: ADVICE.unreadable,
});

function withoutResponse({ code, message }: NoResponse): Outcome {
  const stable = /timed?_?out/i.test(code) ? 'timeout' : 'connection';
  const failure = { code: stable, message: cutText(`${code}: ${message}`), status: null, scimType: null };
  return { kind: 'transient', retryAfterMs: null, failure: { ...failure, advice: ADVICE.unreachable } };
}

function withoutToken(answer: NoToken): Outcome {
  const failure = tokenFailure(answer);
  if (answer.refused) return { kind: 'unauthorized', failure };
  return { kind: isThrottled(answer.status) ? 'throttled' : 'transient', retryAfterMs: answer.retryAfterMs, failure };
}

/** Why no token was had. What the login host wrote is left out: it may repeat what it was sent. */
export function tokenFailure({ refused, status, code, loginUrl }: NoToken): Failure {
  const facts = { code: readCode(code) ?? 'no_token', status, scimType: null };
  if (!refused) return { ...facts, message: `No token could be had from ${loginUrl}.`, advice: ADVICE.login };
  const message = `The login host ${loginUrl} refused the OAuth client: its id, its secret or the region is wrong.`;
  return { ...facts, message, advice: ADVICE.client };
}

function refusedBy(answer: ResponseAnswer, method: Method): Outcome {
  const { status, retryAfterMs } = answer;
  const { code, scimType, message, text } = readErrorBody(answer.body);
  const refusal: Refusal = { status, scimType, text, method, isPage: isPage(answer) };
  // To a request that was not conditional it says nothing: then it is a bad answer like any other 3xx.
  if (status === 304 && method === 'CONDITIONAL_GET') return { kind: 'unchanged' };
  const { kind, stable, advice } = TABLE.find(({ when }) => when(refusal)) ?? OTHER;
  const failure: Failure = {
    // One cause has one code, in whichever form the target tells it.
    ...codesOf(kind === 'conflict' ? kind : (scimType ?? code ?? stable ?? `http_${status}`), code ?? scimType),
    message: message ?? `The target answered with status ${status}.`,
    status,
    scimType,
    advice,
  };
  return kind === 'throttled' || kind === 'transient' ? { kind, retryAfterMs, failure } : { kind, failure };
}

const codesOf = (code: string, targetCode: string | null): Pick<Failure, 'code' | 'targetCode'> =>
  targetCode === null || targetCode === code ? { code } : { code, targetCode };
