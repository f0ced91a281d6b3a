/** What is read from a response: the plain facts of an Answer, and what the limit headers say (genesys.md 5.2). */
import type { ResponseAnswer } from '../../core/answer.ts';
import { retryAfterMs, secondsMs } from '../../core/server-wait.ts';
import type { Heard } from './allowance.ts';
import type { HttpResponse } from './http-client.ts';

export type Redact = (text: string) => string;

/** @param redact a refusal may repeat what the request carried, and what it says goes into topics and reports. */
export function responseAnswer(response: HttpResponse, redact: Redact): ResponseAnswer {
  const { status, sentAt, receivedAt } = response;
  const body = status < 300 ? parsedBody(response.body) : redactedBody(response.body, redact);
  return {
    kind: 'response',
    status,
    etag: redacted(response.header('etag'), redact),
    retryAfterMs: askedWaitMs(response),
    body,
    empty: response.body.length === 0,
    ...(body === undefined && isText(response.body) && { isText: true }),
    correlationId: redacted(response.header('inin-correlation-id'), redact)?.slice(0, correlationIdMaxLength) || null,
    sentAt: sentAt.wall,
    durationMs: receivedAt.monotonic - sentAt.monotonic,
  };
}

const redacted = (header: string | null, redact: Redact): string | null => header && redact(header);

/** The vendor's ids are UUIDs; one that is longer must not blow up a report record. */
const correlationIdMaxLength = 128;

/** Markup is what edges and proxies write; plain words may be the target's own. */
const isText = (body: Uint8Array): boolean => /^\s*[^\s<]/.test(new TextDecoder().decode(body.subarray(0, 1024)));

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
function redactedBody(body: Uint8Array, redact: Redact): unknown {
  return parsedBody(body, (_, value) => (typeof value === 'string' ? redact(value) : value));
}

/** What the target asks for: `Retry-After`; with a 429 else `inin-ratelimit-reset` (genesys.md 5.3). null: nothing sane. */
export function askedWaitMs({ status, header, receivedAt }: HttpResponse): number | null {
  const asked = retryAfterMs(header, receivedAt.wall);
  return asked !== null || status !== 429 ? asked : secondsMs(header('inin-ratelimit-reset'));
}

/** null: the response says nothing of limits (an edge's error page, a 401), or of a window that ends within no time. */
export function heardLimits({ header, sentAt, receivedAt }: HttpResponse): Heard | null {
  const [allowed, count] = ['allowed', 'count'].map((name) => {
    const text = header(`inin-ratelimit-${name}`) ?? '';
    return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  });
  const resetMs = secondsMs(header('inin-ratelimit-reset'));
  if (!allowed || count === undefined || resetMs === null) return null;
  return { allowed, count, resetMs, sentAt: sentAt.monotonic, receivedAt: receivedAt.monotonic };
}
