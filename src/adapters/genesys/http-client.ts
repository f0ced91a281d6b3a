/**
 * One request over a pool of kept-alive connections to one origin; undici's events are translated here. Then what is
 * read from a response: the plain facts of an HttpAnswer, and what the rate-limit headers say (genesys.md 5.2).
 * Exchange: queued → sent → over, or queued → over. `queued` becomes `sent` in the very tick that writes to the socket,
 * so a request that ends before was surely not written, and one that ends after may have reached the target.
 */
import { createRequire } from 'node:module';
import type { Dispatcher, Pool as UndiciPool } from 'undici';
import type { NoResponse, NotStarted, ResponseAnswer } from '../../core/target/refusals.ts';
import { retryAfterMs, secondsMs } from '../../core/target/retry.ts';
import type { Clock, Instant, MayStart } from '../../ports.ts';
import { proxyAgent, type ProxySettings } from '../proxy.ts';
import type { RateLimitHeaders } from './gate.ts';
import { jsonInBytes } from '../../core/text/json.ts';
import { isThrottled } from '../../core/target/refusals.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'PATCH' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly mayStart: MayStart;
}

export interface HttpResponse {
  readonly kind: 'response';
  readonly status: number;
  /** The first value of a header; null: there is none. `name` in lower case. */
  header(name: string): string | null;
  readonly body: Uint8Array;
  readonly sentAt: Instant;
  readonly receivedAt: Instant;
}

export type HttpResult = HttpResponse | NoResponse | NotStarted;

export interface HttpClientOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly connections: number;
  /** For the whole of a request: connecting, waiting, and reading the body. */
  readonly requestTimeoutMs: number;
}

/** The part of undici's Dispatcher that is used; a simulation passes in a network of its own. */
export type Connections = Pick<Dispatcher, 'dispatch' | 'destroy'>;
export type Connect = (
  origin: string,
  limits: Pick<HttpClientOptions, 'connections' | 'requestTimeoutMs'>,
) => Connections;

const optionsOf = ({ connections, requestTimeoutMs }: Parameters<Connect>[1]) => ({
  connections,
  pipelining: 1,
  connectTimeout: requestTimeoutMs,
  // Off: the exchange's own time-out is for the whole request.
  headersTimeout: 0,
  bodyTimeout: 0,
  maxResponseSize: bodyMaxBytes,
});

/** undici's index loads fetch, caches and mocks, too: 90 files more, and a tenth of a second at each start. */
const Pool = createRequire(import.meta.url)('undici/lib/dispatcher/pool.js') as typeof UndiciPool;

const connectPool: Connect = (origin, limits) => new Pool(origin, optionsOf(limits));

/** Through the proxy of the environment, where it has one for this origin. */
export const connectThrough =
  (proxy: ProxySettings): Connect =>
  (origin, limits) =>
    proxyAgent(origin, proxy, optionsOf(limits)) ?? connectPool(origin, limits);

/** A group of 100,000 members is about 10 MB; what is larger is no answer to a request of ours. */
const bodyMaxBytes = 32 * 1024 * 1024;

export class HttpClient {
  readonly #pool: Connections;
  readonly #origin: string;
  readonly #pathPrefix: string;
  readonly #requestTimeoutMs: number;
  readonly #clock: Clock;

  constructor({ url, ...limits }: HttpClientOptions, clock: Clock, connect: Connect = connectPool) {
    const { origin, pathname } = new URL(url);
    this.#pathPrefix = pathname === '/' ? '' : pathname;
    this.#requestTimeoutMs = limits.requestTimeoutMs;
    this.#clock = clock;
    this.#origin = origin;
    this.#pool = connect(origin, limits);
  }

