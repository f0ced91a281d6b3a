/**
 * Requests to the target, repeated until one is answered: 429 delays all requests for its Retry-After, 401 renews the token, 5xx
 * and lost connections are retried. So a PATCH may arrive twice: its If-Match lets only one of them change the group.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { TargetSettings } from './settings.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: string;
}

export interface HttpRequest {
  readonly method: 'GET' | 'PATCH';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface RawRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

interface RawAnswer extends HttpAnswer {
  readonly retryAfter: string | null;
}

const REQUEST_LIMIT_MS = 10_000;
const BACKOFF_BASE_MS = 100;
const BACKOFF_CAP_MS = 10_000;
/** Of a 429 without Retry-After. */
const RATE_LIMIT_PAUSE_MS = 5_000;
/** Before it expires. */
const TOKEN_MARGIN_MS = 30_000;

export class HttpClient {
  readonly #settings: TargetSettings;
  readonly #agent: Agent;
  #token: Promise<string> | null = null;
  #tokenExpiresAt = 0;
  /** Epoch ms until which no request starts, since the target said 429. */
  #pausedUntil = 0;

  constructor(settings: TargetSettings) {
    this.#settings = settings;
    this.#agent = new Agent({
      connections: settings.concurrency,
      headersTimeout: REQUEST_LIMIT_MS,
      bodyTimeout: REQUEST_LIMIT_MS,
      keepAliveTimeout: 60_000,
    });
  }

  /** Any answer but 401, 429 and 5xx. @throws Error when the login host refuses the credentials. */
  async send(wanted: HttpRequest): Promise<HttpAnswer> {
    const url = this.#settings.apiUrl + wanted.path;
    return this.#retried(async () => {
      const token = this.#currentToken();
      const authorization = `Bearer ${await token}`;
      const answer = await this.#exchange(url, { ...wanted, headers: { ...wanted.headers, authorization } });
      if (answer?.status !== 401) return answer;
      if (this.#token === token) this.#token = null;
      return null;
    });
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  /** One renewal at a time. */
  #currentToken(): Promise<string> {
    if (this.#token !== null && Date.now() < this.#tokenExpiresAt) return this.#token;
    this.#tokenExpiresAt = Infinity;
    const token = this.#fetchToken();
    this.#token = token;
    token.catch(() => {
      if (this.#token === token) this.#token = null;
    });
    return token;
  }

  async #fetchToken(): Promise<string> {
    const { loginUrl, clientId, clientSecret } = this.#settings;
    const credentials = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    const headers = { authorization: `Basic ${credentials}`, 'content-type': 'application/x-www-form-urlencoded' };
    const body = 'grant_type=client_credentials';
    const answer = await this.#retried(() =>
      this.#exchange(`${loginUrl}/oauth/token`, { method: 'POST', headers, body }),
    );
    if (answer.status !== 200) throw new Error(`the login host answers ${answer.status}: ${answer.body}`);
    const issued = JSON.parse(answer.body) as { readonly access_token: string; readonly expires_in: number };
    this.#tokenExpiresAt = Date.now() + issued.expires_in * 1000 - TOKEN_MARGIN_MS;
    return issued.access_token;
  }

  /** @param attempt null: no answer that counts. */
  async #retried(attempt: () => Promise<RawAnswer | null>): Promise<HttpAnswer> {
    for (let failures = 0; ;) {
      await this.#resumed();
      const answer = await attempt();
      if (answer !== null && answer.status !== 429 && answer.status < 500) return answer;
      const askedMs = retryAfterMs(answer?.retryAfter ?? null);
      if (answer?.status === 429) {
        this.#pausedUntil = Math.max(this.#pausedUntil, Date.now() + (askedMs ?? RATE_LIMIT_PAUSE_MS));
      } else {
        await sleep(askedMs ?? backoffMs(failures));
        failures += 1;
      }
    }
  }

  async #resumed(): Promise<void> {
    for (;;) {
      const waitMs = this.#pausedUntil - Date.now();
      if (waitMs <= 0) return;
      await sleep(waitMs);
    }
  }

  /** null: the connection was lost, or took too long. */
  async #exchange(url: string, { method, headers, body }: RawRequest): Promise<RawAnswer | null> {
    try {
      const answer = await request(url, { dispatcher: this.#agent, method, headers, body: body ?? null });
      const { etag, 'retry-after': retryAfter } = answer.headers;
      return {
        status: answer.statusCode,
        etag: typeof etag === 'string' ? etag : null,
        retryAfter: typeof retryAfter === 'string' ? retryAfter : null,
        body: await answer.body.text(),
      };
    } catch (error) {
      console.error(`${method} ${url}: ${String(error)}`);
      return null;
    }
  }
}

/** Full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). */
const backoffMs = (failures: number): number =>
  Math.random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** failures);

/** Seconds, or an HTTP date (RFC 9110 section 10.2.3). */
function retryAfterMs(header: string | null): number | null {
  if (header === null) return null;
  const milliseconds = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(milliseconds) ? null : Math.max(0, milliseconds);
}
