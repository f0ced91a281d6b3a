/**
 * Verifies security event tokens (RFC 8417, signed as RFC 7515) against a key set (RFC 7517).
 * `exp` and `nbf` are not looked at: a token here tells what has happened and is no credential (RFC 8417 2.2), and a record
 * that is read again after a restart must mean the same as before, or a settled removal would be forgotten.
 */
import { readFile } from 'node:fs/promises';
import {
  compactVerify,
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  type JWSHeaderParameters,
} from 'jose';
import { refusedToken, type TokenVerdict, type TokenVerifier } from '../formats/scim/token-verifier.ts';
import type { Clock, Logger } from '../ports.ts';
import { jsonInBytes, jsonIn, isObject } from '../core/text/json.ts';
import { errorText } from '../core/text/visible.ts';

export interface TokenExpectations {
  /** `iss` must be it; null: any. */
  readonly issuer: string | null;
  /** `aud` must be it or hold it; null: any. */
  readonly audience: string | null;
}

/** @throws what is wrong with the set, where none of its keys can be used. */
export async function tokenVerifier(
  keySet: unknown,
  expected: TokenExpectations,
  logger: Pick<Logger, 'warn'>,
): Promise<TokenVerifier> {
  const resolve = createLocalJWKSet(await usableKeys(keySet, logger));
  return { hasKeys: true, verify: (token) => verify(token, resolve, expected) };
}

type KeySet = ReturnType<typeof createLocalJWKSet>;

/** Without those that can verify nothing: one bad key of a sender must not refuse the tokens of the others. */
async function usableKeys(keySet: unknown, logger: Pick<Logger, 'warn'>): Promise<JSONWebKeySet> {
  const { keys } = (keySet ?? {}) as { readonly keys?: unknown };
  if (!Array.isArray(keys) || keys.length === 0)
    throw new Error('is no key set; it must be {"keys":[…]} with one key at the least (RFC 7517 5).');
  const usable: JWK[] = [];
  const problems: string[] = [];
  for (const [index, key] of keys.entries()) {
    const problem = await problemOf(key);
    if (problem === null) usable.push(key as JWK);
    else problems.push(`key ${index + 1} ${problem}`);
  }
  if (usable.length === 0) throw new Error(`holds no key that can be used: ${problems.join('; ')}.`);
  for (const problem of problems) logger.warn({ problem }, 'a key of the key set is left out');
  return { keys: usable };
}

/** null: it can be used. A private key has no business here, and with a shared secret every receiver could forge events. */
async function problemOf(key: unknown): Promise<string | null> {
  if (!isKey(key)) return 'is no key (RFC 7517 4)';
  if ('d' in key || key.kty === 'oct')
    return 'is a private or a symmetric key: put only public keys of the sender there';
  if (key.use !== undefined && key.use !== 'sig') return `is not for signatures (\`use\`)`;
  const algorithm = key.alg ?? ALGORITHM_OF_KIND[key.crv ?? key.kty];
  if (algorithm === undefined || !ALGORITHMS.includes(algorithm))
    return 'is of a kind that no token is signed with here';
  if (key.kty === 'RSA' && modulusBits(key) < RSA_BITS_MIN) return `is weak: RSA with less than ${RSA_BITS_MIN} bits`;
  return (await isReadable(key, algorithm)) ? null : 'cannot be read: copy it from the sender again';
}

/** RFC 7518 3.3. */
const RSA_BITS_MIN = 2048;

function modulusBits({ n }: JWK): number {
  const bytes = Buffer.from(typeof n === 'string' ? n : '', 'base64url');
  const first = bytes.findIndex((byte) => byte !== 0);
  return first === -1 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first] ?? 0) - 24);
}

const isReadable = (key: JWK, algorithm: string): Promise<boolean> =>
  Promise.resolve(importJWK(key, algorithm)).then(
    () => true,
    () => false,
  );

/** One for each kind (curve or type) of key, to see that a key is whole. */
const ALGORITHM_OF_KIND: Readonly<Record<string, string>> = {
  RSA: 'RS256',
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
};

const isKey = (value: unknown): value is JWK & { readonly kty: string } =>
  typeof value === 'object' && value !== null && 'kty' in value && typeof value.kty === 'string';

const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

async function verify(token: string, keys: KeySet, expected: TokenExpectations): Promise<TokenVerdict> {
  try {
    const header = decodeProtectedHeader(token);
    const problem = headerProblem(token, header);
    if (problem !== null) return problem;
    return judge(await payloadOf(token, keys), header, expected);
  } catch (error) {
    return refusalOf(error);
  }
}

function headerProblem(token: string, { alg }: JWSHeaderParameters): TokenVerdict | null {
  if (token.split('.').length === 5)
    return refusedToken('token_encrypted', 'The token is encrypted; send it signed only, over TLS.');
  // RFC 7519 6.
  if (alg === 'none') return refusedToken('token_unsigned', 'The token has no signature (`alg` is none); sign it.');
  if (alg !== undefined && ALGORITHMS.includes(alg)) return null;
  return refusedToken('token_algorithm', `The token's \`alg\` must be one of ${ALGORITHMS.join(', ')}.`);
}

