/**
 * Room adapters/idp: HTTP to the APIs of identity providers that are polled, and its credentials.
 * Not here: which pages are asked for (ingest/poll).
 *
 * Requests to an identity provider, with Node's own fetch. Each has a limit in time and size; none follows a redirect,
 * as the token must not go elsewhere. What may pass (429, 5xx, no answer) is waited for, as long as the server says;
 * all requests pass one gate, so that no answer (links without an end, a token that has expired already) makes us
 * hurry. Nothing is sent to an address, of an answer or of a topic, that leaves the configured base address.
 */
import { IdpRefusal, IdpTrouble } from '../../core/ids/idp-failure.ts';
import { backoffMs, retryAfterMs, saneWaitMs, type ReadHeader } from '../../core/target/retry.ts';
import type { KnownSecrets } from '../../core/text/redact.ts';
import type { IdpAnswer, IdpApi, IdpStream } from '../../ingest/ports.ts';
import type { Clock, Logger, Random } from '../../ports.ts';
import { pause, unlessAborted, within } from '../../time.ts';
import { RequestGate } from '../genesys/gate.ts';
import { causeText, send, type Limits } from '../bounded-fetch.ts';
import { logLasting } from '../lasting-lines.ts';
import { proxyAgents, type ProxySettings } from '../proxy.ts';
import { isThrottled } from '../../core/target/refusals.ts';

/** How requests show who we are. */
export interface Authorization {
  /** The value of the header. */
  header(): Promise<string>;
  /** After a 401; false: there is no other. */
  renew(): Promise<boolean>;
}

export interface IdpWorld {
  readonly clock: Clock;
  readonly random: Pick<Random, 'next'>;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  /** Absent: none. */
  readonly proxy?: ProxySettings;
  /** Learns the tokens that are received. */
  readonly secrets: Pick<KnownSecrets, 'learn'>;
}

/** Limits of identity providers begin at about ten requests a second (Okta: 600 a minute). */
const REQUESTS_PER_MINUTE = 600;

/** What all requests to one identity provider share, those for its tokens included. */
export interface IdpConnection extends IdpWorld {
  readonly gate: Pick<RequestGate, 'take' | 'answered' | 'throttled'>;
  /** What requests to this address go through; null: nothing between. */
  readonly dispatcherFor: (url: string) => object | null;
}

export const connectIdp = (world: IdpWorld): IdpConnection => ({
  ...world,
  dispatcherFor: proxyAgents(world.proxy),
  gate: new RequestGate(REQUESTS_PER_MINUTE, world.clock, world.random),
});

export interface IdpOptions {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
  /** Tries of one request; null: for as long as it takes. */
  readonly triesMax: number | null;
  /** The remedy for a 401 or 403. */
  readonly advice: string;
}

export class IdpHttp implements IdpApi {
  readonly host: string;
  readonly basePath: string;
  readonly #options: IdpOptions;
  readonly #world: IdpConnection;
  readonly #authorization: Authorization;

  constructor(options: IdpOptions, world: IdpConnection, authorization: Authorization) {
    this.host = new URL(options.baseUrl).host;
    this.basePath = prefixOf(options.baseUrl);
    this.#options = options;
    this.#world = world;
    this.#authorization = authorization;
  }

  async get(path: string): Promise<IdpAnswer> {
    return this.#authorized(path, 'application/json', readAnswer);
  }

