/** A kind of sender: how it shows that it knows the secret, and what it is answered. Pure; the server asks it. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Invalid } from '../../core/change/change.ts';

/** A request without its body. */
export interface Head {
  readonly method: 'GET' | 'POST';
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

export type KindName = 'okta' | 'auth0' | 'keycloak' | 'entra' | 'scim';

export interface WebhookKind {
  readonly name: KindName;
  readonly methods: readonly ('GET' | 'POST')[];
  /** Of what is in the header `www-authenticate`; null: the secret travels elsewhere. */
  readonly challenge: string | null;
  /** The answer where the body does not matter (the sender verifies the address); null: it does. */
  handshake(head: Head): WebhookAnswer | null;
  /** `head`: `authorize` says that the sender knows the secret; `body`: only `isAuthentic` does, so little is read before. */
  readonly proof: 'head' | 'body';
  /** Whether it is worth reading the body. */
  authorize(head: Head): boolean;
  /** Whether the sender knows the secret. */
  isAuthentic(head: Head, body: Uint8Array): boolean;
  /** Everything that it tells is in Kafka. */
  readonly accepted: WebhookAnswer;
  /** Of a body of which nothing can be read; it is in the dead-letter topic. null: that is good enough. */
  refused(problem: Invalid): WebhookAnswer | null;
}

/* Secrets are compared as digests: timingSafeEqual wants equal lengths, and the length tells something too. */

export const isSame = (secret: string, given: string): boolean => timingSafeEqual(digest(secret), digest(given));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/* Senders that show their secret as `Authorization: Bearer …` (RFC 6750): Auth0 event streams, SCIM transmitters. */

export const bearer = (
  token: string,
): Pick<WebhookKind, 'challenge' | 'methods' | 'handshake' | 'proof' | 'authorize' | 'isAuthentic'> => ({
  challenge: 'Bearer',
  methods: ['POST'],
  handshake: () => null,
  proof: 'head',
  authorize: (head) => isSame(token, tokenIn(head)),
  isAuthentic: () => true,
});

/** The scheme's name may be of either case (RFC 9110 11.1). */
const tokenIn = ({ headers }: Head): string => /^Bearer +(.*)$/is.exec(headers.authorization ?? '')?.[1]?.trim() ?? '';

/* Answers: a sender without the secret learns only that it is not authorized. */

export interface WebhookAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const empty = (status: number): WebhookAnswer => ({ status, headers: {}, body: '' });

export const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): WebhookAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: `${JSON.stringify(body)}\n`,
});

/** Of the same words for every reason. */
export const unauthorized = (challenge: string | null): WebhookAnswer =>
  json(401, { error: 'not authorized' }, challenge === null ? {} : { 'www-authenticate': challenge });

const RETRY_AFTER_SECONDS = '2';

/** The sender is to repeat it: nothing was acknowledged. */
export const unavailable = (error: string): WebhookAnswer =>
  json(503, { error }, { 'retry-after': RETRY_AFTER_SECONDS });

/** A sender of what is no JSON should notice; an event that cannot be understood would only be repeated. */
export const refusedUnlessJson = ({ code }: Invalid): WebhookAnswer | null =>
  code === 'not_json' || code === 'not_utf8' ? json(400, { error: 'the body is not JSON' }) : null;
