/**
 * What came back of one request to the target, as plain facts and before any judgement (outcome.ts judges).
 * Durations are milliseconds, instants epoch milliseconds.
 */

export type Answer = ResponseAnswer | NoResponse | NotStarted | NoToken;

export interface ResponseAnswer {
  readonly kind: 'response';
  readonly status: number;
  /** As sent, quotes included: `"42"`. */
  readonly etag: string | null;
  /** What the target asked for; null: nothing, or nothing sane (server-wait.ts). */
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
