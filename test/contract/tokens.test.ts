/** The verifier of tokens with real keys: what is believed, and with which code everything else is refused. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { readTokenVerifier, tokenVerifier } from '../../src/adapters/tokens.ts';
import { scimEvents } from '../../src/formats/scim-events.ts';
import type { TokenVerifier } from '../../src/formats/token-verifier.ts';
import { aTextRecord } from '../support/formats.ts';

const ISSUER = 'https://scim.example.com';
const AUDIENCE = 'https://scim.example.com/Feeds/1';
const CLAIMS = {
  jti: 'j1',
  iat: 1458505044,
  iss: ISSUER,
  aud: [AUDIENCE, 'https://elsewhere.example.com'],
  sub_id: { format: 'scim', uri: '/Groups/g' },
  events: { 'urn:ietf:params:scim:event:prov:delete': {} },
};

interface Signer {
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
  readonly alg: string;
}

async function aSigner(kid: string, alg = 'ES256'): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  return { privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg }, alg };
}

const sign = ({ privateKey, publicJwk, alg }: Signer, claims: object = {}, header: object = {}): Promise<string> =>
  new SignJWT({ ...CLAIMS, ...claims })
    .setProtectedHeader({ alg, kid: publicJwk.kid ?? '', typ: 'secevent+jwt', ...header })
    .sign(privateKey);

let sender: Signer;
let stranger: Signer;
let verifier: TokenVerifier;

beforeAll(async () => {
  [sender, stranger] = await Promise.all([aSigner('k1'), aSigner('k2')]);
  verifier = await tokenVerifier({ keys: [sender.publicJwk] }, { issuer: ISSUER, audience: AUDIENCE });
});

const codeOf = async (token: string): Promise<string> => {
  const verdict = await verifier.verify(token);
  return verdict.kind === 'verified' ? 'verified' : verdict.code;
};

describe('a token is believed', () => {
  test('with a signature of the set, the type, the issuer and the audience', async () => {
    expect(await verifier.verify(await sign(sender))).toEqual({ kind: 'verified', claims: CLAIMS });
    expect(await codeOf(await sign(sender, { aud: AUDIENCE }, { typ: 'application/SECEVENT+JWT' }))).toBe('verified');
  });

  test.each(['RS256', 'PS256', 'ES384', 'EdDSA'])('with the algorithm %s', async (alg) => {
    const other = await aSigner('k', alg);
    const verifier = await tokenVerifier({ keys: [other.publicJwk] }, { issuer: null, audience: null });
    expect(await verifier.verify(await sign(other))).toMatchObject({ kind: 'verified' });
  });

  test('without a `kid`, by any key that fits', async () => {
    const keys = [stranger, sender].map(({ publicJwk }) => ({ ...publicJwk, kid: undefined }) as unknown as JWK);
    const verifier = await tokenVerifier({ keys }, { issuer: null, audience: null });
    expect(await verifier.verify(await sign(sender, {}, { kid: undefined }))).toMatchObject({ kind: 'verified' });
    const third = await aSigner('k3');
    expect(await verifier.verify(await sign(third, {}, { kid: undefined }))).toMatchObject({ code: 'token_signature' });
  });

  // A record is read again after a restart, and must mean then what it meant before.
  test('whatever its times', async () => {
    expect(await codeOf(await sign(sender, { exp: 1, nbf: 9_999_999_999 }))).toBe('verified');
  });
});

describe('a token is refused', () => {
  test('without a signature', async () => {
    expect(await codeOf(new UnsecuredJWT(CLAIMS).encode())).toBe('token_unsigned');
  });

  test('with a key that is not in the set', async () => {
    expect(await codeOf(await sign(stranger))).toBe('token_key');
    expect(await codeOf(await sign(stranger, {}, { kid: 'k1' }))).toBe('token_signature');
  });

  test('where it was changed after signing', async () => {
    const [header, , signature] = (await sign(sender)).split('.');
    const claims = Buffer.from(JSON.stringify({ ...CLAIMS, sub_id: { uri: '/Groups/h' } })).toString('base64url');
    expect(await codeOf(`${header}.${claims}.${signature}`)).toBe('token_signature');
  });

  test('of another type, such as an access token of the same issuer', async () => {
    expect(await codeOf(await sign(sender, {}, { typ: 'at+jwt' }))).toBe('token_type');
    expect(await codeOf(await sign(sender, {}, { typ: undefined }))).toBe('token_type');
  });

  test('of another issuer, or for another audience', async () => {
    expect(await codeOf(await sign(sender, { iss: 'https://evil.example.com' }))).toBe('token_issuer');
    expect(await codeOf(await sign(sender, { iss: undefined }))).toBe('token_issuer');
    expect(await codeOf(await sign(sender, { aud: 'https://elsewhere.example.com' }))).toBe('token_audience');
    expect(await codeOf(await sign(sender, { aud: undefined }))).toBe('token_audience');
  });

  test('signed with a secret: the public key must not do as one', async () => {
    const secret = new TextEncoder().encode(JSON.stringify(sender.publicJwk));
    const token = await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg: 'HS256', kid: 'k1', typ: 'secevent+jwt' })
      .sign(secret);
    expect(await codeOf(token)).toBe('token_algorithm');
  });

  test.each([
    ['', 'token_malformed'],
    ['a.b.c', 'token_malformed'],
    [`${Buffer.from('{"alg":"ES256","kid":"k1"}').toString('base64url')}.e30.`, 'token_signature'],
    [`${Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString('base64url')}..a.b.c`, 'token_encrypted'],
  ])('that is none: %s', async (token, code) => {
    expect(await codeOf(token)).toBe(code);
  });
});

describe('a key set', () => {
  test('is read from its file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rollcall-keys-'));
    try {
      const path = join(directory, 'keys.json');
      await writeFile(path, JSON.stringify({ keys: [sender.publicJwk] }));
      const format = scimEvents(await readTokenVerifier(path, { issuer: ISSUER, audience: AUDIENCE }));
      const record = aTextRecord(await sign(sender));
      await format.prepare?.([record]);
      expect(format.decode(record, { partitionCount: 1 })).toMatchObject([
        { kind: 'state', group: 'g', deleted: true },
      ]);
      await writeFile(path, '{');
      await expect(readTokenVerifier(path, { issuer: null, audience: null })).rejects.toThrow(
        /keys\.json is no key set/,
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('that is missing is named', async () => {
    await expect(readTokenVerifier('/nowhere/keys.json', { issuer: null, audience: null })).rejects.toThrow(
      /\/nowhere\/keys\.json cannot be read/,
    );
  });

  test.each([
    [{}, /no key set/],
    [null, /no key set/],
    [{ keys: [] }, /no key set/],
    [{ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }, /private or a symmetric/],
    [{ keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', d: 'AA' }] }, /private or a symmetric/],
    [{ keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }] }, /cannot be read \(number 1\)/],
  ])('must be one of public keys: %j', async (keySet, message) => {
    await expect(tokenVerifier(keySet, { issuer: null, audience: null })).rejects.toThrow(message);
  });
});