  /** Never rejects. */
  send(request: HttpRequest): Promise<HttpResult> {
    const { method, headers, body } = request;
    const limits = { timeoutMs: this.#requestTimeoutMs, origin: this.#origin };
    const exchange = new Exchange(request.mayStart, this.#clock, limits);
    this.#pool.dispatch(
      { origin: this.#origin, method, path: `${this.#pathPrefix}${request.path}`, headers, body },
      exchange,
    );
    return exchange.result;
  }

  /** Breaks off what is under way and closes every connection. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly result: Promise<HttpResult>;
  #resolve: (result: HttpResult) => void = () => undefined;
  readonly #mayStart: MayStart;
  readonly #clock: Clock;
  readonly #origin: string;
  readonly #cancelTimeout: () => void;
  #state: 'queued' | 'sent' | 'over' = 'queued';
  #sentAt: Instant;
  #controller: Dispatcher.DispatchController | null = null;
  #head: Pick<HttpResponse, 'status' | 'header'> | null = null;
  #chunks: Buffer[] = [];

  constructor(
    mayStart: MayStart,
    clock: Clock,
    { timeoutMs, origin }: { readonly timeoutMs: number; readonly origin: string },
  ) {
    this.result = new Promise((resolve) => (this.#resolve = resolve));
    this.#mayStart = mayStart;
    this.#clock = clock;
    this.#origin = origin;
    this.#sentAt = clock.now();
    this.#cancelTimeout = clock.schedule(timeoutMs, () => this.#timeOut(timeoutMs));
  }

  /**
   * undici 7 (client-h1.js, writeH1) calls this right before it writes; where it throws, not one byte is written, and the
   * connection stays usable, which `controller.abort` would destroy.
   */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#state === 'over') throw new Error('the request timed out while it was queued');
    // undici writes a request again when its connection is replaced under it; whether to repeat is not its decision.
    if (this.#state === 'sent') throw new Error('the connection was replaced under the request');
    if (!this.#mayStart()) {
      this.#end({ kind: 'not_started' });
      throw new Error('the request may not start');
    }
    this.#state = 'sent';
    this.#sentAt = this.#clock.now();
    this.#controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: HeaderValues): void {
    this.#head = { status, header: (name) => [headers[name] ?? null].flat()[0] ?? null };
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const body = Buffer.concat(this.#chunks);
    if (this.#head === null) throw new Error('a response ended that had not begun');
    this.#end({ kind: 'response', ...this.#head, body, sentAt: this.#sentAt, receivedAt: this.#clock.now() });
  }

  /** Also called for what `onRequestStart` throws; it changes nothing where the exchange is over. */
  onResponseError(_controller: Dispatcher.DispatchController, error: Error & { readonly code?: unknown }): void {
    const code = typeof error.code === 'string' ? error.code : error.name;
    this.#fail(code, error.message === '' ? code : error.message);
  }

  #timeOut(timeoutMs: number): void {
    this.#fail('timeout', `no complete answer within ${timeoutMs} ms`);
    this.#controller?.abort(new Error('time-out'));
  }

  /** The address stands in every message. */
  #fail(code: string, problem: string): void {
    const message = problem.includes(this.#origin) ? problem : `${problem} (${this.#origin})`;
    const durationMs = this.#clock.now().monotonic - this.#sentAt.monotonic;
    const sent = this.#state === 'sent';
    this.#end({ kind: 'no_response', sent, code, message, sentAt: this.#sentAt.wall, durationMs });
  }

  #end(result: HttpResult): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#cancelTimeout();
    this.#resolve(result);
  }
}

type HeaderValues = Readonly<Record<string, string | string[] | undefined>>;

export type Redact = (text: string) => string;

/** @param redact a refusal may repeat what the request carried, and what it says goes into topics and reports. */
export function responseAnswer(response: HttpResponse, redact: Redact): ResponseAnswer {
  const { status, sentAt, receivedAt } = response;
  // The content type is not asked: an edge or a proxy may name any.
  const body = status < 300 ? jsonInBytes(response.body) : redactedBody(response.body, redact);
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

/** Without the secrets, in every text of it; whole texts are searched, before anything is cut. */
function redactedBody(body: Uint8Array, redact: Redact): unknown {
  return jsonInBytes(body, (_, value) => (typeof value === 'string' ? redact(value) : value));
}

/** What the target asks for: `Retry-After`; with a 429 else `inin-ratelimit-reset` (genesys.md 5.3). null: nothing sane. */
export function askedWaitMs({ status, header, receivedAt }: HttpResponse): number | null {
  const asked = retryAfterMs(header, receivedAt.wall);
  return asked !== null || !isThrottled(status) ? asked : secondsMs(header('inin-ratelimit-reset'));
}

/** null: the response says nothing of limits (an edge's error page, a 401), or of a window that ends within no time. */
export function rateLimitHeaders({ header, sentAt, receivedAt }: HttpResponse): RateLimitHeaders | null {
  const [allowed, count] = ['allowed', 'count'].map((name) => {
    const text = header(`inin-ratelimit-${name}`) ?? '';
    return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  });
  const resetMs = secondsMs(header('inin-ratelimit-reset'));
  if (!allowed || count === undefined || resetMs === null) return null;
  return { allowed, count, resetMs, sentAt: sentAt.monotonic, receivedAt: receivedAt.monotonic };
}
