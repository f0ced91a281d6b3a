/**
 * The APIs of the identity providers that are polled: Auth0, Microsoft Graph, Okta, and any SCIM 2.0 service provider
 * (RFC 7644); and how they are entered: a fixed token, or one that is got for client credentials.
 */
import { IdpRefusal, knownErrorCode } from '../../core/ids/idp-failure.ts';
import { tokenLifetime } from '../../core/target/retry.ts';
import { isObject, jsonIn } from '../../core/text/json.ts';
import type { IdpApi } from '../../ingest/ports.ts';
import {
  IdpHttp,
  connectIdp,
  readAnswer,
  type Authorization,
  type IdpConnection,
  type IdpWorld,
  withRetries,
} from './http.ts';
import { send } from '../bounded-fetch.ts';

/** Auth0's Management API for a machine-to-machine application. https://auth0.com/docs/api/management/v2 */
export function auth0Api(access: ClientAccess, limits: ApiLimits, world: IdpWorld): IdpApi {
  const { url } = access;
  const advice =
    'check INGEST_AUTH0_URL, INGEST_AUTH0_CLIENT_ID and INGEST_AUTH0_CLIENT_SECRET; the application needs read:events, read:groups and read:group_members';
  const more = { audience: `${url}/api/v2/` };
  const connection = connectIdp(world);
  const token = new ClientToken({ access, ...limits, url: `${url}/oauth/token`, more, advice }, connection);
  return new IdpHttp({ ...limits, baseUrl: url, advice }, connection, token);
}

/** Microsoft Graph for an application. https://learn.microsoft.com/graph/auth-v2-service */
export interface EntraAccess extends ClientAccess {
  readonly loginUrl: string;
  readonly tenantId: string;
}

export function entraApi(access: EntraAccess, limits: ApiLimits, world: IdpWorld): IdpApi {
  const { url, loginUrl, tenantId } = access;
  const advice =
    'check INGEST_ENTRA_TENANT_ID, INGEST_ENTRA_CLIENT_ID and INGEST_ENTRA_CLIENT_SECRET; the application needs GroupMember.Read.All with the consent of an administrator';
  const tokenUrl = `${loginUrl}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`;
  const more = { scope: `${url}/.default` };
  const connection = connectIdp(world);
  const token = new ClientToken({ access, ...limits, url: tokenUrl, more, advice }, connection);
  return new IdpHttp({ ...limits, baseUrl: url, advice }, connection, token);
}

/** Okta's API with an API token (scheme SSWS). https://developer.okta.com/docs/reference/core-okta-api/ */
export function oktaApi(
  access: { readonly url: string; readonly token: string },
  limits: ApiLimits,
  world: IdpWorld,
): IdpApi {
  const advice = 'check INGEST_OKTA_URL and INGEST_OKTA_API_TOKEN; its user needs to read groups and the System Log';
  return new IdpHttp({ ...limits, baseUrl: access.url, advice }, connectIdp(world), fixedToken('SSWS', access));
}

/** Any SCIM 2.0 service provider with a bearer token (RFC 7644). */
export function scimApi(
  access: { readonly url: string; readonly token: string },
  limits: ApiLimits,
  world: IdpWorld,
): IdpApi {
  const advice = 'check INGEST_SCIM_URL and INGEST_SCIM_LIST_TOKEN, which must be permitted to read groups';
  return new IdpHttp({ ...limits, baseUrl: access.url, advice }, connectIdp(world), fixedToken('Bearer', access));
}

/** The options of every API of an identity provider. */
export interface ApiLimits {
  /** Of one request. */
  readonly timeoutMs: number;
  /** Tries of one request; null: for as long as it takes. */
  readonly triesMax: number | null;
}

export interface ClientAccess {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** @param scheme `Bearer`, or `SSWS` at Okta. */
export function fixedToken(scheme: string, access: { readonly token: string }): Authorization {
  let shown = access.token;
  return {
    header: async () => {
      shown = access.token;
      return `${scheme} ${shown}`;
    },
    // Its file may have changed since.
    renew: async () => shown !== access.token,
  };
}

export interface ClientCredentials {
  readonly url: string;
  /** Read at each request for a token: the secret may change. */
  readonly access: { readonly clientId: string; readonly clientSecret: string };
  /** `scope` at Entra ID, `audience` at Auth0. */
  readonly more: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly triesMax: number | null;
  readonly advice: string;
}

interface Token {
  readonly text: string;
  /** Monotonic ms. */
  readonly until: number;
}

/** RFC 6749 4.4. One request for a token at a time. */
export class ClientToken implements Authorization {
  readonly #credentials: ClientCredentials;
  readonly #world: IdpConnection;
  #token: Token | null = null;
  #renewal: Promise<Token> | null = null;

  constructor(credentials: ClientCredentials, world: IdpConnection) {
    this.#credentials = credentials;
    this.#world = world;
  }

  async header(): Promise<string> {
    const isFresh = this.#token !== null && this.#token.until > this.#world.clock.now().monotonic;
    const token = isFresh && this.#token !== null ? this.#token : await this.#renewed();
    return `Bearer ${token.text}`;
  }

  async renew(): Promise<boolean> {
    this.#token = null;
    return true;
  }

  async #renewed(): Promise<Token> {
    this.#renewal ??= this.#request().finally(() => {
      this.#renewal = null;
    });
    this.#token = await this.#renewal;
    return this.#token;
  }

  async #request(): Promise<Token> {
    const { url, access, more, timeoutMs, triesMax, advice } = this.#credentials;
    const { clientId, clientSecret } = access;
    const { clock, stop, dispatcherFor } = this.#world;
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      ...more,
    });
    const host = new URL(url).host;
    const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
    const limits = { timeoutMs, clock, stop, dispatcherFor, read: readAnswer };
    const request = () => send(url, { method: 'POST', headers, body: String(body) }, limits);
    const sentAt = clock.now().monotonic;
    const answer = await withRetries(request, { ...this.#world, host, triesMax });
    const fields = fieldsIn(answer.body);
    const token = answer.status === 200 ? tokenIn(fields) : null;
    if (token === null) {
      // Nothing else of its body is repeated: some say in it what they were sent.
      const said = [answer.status, knownErrorCode(fields['error'])].filter((part) => part !== null).join(', ');
      throw new IdpRefusal(`${host} gives no token (${said}): ${advice}`);
    }
    this.#world.secrets.learn(token.text);
    return { text: token.text, until: sentAt + tokenLifetime(token.expiresIn).renewAfterMs };
  }
}

function fieldsIn(body: Uint8Array): Readonly<Record<string, unknown>> {
  const json = jsonIn(Buffer.from(body).toString());
  return isObject(json) ? json : {};
}

function tokenIn(
  fields: Readonly<Record<string, unknown>>,
): { readonly text: string; readonly expiresIn: unknown } | null {
  const text = fields['access_token'];
  // Of a header nothing but visible characters.
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) return null;
  return { text, expiresIn: fields['expires_in'] };
}
