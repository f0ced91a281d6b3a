/**
 * Room adapters/genesys: the target over HTTP: OAuth, SCIM, rate gate; the only user of undici's requests; what a shadow has in its place.
 * Not here: what an answer means (core/target).
 *
 * Genesys Cloud as the target: SCIM groups under a token, a rate gate and a pool of connections.
 * A call uses up its caller's permit with every result; only with `not_started` the caller still has it.
 */
import type { HttpAnswer, NoToken } from '../../core/target/refusals.ts';
import { groupPath } from '../../core/target/snapshot.ts';
import { KnownSecrets } from '../../core/text/redact.ts';
import { searchPath } from '../../core/ids/look-up.ts';
import type { Clock, GetGroupRequest, GroupApi, Logger, PatchGroupRequest, SearchRequest } from '../../ports.ts';
import { ShadowApi, type ReadingApi } from './shadow-api.ts';
import { NO_CHANCE, RequestGate, type Chance } from './gate.ts';
import type { Connect, HttpRequest } from './http-client.ts';
import { HttpClient, rateLimitHeaders, responseAnswer } from './http-client.ts';
import type { Credentials, Token } from './token-source.ts';
import { TokenSource } from './token-source.ts';
import { isThrottled } from '../../core/target/refusals.ts';

export interface GenesysOptions extends Credentials {
  /** Without a slash at the end. */
  readonly apiUrl: string;
  readonly requestTimeoutMs: number;
  /** Connections to the API; as many as requests may be in flight, so that none waits for another. */
  readonly concurrency: number;
  /** An upper bound besides the target's limit headers; null: none. */
  readonly rateLimitPerMinute: number | null;
}

interface System {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Lengthens waits, so that instances do not come back together. Default: none. */
  readonly random?: Chance;
  /** Redacted in what the target says; tokens are added. Default: what this client has itself. */
  readonly secrets?: KnownSecrets;
  /** Default: a pool of TCP connections. */
  readonly connect?: Connect;
  /** Nothing that changes a group may be sent (`SHADOW`). */
  readonly isShadow: boolean;
}

export type GenesysApi = GroupApi & ReadingApi;

/** Connects when the first request is sent, or when it is prepared for. In a shadow there is no code that sends a PATCH behind it. */
export const createGroupApi = (options: GenesysOptions, system: System): GenesysApi =>
  system.isShadow ? new ShadowApi(new GenesysReader(options, system), system) : new GenesysGroupApi(options, system);

const scimType = 'application/scim+json';

/** What is read decides what is sent, so no cache on the way may answer from what it knows (RFC 9111 5.2.1.4). */
const reading = { accept: scimType, 'cache-control': 'no-cache' };

/** Only reads. */
class GenesysReader implements ReadingApi {
  readonly gate: RequestGate;
  readonly #api: HttpClient;
  readonly #login: HttpClient;
  readonly #tokens: TokenSource;
  readonly #secrets: KnownSecrets;

  constructor(options: GenesysOptions, system: System) {
    const { apiUrl, loginUrl, requestTimeoutMs, concurrency } = options;
    const random = system.random ?? NO_CHANCE;
    this.gate = new RequestGate(options.rateLimitPerMinute, system.clock, random);
    this.#api = new HttpClient(
      { url: apiUrl, connections: concurrency, requestTimeoutMs },
      system.clock,
      system.connect,
    );
    this.#login = new HttpClient({ url: loginUrl, connections: 1, requestTimeoutMs }, system.clock, system.connect);
    this.#secrets = system.secrets ?? new KnownSecrets([options.clientSecret]);
    this.#tokens = new TokenSource(this.#login, options, { ...system, random, secrets: this.#secrets });
  }

  getGroup({ group, ifNoneMatch, mayStart }: GetGroupRequest): Promise<HttpAnswer> {
    const headers = { ...reading, ...(ifNoneMatch !== null && { 'if-none-match': ifNoneMatch }) };
    return this.send({ method: 'GET', path: groupPath(group), headers, body: null, mayStart });
  }

  search({ mayStart, ...search }: SearchRequest): Promise<HttpAnswer> {
    const headers = reading;
    return this.send({ method: 'GET', path: searchPath(search), headers, body: null, mayStart });
  }

  prepare(): void {
    void this.#tokens.get();
    // undici connects for it, and keeps the connection when the request does not start (http-client.ts).
    void this.#api.send({ method: 'GET', path: '/', headers: {}, body: null, mayStart: () => false });
  }

  async ensureToken(): Promise<NoToken | null> {
    const token = await this.#tokens.ensure();
    return token.kind === 'token' ? null : token;
  }

  async close(): Promise<void> {
    this.gate.release();
    await Promise.all([this.#api.close(), this.#login.close()]);
  }

  protected async send(request: HttpRequest): Promise<HttpAnswer> {
    const token = await this.#tokens.get();
    if (token.kind === 'no_token') {
      this.gate.giveBack();
      return this.#withoutToken(token);
    }
    const answer = await this.#sendOnce(request, token);
    if (answer.kind !== 'response' || answer.status !== 401) return answer;
    this.#tokens.invalidate(token);
    const renewed = await this.#tokens.get();
    if (renewed.kind === 'no_token') return this.#withoutToken(renewed);
    await this.gate.take();
    return this.#sendOnce(request, renewed);
  }

  /** While the login host throttles, no request can be sent. */
  #withoutToken(answer: NoToken): NoToken {
    if (isThrottled(answer.status)) this.gate.closeFor(answer.retryAfterMs ?? 0);
    return answer;
  }

  async #sendOnce(request: HttpRequest, token: Token): Promise<HttpAnswer> {
    const headers = { ...request.headers, authorization: `Bearer ${token.value}` };
    const result = await this.#api.send({ ...request, headers });
    if (result.kind === 'not_started') return result;
    if (result.kind === 'no_response') {
      if (result.sent) this.gate.answered(null);
      else this.gate.giveBack();
      return { ...result, message: this.#secrets.redact(result.message) };
    }
    const answer = responseAnswer(result, (text) => this.#secrets.redact(text));
    const isRateLimited = isThrottled(answer.status);
    const sentAt = result.sentAt.monotonic;
    this.gate.answered({ sentAt, isThrottled: isRateLimited, rateLimits: rateLimitHeaders(result) });
    if (isRateLimited) this.gate.throttled(sentAt, answer.retryAfterMs);
    return answer;
  }
}

class GenesysGroupApi extends GenesysReader implements GenesysApi {
  patchGroup({ group, ifMatch, body, mayStart }: PatchGroupRequest): Promise<HttpAnswer> {
    const headers = { accept: scimType, 'content-type': scimType, 'if-match': ifMatch };
    return this.send({ method: 'PATCH', path: groupPath(group), headers, body: JSON.stringify(body), mayStart });
  }
}
