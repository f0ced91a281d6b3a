/**
 * Verifies security event tokens (RFC 8417, signed as RFC 7515) against a key set (RFC 7517) from a file.
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
import { refusedToken, type TokenVerdict, type TokenVerifier } from '../formats/token-verifier.ts';

export interface TokenExpectations {
  /** `iss` must be it; null: any. */
  readonly issuer: string | null;
  /** `aud` must be it or hold it; null: any. */
  readonly audience: string | null;
}

/** @throws with the mend in its message, where the file is no set of public keys. */
export async function readTokenVerifier(path: string, expected: TokenExpectations): Promise<TokenVerifier> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new Error(`The key set ${path} cannot be read; set the path of a JWKS file.`, { cause });
  }
  try {
    return await tokenVerifier(parsed(text), expected);
  } catch (cause) {
    throw new Error(`The key set ${path} ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** @throws what is wrong with the set, where it is none of public keys. */
export async function tokenVerifier(keySet: unknown, expected: TokenExpectations): Promise<TokenVerifier> {
  const keys = await publicKeys(keySet);
  const resolve = createLocalJWKSet(keys);
  return { hasKeys: true, verify: (token) => verify(token, resolve, expected) };
}

type KeySet = ReturnType<typeof createLocalJWKSet>;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A private key has no business here, and a shared secret would let every receiver forge events. */
async function publicKeys(keySet: unknown): Promise<JSONWebKeySet> {
  const { keys } = (keySet ?? {}) as { readonly keys?: unknown };
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every(isKey))
    throw new Error('is no key set; it must be {"keys":[…]} with one key at the least (RFC 7517 5).');
  if (keys.some((key) => 'd' in key || key.kty === 'oct'))
    throw new Error('holds a private or a symmetric key; put only the public keys of the sender into it.');
  for (const [index, key] of keys.entries()) await readable(key, index);
  return { keys };
}

/** Keys of other kinds verify nothing here, so they may be what they want. */
async function readable(key: JWK, index: number): Promise<void> {
  const algorithm = key.alg ?? ALGORITHM_OF_KIND[key.crv ?? key.kty ?? ''];
  if (algorithm === undefined || !ALGORITHMS.includes(algorithm)) return;
  try {
    await importJWK(key, algorithm);
  } catch (cause) {
    throw new Error(`holds a key that cannot be read (number ${index + 1}); copy it from the sender anew.`, { cause });
  }
}

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
  const claims = parsed(new TextDecoder().decode(payload));
  if (!isClaims(claims)) return refusedToken('token_claims', 'The signed content is no JSON object of claims.');
  const { issuer, audience } = expected;
  if (issuer !== null && claims['iss'] !== issuer)
    return refusedToken('token_issuer', "The token's `iss` is not the configured issuer.");
  if (audience !== null && ![claims['aud']].flat().includes(audience))
    return refusedToken('token_audience', "The token's `aud` does not hold the configured audience.");
  return { kind: 'verified', claims };
}

const isClaims = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

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
