/** What is read from a response: the plain facts of an Answer, and what the limit headers say. */
import type { ResponseAnswer } from '../../core/answer.ts';
import { redactor } from '../../core/redact.ts';
import type { Heard } from './allowance.ts';
import type { HttpResponse } from './http-client.ts';

/** @param secrets that the request carried: a refusal may repeat them, and what it says goes into topics and reports. */
export function responseAnswer(response: HttpResponse, secrets: readonly string[]): ResponseAnswer {
  const { status, sentAt, receivedAt } = response;
  const redact = redactor(secrets);
  return {
    kind: 'response',
    status,
    etag: response.header('etag'),
    retryAfterMs: retryAfterMs(response),
    body: status < 300 ? parsedBody(response.body) : redactedBody(response.body, secrets),
    empty: response.body.length === 0,
    correlationId: redact(response.header('inin-correlation-id') ?? '').slice(0, correlationIdMaxLength) || null,
    sentAt: sentAt.wall,
    durationMs: receivedAt.monotonic - sentAt.monotonic,
  };
}

/** The vendor's ids are UUIDs; one that is longer must not blow up a report record. */
const correlationIdMaxLength = 128;

type Reviver = (key: string, value: unknown) => unknown;

/** undefined where it is not JSON. The content type is not asked: an edge or a proxy may name any. */
export function parsedBody(body: Uint8Array, reviver?: Reviver): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body), reviver);
  } catch {
    return undefined;
  }
}

/** Without the secrets, in whatever text of it they stand; whole texts are looked through, before anything is cut. */
export function redactedBody(body: Uint8Array, secrets: readonly string[]): unknown {
  const redact = redactor(secrets);
  return parsedBody(body, (_, value) => (typeof value === 'string' ? redact(value) : value));
}

/**
 * From `Retry-After` (RFC 9110 10.2.3) as seconds or HTTP date. A 429 without it: until `inin-ratelimit-reset`, else a
 * minute, the length of the vendor's window.
 */
export function retryAfterMs(response: HttpResponse): number | null {
  const asked = delayMs(response.header('retry-after') ?? '', response.receivedAt.wall);
  if (asked !== null || response.status !== 429) return asked;
  return delayMs(response.header('inin-ratelimit-reset') ?? '', 0) ?? 60_000;
}

/** A mistaken header (a date of another year, milliseconds for seconds) must not stop the service for longer. */
const delayMaxMs = 3_600_000;

function delayMs(text: string, now: number): number | null {
  const delay = /^\s*-?\d+(\.\d+)?\s*$/.test(text)
    ? Number(text) * 1000
    : text.endsWith('GMT')
      ? Date.parse(text) - now
      : NaN;
  return Number.isNaN(delay) ? null : Math.min(Math.max(0, Math.ceil(delay)), delayMaxMs);
}

/** null: the response says nothing of limits (an edge's error page, a 401). */
export function heardLimits(response: HttpResponse): Heard | null {
  const [allowed, count, resetSeconds] = ['allowed', 'count', 'reset'].map((name) => {
    const text = response.header(`inin-ratelimit-${name}`) ?? '';
    return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  });
  if (!allowed || count === undefined || resetSeconds === undefined) return null;
  const { sentAt, receivedAt } = response;
  const resetMs = Math.min(resetSeconds * 1000, delayMaxMs);
  return { allowed, count, resetMs, sentAt: sentAt.monotonic, receivedAt: receivedAt.monotonic };
}