  async open(path: string): Promise<IdpStream> {
    return this.#authorized(path, 'text/event-stream', async (response) => ({
      status: response.status,
      header: headerOf(response),
      chunks: (quietMs: number) => this.#chunks(response, quietMs),
    }));
  }

  pathOf(link: string): string {
    const url = addressBelow(this.#options.baseUrl, link);
    if (url === null) throw new IdpTrouble(`an answer of ${this.host} links to another place, which is not followed`);
    return `${url.pathname.slice(this.basePath.length)}${url.search}`;
  }

  async #authorized<T extends Pick<IdpAnswer, 'status' | 'header'>>(
    path: string,
    accept: string,
    read: Limits<T>['read'],
  ): Promise<T> {
    for (let renewed = false; ; renewed = true) {
      const answer = await this.#patiently(path, accept, read);
      if (answer.status === 401 && !renewed && (await this.#authorization.renew())) continue;
      if (answer.status !== 401 && answer.status !== 403) return answer;
      throw new IdpRefusal(`${this.host} refuses the request (${answer.status}): ${this.#options.advice}`);
    }
  }

  async #patiently<T extends Pick<IdpAnswer, 'status' | 'header'>>(
    path: string,
    accept: string,
    read: Limits<T>['read'],
  ): Promise<T> {
    const { baseUrl } = this.#options;
    const url = path.startsWith('/') && !hasDotSegments(path) ? addressBelow(baseUrl, `${baseUrl}${path}`) : null;
    // Before a token is asked for.
    if (url === null) throw new IdpTrouble(`a path leads away from ${this.host}, so that nothing is asked for`);
    const request = async (): Promise<T> => {
      const headers = { accept, authorization: await this.#authorization.header() };
      return send(url.href, { headers }, { ...this.#limits(), read });
    };
    return withRetries(request, { ...this.#world, host: this.host, triesMax: this.#options.triesMax });
  }

  #limits(): Omit<Limits<never>, 'read'> {
    const { clock, stop, dispatcherFor } = this.#world;
    return { timeoutMs: this.#options.timeoutMs, clock, stop, dispatcherFor };
  }

  /** A stream that never is quiet, or that is too long, is cut off: reading goes on after what came before. */
  async *#chunks(response: Response, quietMs: number): AsyncGenerator<Uint8Array> {
    if (response.body === null) return;
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const { clock, stop } = this.#world;
    const endsAt = clock.now().monotonic + this.#options.timeoutMs;
    let bytes = 0;
    try {
      while (bytes < BODY_BYTES_MAX) {
        const leftMs = Math.min(quietMs, endsAt - clock.now().monotonic);
        const next = await unlessAborted(stop, within(clock, leftMs, reader.read()));
        if (next === 'aborted' || next === 'timed_out' || next.done) return;
        bytes += next.value.length;
        yield next.value;
      }
    } catch {
      // A stream that breaks has ended: what came before is whole, and reading goes on after it.
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }
}

export interface RepeatedRequest extends IdpConnection {
  readonly host: string;
  readonly triesMax: number | null;
}

/** Repeats a request until its answer is final. @throws IdpTrouble after `triesMax` tries, or when asked to stop. */
export async function withRetries<T extends Pick<IdpAnswer, 'status' | 'header'>>(
  request: () => Promise<T>,
  { host, triesMax, clock, random, logger, stop, gate }: RepeatedRequest,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    await unlessStopped(stop, gate.take());
    const sentAt = clock.now().monotonic;
    const answer = await request().catch((error: unknown) => toFailure(error, stop));
    const status = 'status' in answer ? answer.status : null;
    gate.answered(status === null ? null : { sentAt, isThrottled: isThrottled(status), rateLimits: null });
    if ('status' in answer && !isPassing(answer.status)) return answer;
    const why = 'status' in answer ? `status ${answer.status}` : answer.why;
    const askedMs = 'status' in answer ? askedWaitMs(answer.status, answer.header, clock.now().wall) : null;
    const facts = { askedMs, failuresInRow: tries, random: random.next() };
    // A 429 is for all requests of the gate.
    const delayMs = isThrottled(status) ? gate.throttled(sentAt, askedMs) : backoffMs(facts);
    if (triesMax !== null && tries >= triesMax) throw new IdpTrouble(`${host} does not answer (${why})`);
    const fields = { host, why, delayMs };
    const message = 'the identity provider does not answer, trying again';
    logLasting({ clock, logger }, { level: 'warn', cause: `${host} ${why}`, fields, message });
    await unlessStopped(stop, pause(clock, delayMs));
  }
}

async function unlessStopped(stop: AbortSignal, waiting: Promise<void>): Promise<void> {
  if ((await unlessAborted(stop, waiting)) === 'aborted') throw new IdpTrouble('asked to stop');
}

function toFailure(error: unknown, stop: AbortSignal): { readonly why: string } {
  if (error instanceof IdpTrouble || error instanceof IdpRefusal) throw error;
  if (stop.aborted) throw new IdpTrouble('asked to stop');
  return { why: causeText(error) };
}

/** Of an answer. */
const BODY_BYTES_MAX = 64 * 1024 * 1024;

const headerOf =
  ({ headers }: Response): ((name: string) => string | null) =>
  (name) =>
    headers.get(name);

/**
 * Ended here where the signal says so. Node's fetch holds its signal weakly, so that one of AbortSignal.any, which nothing else
 * holds, is collected as garbage while the body is read: a body that never ended was read for ever.
 */
export async function readBody(response: Response, over: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  try {
    for (;;) {
      const next = await unlessAborted(over, reader?.read() ?? NO_MORE);
      if (next === 'aborted') throw over.reason;
      if (next.done) return Buffer.concat(chunks);
      bytes += next.value.length;
      if (bytes > BODY_BYTES_MAX) throw new IdpTrouble(`an answer has more than ${BODY_BYTES_MAX} bytes`);
      chunks.push(next.value);
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
}

export const readAnswer = async (response: Response, over: AbortSignal): Promise<IdpAnswer> => ({
  status: response.status,
  header: headerOf(response),
  body: await readBody(response, over),
});

const NO_MORE = Promise.resolve({ done: true, value: undefined } as const);

/** Whether the same request may succeed later. */
export const isPassing = (status: number): boolean => status === 408 || isThrottled(status) || status >= 500;

/** null: nothing, or nothing sane. @param now epoch ms. */
export const askedWaitMs = (status: number, header: ReadHeader, now: number): number | null =>
  retryAfterMs(header, now) ?? (isThrottled(status) ? resetMs(header, now) : null);

/** Okta and Auth0: epoch seconds, by the server's clock, which stands in `date`. A second more, as both are cut. */
function resetMs(header: ReadHeader, now: number): number | null {
  const text = header('x-rate-limit-reset') ?? header('x-ratelimit-reset');
  if (text === null || !/^\d{9,11}$/.test(text)) return null;
  const serverNow = Date.parse(header('date') ?? '');
  const leftMs = Number(text) * 1000 - (Number.isNaN(serverNow) ? now : serverNow);
  return leftMs > 0 ? saneWaitMs(leftMs + 1000) : null;
}

/** The path of the base address, without a slash at the end. */
const prefixOf = (baseUrl: string): string => new URL(baseUrl).pathname.replace(/\/+$/, '');

/**
 * The address of a link, its `..` resolved; null: it is elsewhere (another scheme, host or port, a user, a path that is not
 * below the base path), or some server might take it for elsewhere (backslashes, spaces, encoded dots).
 */
function addressBelow(baseUrl: string, link: string): URL | null {
  if (/\\|\s|\p{Cc}/u.test(link) || !URL.canParse(link, baseUrl)) return null;
  const [base, url] = [new URL(baseUrl), new URL(link, baseUrl)];
  if (url.origin !== base.origin || url.username !== '' || url.password !== '') return null;
  if (!url.pathname.startsWith(`${prefixOf(baseUrl)}/`) || hasDotSegments(url.pathname)) return null;
  url.hash = '';
  return url;
}

/** `.` or `..` between slashes, encoded ones included: a server behind a proxy may decode them once more. */
function hasDotSegments(path: string): boolean {
  const [pathname = ''] = path.split('?', 1);
  const decoded = pathname.replaceAll(/%(2e|2f|5c)/gi, (code) => decodeURIComponent(code));
  return decoded.split(/[/\\]/).some((segment) => segment === '.' || segment === '..');
}
