/**
 * The access token: one renewal at a time, shared by all callers meanwhile. A token near its end is renewed beside the
 * work, which goes on with the old one; only without a valid one does anybody wait. What the login host refused is not
 * asked again until `ensure`; after any other failure it is not asked before its pause is over. Token requests take no
 * permit of the gate: the limits are per token, this is another host.
 */
import type { NoToken } from '../../core/target/refusals.ts';
import { knownErrorCode } from '../../core/ids/idp-failure.ts';
import type { KnownSecrets } from '../../core/text/redact.ts';
import { backoffMs, throttledPauseMs, tokenLifetime } from '../../core/target/retry.ts';
import type { Clock, Logger } from '../../ports.ts';
import { logLasting } from '../lasting-lines.ts';
import type { Chance } from './gate.ts';
import type { HttpClient, HttpResult } from './http-client.ts';
import { askedWaitMs } from './http-client.ts';
import { isObject, jsonInBytes } from '../../core/text/json.ts';
import { isThrottled } from '../../core/target/refusals.ts';

export interface Token {
  readonly kind: 'token';
  readonly value: string;
  /** Monotonic ms. */
  readonly renewAt: number;
  /** Monotonic ms. */
  readonly expiresAt: number;
}

export interface Credentials {
  /** Without a slash at the end. */
  readonly loginUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

interface System {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Chance;
  /** Learns each token. */
  readonly secrets: Pick<KnownSecrets, 'learn'>;
}

export class TokenSource {
  readonly #client: HttpClient;
  /** The secret may change. */
  readonly #credentials: Credentials;
  readonly #system: System;
  #token: Token | null = null;
  #renewal: Promise<Token | NoToken> | null = null;
  /** What is answered without asking the login host; `until` in monotonic ms. */
  #failure: { readonly answer: NoToken; readonly until: number } | null = null;
  /** Failures in a row. */
  #failures = 0;

  constructor(client: HttpClient, credentials: Credentials, system: System) {
    this.#client = client;
    this.#credentials = credentials;
    this.#system = system;
  }

  /** The present token, or a new one where there is none. */
  async get(): Promise<Token | NoToken> {
    const now = this.#now();
    const token = this.#token;
    if (token === null || now >= token.expiresAt) return this.#failureAt(now) ?? this.#renewOnce();
    if (now >= token.renewAt && this.#failureAt(now) === null) void this.#renewOnce();
    return token;
  }

  /** As `get`, although the client was refused before. */
  async ensure(): Promise<Token | NoToken> {
    return this.#failureAt(this.#now())?.refused === true ? this.#renewOnce() : this.get();
  }

  /** The target did not take this token; forgotten only if no newer one came meanwhile. */
  invalidate(token: Token): void {
    if (this.#token?.value === token.value) this.#token = null;
  }

  /** What is answered without asking; it says how long the pause still is. */
  #failureAt(now: number): NoToken | null {
    if (this.#failure === null || now >= this.#failure.until) return null;
    const { answer, until } = this.#failure;
    return answer.refused ? answer : { ...answer, retryAfterMs: Math.ceil(until - now) };
  }

  #renewOnce(): Promise<Token | NoToken> {
    this.#renewal ??= this.#request().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #request(): Promise<Token | NoToken> {
    const result = await this.#client.send({
      method: 'POST',
      path: '/oauth/token',
      headers: {
        authorization: basicOf(this.#credentials),
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: 'grant_type=client_credentials',
      mayStart: () => true,
    });
    const outcome = readToken(result, this.#credentials.loginUrl);
    return outcome.kind === 'token' ? this.#had(outcome) : this.#notHad(outcome);
  }

  #had(token: Token): Token {
    this.#system.secrets.learn(token.value);
    this.#token = token;
    this.#failure = null;
    this.#failures = 0;
    this.#system.logger.debug({ renewInMs: token.renewAt - this.#now() }, 'token renewed');
    return token;
  }

  #notHad(answer: NoToken): NoToken {
    const { refused, status, code, message, loginUrl, retryAfterMs: askedMs } = answer;
    this.#failures += 1;
    const facts = { askedMs, failuresInRow: this.#failures, random: this.#system.random.next() };
    const pauseMs = isThrottled(status) ? throttledPauseMs(facts) : backoffMs(facts);
    this.#failure = { answer, until: refused ? Infinity : this.#now() + pauseMs };
    const fields = { url: loginUrl, refused, status, code, reason: message };
    const line = { level: 'warn', cause: `${loginUrl} ${status} ${code}`, fields, message: 'token not had' } as const;
    logLasting({ clock: this.#system.clock, logger: this.#system.logger }, line);
    return this.#failureAt(this.#now()) ?? answer;
  }

  #now(): number {
    return this.#system.clock.now().monotonic;
  }
}

/** Not form-encoded first (RFC 6749 2.3.1): the vendor's SDKs do not (genesys.md 7.1), and its ids need no encoding. */
const basicOf = ({ clientId, clientSecret }: Credentials): string =>
  `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;

function readToken(result: HttpResult, loginUrl: string): Token | NoToken {
  const response = result.kind === 'response' ? result : null;
  const status = response?.status ?? null;
  const noToken = ({ code, message }: Pick<NoToken, 'code' | 'message'>): NoToken => ({
    kind: 'no_token',
    loginUrl,
    refused: status === 400 || status === 401,
    status,
    retryAfterMs: response === null ? null : askedWaitMs(response),
    code,
    message,
  });
  if (result.kind === 'not_started') return noToken({ code: result.kind, message: 'not asked for' });
  if (result.kind === 'no_response') return noToken(result);
  const json = jsonInBytes(result.body);
  const body = isObject(json) ? json : {};
  const value = body['access_token'];
  if (result.status === 200 && isSendable(value)) {
    return tokenOf(value, body['expires_in'], result.sentAt.monotonic);
  }
  if (result.status === 200)
    return noToken({ code: 'unreadable_token', message: 'no usable access_token in the answer' });
  // Of what it says nothing but a known code is repeated: it may say what it was sent.
  const code = knownErrorCode(body['error'], body['code']) ?? `http_${result.status}`;
  return noToken({ code, message: `the login host answered ${result.status}` });
}

/** Any other would be refused at each request, as a connection that fails or as headers too large, until it expires. */
const isSendable = (value: unknown): value is string => typeof value === 'string' && /^[!-~]{1,8192}$/.test(value);

/** Counted from when it was asked for, so never longer than it is. */
function tokenOf(value: string, expiresInSeconds: unknown, askedAt: number): Token {
  const { renewAfterMs, expiresAfterMs } = tokenLifetime(expiresInSeconds);
  return { kind: 'token', value, renewAt: askedAt + renewAfterMs, expiresAt: askedAt + expiresAfterMs };
}
