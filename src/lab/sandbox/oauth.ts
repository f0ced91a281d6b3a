// The login host: a token for client credentials by HTTP Basic, and whether a bearer token still holds.
// Errors have the vendor's key `description`, not RFC 6749's error_description.
import { jsonAnswer, type SandboxAnswer } from './answer.ts';

export type OauthOptions = Readonly<{
  clientId: string;
  clientSecret: string;
  lifetimeSeconds: number;
  newToken: () => string;
}>;
export type TokenRequest = Readonly<{
  authorization: string | null;
  contentType: string;
  body: string;
}>;
export type TokenCheck =
  | Readonly<{ kind: 'valid'; token: string }>
  | Readonly<{ kind: 'refused'; code: 'authentication.required' | 'bad.credentials' }>;

export class TokenIssuer {
  readonly #options: OauthOptions;
  readonly #issued = new Map<string, Readonly<{ number: number; expiresAt: number }>>();
  #issuedCount = 0;
  #clientRefusal: string | null = null;

  constructor(options: OauthOptions) {
    this.#options = options;
  }

  issue(request: TokenRequest, now: number): SandboxAnswer {
    if (!request.contentType.startsWith('application/x-www-form-urlencoded')) {
      return oauthError('invalid_request', 'content type must be application/x-www-form-urlencoded');
    }
    if (request.body !== 'grant_type=client_credentials') {
      return oauthError('unsupported_grant_type', 'body must be grant_type=client_credentials');
    }
    const refusal = this.#clientRefusal ?? this.#checkClient(request.authorization);
    if (refusal !== null) return oauthError('invalid_client', refusal);
    const token = this.#options.newToken();
    const { lifetimeSeconds } = this.#options;
    this.#issuedCount += 1;
    this.#issued.set(token, { number: this.#issuedCount, expiresAt: now + lifetimeSeconds * 1000 });
    return jsonAnswer(200, {
      access_token: token,
      token_type: 'bearer',
      expires_in: lifetimeSeconds,
    });
  }

  check(authorization: string | null, now: number): TokenCheck {
    if (!authorization) return { kind: 'refused', code: 'authentication.required' };
    const token = bearerOf(authorization);
    const issued = token === undefined ? undefined : this.#issued.get(token);
    if (token === undefined || issued === undefined || issued.expiresAt <= now) {
      if (token !== undefined) this.#issued.delete(token);
      return { kind: 'refused', code: 'bad.credentials' };
    }
    return { kind: 'valid', token };
  }

  /** Which of the tokens handed out, counted from 1; null: none of those that hold. */
  numberOf(authorization: string | undefined): number | null {
    return this.#issued.get(bearerOf(authorization ?? '') ?? '')?.number ?? null;
  }

  /** Every token handed out so far is refused from now on. */
  revokeAll(): void {
    this.#issued.clear();
  }

  /** Refuses the client with this description; null lets it in again. */
  refuseClient(description: string | null): void {
    this.#clientRefusal = description;
  }

  #checkClient(authorization: string | null): string | null {
    const encoded = /^basic\s+(\S+)$/i.exec(authorization ?? '')?.[1];
    if (encoded === undefined) return 'client not found';
    const credentials = Buffer.from(encoded, 'base64').toString('utf8');
    if (credentials === `${this.#options.clientId}:${this.#options.clientSecret}`) return null;
    return credentials.startsWith(`${this.#options.clientId}:`) ? 'authentication failed' : 'client not found';
  }
}

const bearerOf = (authorization: string): string | undefined => /^bearer\s+(\S+)$/i.exec(authorization)?.[1];

function oauthError(error: string, description: string): SandboxAnswer {
  return jsonAnswer(400, { error, description });
}
