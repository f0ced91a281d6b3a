/**
 * The access token: one renewal at a time, whoever asks meanwhile shares it. A token near its end is renewed beside the
 * work, which goes on with the old one; only without a valid one does anybody wait. What the login host refused is not
 * asked again until `renew`. Token requests take no permit of the gate: the limits are per token, this is another host.
 */
import type { NoToken } from '../../core/answer.ts';
import type { Clock, Logger } from '../../ports.ts';
import type { HttpClient, HttpResponse, HttpResult } from './http-client.ts';
import { parsedBody, redactedBody, retryAfterMs } from './response.ts';

export interface Token {
  readonly kind: 'token';
  readonly value: string;
  /** Monotonic ms. */
  readonly renewAt: number;
  /** Monotonic ms. */
  readonly expiresAt: number;
}

export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A token is renewed so long before its end, or at half of a life shorter than twice that. */
const earlyMs = 30_000;
/** After a renewal that failed while the old token still holds. */
const renewalPauseMs = 5_000;
const messageMaxLength = 300;

export class TokenSource {
  readonly #client: HttpClient;
  readonly #authorization: string;
  /** What a token request carries; an answer may repeat it. */
  readonly #secrets: readonly string[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  #token: Token | null = null;
  #renewal: Promise<Token | NoToken> | null = null;
  /** What is answered without asking the login host; `until` in monotonic ms. */
  #failure: { readonly answer: NoToken; readonly until: number } | null = null;

  constructor(
    client: HttpClient,
    credentials: Credentials,
    system: { readonly clock: Clock; readonly logger: Logger },
  ) {
    // Not form-encoded first (RFC 6749 2.3.1): the vendor's SDKs do not, and the ids it hands out need no encoding.
    const basic = Buffer.from(`${credentials.clientId}:${credentials.clientSecret}`).toString('base64');
    this.#client = client;
    this.#authorization = `Basic ${basic}`;
    this.#secrets = [basic, credentials.clientSecret];
    this.#clock = system.clock;
    this.#logger = system.logger;
  }

  /** The present token, or a new one where there is none. */
  async get(): Promise<Token | NoToken> {
    const now = this.#clock.now().monotonic;
    const failure = this.#failure !== null && now < this.#failure.until ? this.#failure.answer : null;
    const token = this.#token;
    if (token === null || now >= token.expiresAt) return failure ?? this.#renewOnce();
    if (now >= token.renewAt && failure === null) void this.#renewOnce();
    return token;
  }

  /** A new token, whatever was refused before. */
  renew(): Promise<Token | NoToken> {
    return this.#renewOnce();
  }

  /** The target did not take this token; forgotten only if no newer one came meanwhile. */
  invalidate(token: Token): void {
    if (this.#token?.value === token.value) this.#token = null;
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
        authorization: this.#authorization,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: 'grant_type=client_credentials',
      mayStart: () => true,
    });
    const outcome = readToken(result, this.#secrets);
    if (outcome.kind === 'token') this.#had(outcome);
    else this.#notHad(outcome);
    return outcome;
  }

  #had(token: Token): void {
    this.#token = token;
    this.#failure = null;
    this.#logger.debug({ lifetimeMs: token.expiresAt - this.#clock.now().monotonic }, 'token renewed');
  }

  #notHad(answer: NoToken): void {
    const now = this.#clock.now().monotonic;
    this.#failure = { answer, until: answer.refused ? Infinity : now + (answer.retryAfterMs ?? 0) };
    if (this.#token !== null) this.#token = { ...this.#token, renewAt: now + renewalPauseMs };
    const { refused, status, code, message } = answer;
    this.#logger.warn({ refused, status, code, reason: message }, 'token not had');
  }
}

function readToken(result: HttpResult, secrets: readonly string[]): Token | NoToken {
  if (result.kind === 'not_started') return noToken(null, { code: result.kind, message: 'not asked for' });
  if (result.kind === 'no_response') return noToken(null, result);
  const body = fieldsOf(result.status === 200 ? parsedBody(result.body) : redactedBody(result.body, secrets));
  const value = body['access_token'];
  if (result.status === 200 && isSendable(value)) {
    return tokenOf(value, body['expires_in'], result.sentAt.monotonic);
  }
  if (result.status === 200)
    return noToken(result, { code: 'unreadable_token', message: 'no usable access_token in the answer' });
  // The vendor says `description`, RFC 6749 `error_description`; platform bodies have `code` and `message`.
  const code = firstText(body['error'], body['code']) ?? `http_${result.status}`;
  const message = firstText(body['description'], body['error_description'], body['message']);
  return noToken(result, { code, message: message ?? `the login host answered ${result.status}` });
}

/** Any other would be refused at each request, as a connection that fails or as headers too large, until it expires. */
const isSendable = (value: unknown): value is string => typeof value === 'string' && /^[!-~]{1,8192}$/.test(value);

/** Counted from when it was asked for, so never longer than it is. Without `expires_in` it is renewed at the first 401. */
function tokenOf(value: string, expiresInSeconds: unknown, askedAt: number): Token {
  const isTold = typeof expiresInSeconds === 'number' && expiresInSeconds > 0;
  const lifetimeMs = isTold ? expiresInSeconds * 1000 : Infinity;
  const expiresAt = askedAt + lifetimeMs;
  return { kind: 'token', value, expiresAt, renewAt: Math.max(expiresAt - earlyMs, askedAt + lifetimeMs / 2) };
}

function noToken(response: HttpResponse | null, { code, message }: Pick<NoToken, 'code' | 'message'>): NoToken {
  const status = response?.status ?? null;
  return {
    kind: 'no_token',
    refused: status === 400 || status === 401,
    status,
    retryAfterMs: response === null ? null : retryAfterMs(response),
    code,
    message: message.slice(0, messageMaxLength),
  };
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? { ...body } : {};
}

const firstText = (...values: readonly unknown[]): string | undefined =>
  values.find((value): value is string => typeof value === 'string' && value !== '');
