/** How the APIs of identity providers are entered: a fixed token, or one that is got for client credentials. */
import { IdpRefusal, knownErrorCode } from '../../core/ids/idp-failure.ts';
import { isObject, jsonIn } from '../../core/text/json.ts';
import { tokenLifetime } from '../../core/target/retry.ts';
import { headerOf, withRetries, readBody, send, type Authorization, type IdpConnection } from './http.ts';

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
    const read = async (response: Response, over: AbortSignal) => ({
      status: response.status,
      header: headerOf(response),
      body: await readBody(response, over),
    });
    const limits = { timeoutMs, clock, stop, dispatcherFor, read };
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
