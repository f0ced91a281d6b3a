/**
 * What came back of one request to the target, as plain facts and before any judgement (outcome.ts judges).
 * Durations are milliseconds, instants epoch milliseconds.
 */
import { isObject } from '../text/json.ts';

export type HttpAnswer = ResponseAnswer | NoResponse | NotStarted | NoToken;

export interface ResponseAnswer {
  readonly kind: 'response';
  readonly status: number;
  /** As sent, quotes included: `"42"`. */
  readonly etag: string | null;
  /** What the target asked for; null: nothing, or nothing sane (retry.ts). */
  readonly retryAfterMs: number | null;
  /** The parsed JSON body; undefined where there is none or it is not JSON (HTML, garbage). */
  readonly body: unknown;
  /** No body at all (as against one that could not be read). */
  readonly empty: boolean;
  /** A body of plain words: neither JSON nor a page; absent: it is not. */
  readonly isText?: boolean;
  readonly correlationId: string | null;
  readonly sentAt: number;
  readonly durationMs: number;
}

/** Connection refused, reset, time-out (the body included). `sent`: bytes may have reached the target. */
export interface NoResponse {
  readonly kind: 'no_response';
  readonly sent: boolean;
  /** `ECONNREFUSED`, `UND_ERR_SOCKET`, `timeout`, … */
  readonly code: string;
  readonly message: string;
  readonly sentAt: number;
  readonly durationMs: number;
}

/** The lease, a join or a shutdown forbade the request in the tick it would have been written in; nothing was sent. */
export interface NotStarted {
  readonly kind: 'not_started';
}

/** No token could be had from the login host. `refused`: 400 or 401, never retried by itself. */
export interface NoToken {
  readonly kind: 'no_token';
  /** Of the login host. */
  readonly loginUrl: string;
  readonly refused: boolean;
  readonly status: number | null;
  /** How long the login host is not asked again; null where it refused the client. */
  readonly retryAfterMs: number | null;
  readonly code: string;
  readonly message: string;
}

/*
 * Reads what a refusal says, in either shape on any status: SCIM (RFC 7644 3.12) or the platform's ErrorBody.
 * The vendor's documents contradict each other on which comes when, and CloudFront in between sends HTML (genesys.md 6). Total.
 */

export interface ErrorText {
  /** The platform's code (`missing.permissions`); null where there is none that looks like one. */
  readonly code: string | null;
  readonly scimType: string | null;
  /** At most 1 KiB; null where the body says nothing. */
  readonly message: string | null;
  /** Everything it says, nested errors included, for recognising known phrases. */
  readonly text: string;
}

export function readErrorBody(body: unknown): ErrorText {
  const errors = [body, ...nestedErrors(body)].filter(isObject);
  const texts = errors.flatMap(({ detail, message, messageWithParams }) => [detail, message, messageWithParams]);
  const said = texts
    .filter((text) => typeof text === 'string' && text.trim() !== '')
    .map((text) => cutText(String(text)));
  return {
    code: first(errors.map((error) => error['code'])),
    scimType: first(errors.map((error) => error['scimType'])),
    message: said[0] ?? null,
    text: said.join('\n'),
  };
}

/** 429: it asks for a pause and says nothing of the change. */
export const isThrottled = (status: number | null): boolean => status === 429;

const NESTED_ERRORS_MAX = 10;
const MESSAGE_BYTES_MAX = 1024;

/** Well-formed text of at most 1 KiB in UTF-8: messages end up in headers and reports. */
export function cutText(text: string): string {
  const bytes = new Uint8Array(MESSAGE_BYTES_MAX);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, written));
}

function nestedErrors(body: unknown): readonly unknown[] {
  if (!isObject(body) || !Array.isArray(body['errors'])) return [];
  return body['errors'].slice(0, NESTED_ERRORS_MAX);
}

const first = (values: readonly unknown[]): string | null => values.map(readCode).find((code) => code !== null) ?? null;

/** Codes become labels and headers, so what does not look like one is not taken for one. */
export const readCode = (value: unknown): string | null =>
  typeof value === 'string' && /^[\w.:-]{1,100}$/.test(value) ? value : null;

/** The last request that carried the intent. Durations in ms. */
export interface RequestFacts {
  /** null: a GET. */
  readonly patchId: string | null;
  readonly etagBefore: string | null;
  readonly etagAfter: string | null;
  readonly status: number | null;
  readonly correlationId: string | null;
  readonly durationMs: number;
  readonly verified: boolean;
}
