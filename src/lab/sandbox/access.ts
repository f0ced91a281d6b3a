// Who may ask, and how often. The login host: a token for client credentials by HTTP Basic, and whether a bearer token still holds.
// Errors have the vendor's key `description`, not RFC 6749's error_description.
import { z } from 'zod';
import { jsonAnswer, type Refusal, type SandboxAnswer } from './answer.ts';

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
    return jsonAnswer(200, { access_token: token, token_type: 'bearer', expires_in: lifetimeSeconds });
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

// The rate limit of each token: so many requests in a fixed window that opens with the first of them.

export type LimitOptions = Readonly<{
  allowed: number;
  windowSeconds: number;
  /** Not enforced: counted and shown in the headers, never refused. */
  enforced: boolean;
}>;

export type RateLimitStatus = Readonly<{
  refused: boolean;
  count: number;
  allowed: number;
  resetSeconds: number;
}>;

export class RateLimits {
  readonly #options: LimitOptions;
  readonly #windows = new Map<string, { opensAt: number; count: number }>();

  constructor(options: LimitOptions) {
    this.#options = options;
  }

  /** Counts one request of the token; a refused one does not count. */
  countRequest(token: string, now: number): RateLimitStatus {
    const { allowed, windowSeconds, enforced } = this.#options;
    const window = this.#windowOf(token, now);
    const refused = enforced && window.count >= allowed;
    if (!refused) window.count += 1;
    const resetSeconds = Math.max(1, Math.ceil((window.opensAt + windowSeconds * 1000 - now) / 1000));
    return { refused, count: window.count, allowed, resetSeconds };
  }

  forget(): void {
    this.#windows.clear();
  }

  #windowOf(token: string, now: number): { opensAt: number; count: number } {
    const open = this.#windows.get(token);
    if (open && now < open.opensAt + this.#options.windowSeconds * 1000) return open;
    const fresh = { opensAt: now, count: 0 };
    this.#windows.set(token, fresh);
    return fresh;
  }
}

/** The header names of the platform; reset counts seconds from now, it is no epoch. */
export function limitHeaders(status: RateLimitStatus): Readonly<Record<string, string>> {
  return {
    'inin-ratelimit-count': String(status.count),
    'inin-ratelimit-allowed': String(status.allowed),
    'inin-ratelimit-reset': String(status.resetSeconds),
  };
}

// Credentials and permissions taken away at run time, of one group or of everything.

export const denialSchema = z.strictObject({
  /** Without a group everything is denied. */
  group: z.string().optional(),
  status: z.union([z.literal(401), z.literal(403)]).default(403),
  /** By default bad.credentials for 401 and missing.permissions for 403. */
  code: z
    .enum([
      'bad.credentials',
      'authentication.required',
      'missing.permissions',
      'missing.any.permissions',
      'not.authorized',
    ])
    .optional(),
});

export type Denial = Readonly<z.input<typeof denialSchema>>;

export class Denials {
  #denials: readonly z.output<typeof denialSchema>[] = [];

  deny(denial: Denial): void {
    this.#denials = [...this.#denials, denialSchema.parse(denial)];
  }

  /** Takes back what was denied to this group; without a group everything. */
  allow(group: string | undefined): void {
    this.#denials = group === undefined ? [] : this.#denials.filter((denial) => denial.group !== group);
  }

  find(group: string | null): Refusal | null {
    const denial = this.#denials.find((one) => one.group === undefined || one.group === group);
    if (!denial) return null;
    if (denial.status === 401) return credentialRefusal(denial.code ?? 'bad.credentials');
    const detail =
      'Unable to perform the requested action. You are missing the following permission(s): directory:group:edit';
    return { status: 403, code: denial.code ?? 'missing.permissions', detail };
  }
}

export function credentialRefusal(code: string): Refusal {
  const detail =
    code === 'authentication.required'
      ? 'No authentication bearer token specified in authorization header.'
      : 'Invalid login credentials.';
  return { status: 401, code, detail };
}