async function payloadOf(token: string, keys: KeySet): Promise<Uint8Array> {
  try {
    return (await compactVerify(token, keys, { algorithms: ALGORITHMS })).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    return await payloadByAnyOf(token, error);
  }
}

/** Several keys may fit a token without a `kid`; one that verifies it is enough. */
async function payloadByAnyOf(token: string, keys: errors.JWKSMultipleMatchingKeys): Promise<Uint8Array> {
  for await (const key of keys) {
    try {
      return (await compactVerify(token, key, { algorithms: ALGORITHMS })).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function judge(payload: Uint8Array, header: JWSHeaderParameters, expected: TokenExpectations): TokenVerdict {
  // RFC 8417 2.3 and 4.1: without its type an access token of the same issuer could pass for an event.
  if (header.typ?.toLowerCase().replace(/^application\//, '') !== 'secevent+jwt')
    return refusedToken('token_type', "The token's `typ` must be secevent+jwt (RFC 8417 2.3).");
  const claims = jsonInBytes(payload);
  if (!isObject(claims)) return refusedToken('token_claims', 'The signed content is no JSON object of claims.');
  const { issuer, audience } = expected;
  if (issuer !== null && claims['iss'] !== issuer)
    return refusedToken('token_issuer', "The token's `iss` is not the configured issuer.");
  if (audience !== null && ![claims['aud']].flat().includes(audience))
    return refusedToken('token_audience', "The token's `aud` does not hold the configured audience.");
  return { kind: 'verified', claims };
}

function refusalOf(error: unknown): TokenVerdict {
  if (error instanceof errors.JWKSNoMatchingKey)
    return refusedToken(
      'token_key',
      "No key of the set fits the token's `kid` and `alg`; add the sender's key to the set.",
    );
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refusedToken(
      'token_signature',
      'The signature does not fit: the token was changed, or its key is not in the set.',
    );
  return refusedToken('token_malformed', 'The token is no signed JWT in compact form (RFC 7515 3.1).');
}

/*
 * The key set of a sender of tokens, from a file that may change: it is read again for a token whose key it does not hold,
 * but not more often than the cool-down says, and after an interval, so that a key that was taken out does not go on being
 * believed. What cannot be used changes nothing, and is logged.
 */

const COOL_DOWN_MS = 10_000;
const INTERVAL_MS = 60_000;

export interface KeySetDependencies {
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
}

export class KeySetFile implements TokenVerifier {
  readonly hasKeys = true;
  readonly #path: string;
  readonly #expected: TokenExpectations;
  readonly #dependencies: KeySetDependencies;
  #verifier: TokenVerifier;
  /** What was judged last, for good or ill; null: it could not be read. */
  #judged: string | null;
  /** Monotonic ms. */
  #readAt: number;
  #reading: Promise<void> | null = null;

  /** @throws with the remedy in its message, where the file holds no key that can be used. */
  static async open(path: string, expected: TokenExpectations, dependencies: KeySetDependencies): Promise<KeySetFile> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (cause) {
      throw new Error(`The key set ${path} cannot be read; set the path of a JWKS file.`, { cause });
    }
    try {
      const verifier = await tokenVerifier(jsonIn(text), expected, dependencies.logger);
      return new KeySetFile(path, expected, dependencies, { text, verifier });
    } catch (cause) {
      throw new Error(`The key set ${path} ${errorText(cause)}`, { cause });
    }
  }

  private constructor(
    path: string,
    expected: TokenExpectations,
    dependencies: KeySetDependencies,
    read: { readonly text: string; readonly verifier: TokenVerifier },
  ) {
    this.#path = path;
    this.#expected = expected;
    this.#dependencies = dependencies;
    this.#judged = read.text;
    this.#verifier = read.verifier;
    this.#readAt = this.#now();
  }

  async verify(token: string): Promise<TokenVerdict> {
    if (this.#now() - this.#readAt >= INTERVAL_MS) await this.#readOnce();
    const verdict = await this.#verifier.verify(token);
    const isUnknownKey = verdict.kind === 'refused' && verdict.code === 'token_key';
    if (!isUnknownKey || (this.#reading === null && this.#now() - this.#readAt < COOL_DOWN_MS)) return verdict;
    await this.#readOnce();
    return this.#verifier.verify(token);
  }

  #readOnce(): Promise<void> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { logger } = this.#dependencies;
    this.#readAt = this.#now();
    const text = await readFile(this.#path, 'utf8').catch(() => null);
    if (text === this.#judged) return;
    this.#judged = text;
    try {
      if (text === null) throw new Error('cannot be read');
      this.#verifier = await tokenVerifier(jsonIn(text), this.#expected, logger);
      logger.info({ path: this.#path }, 'the key set has changed and is loaded');
    } catch (error) {
      const problem = errorText(error);
      logger.error({ path: this.#path, problem }, 'the key set cannot be used: the one that was loaded before is kept');
    }
  }

  #now(): number {
    return this.#dependencies.clock.now().monotonic;
  }
}
