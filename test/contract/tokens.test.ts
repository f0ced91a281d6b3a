/** The verifier of tokens with real keys: what is believed, and with which code everything else is refused. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KeySetFile, tokenVerifier } from '../../src/adapters/tokens.ts';
import { scimEvents } from '../../src/formats/scim/events.ts';
import type { TokenVerifier } from '../../src/formats/scim/token-verifier.ts';
import { aTextRecord } from '../support/formats.ts';
import { aLog, type Log } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';

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

const anybody = { issuer: null, audience: null };

let sender: Signer;
let stranger: Signer;
let verifier: TokenVerifier;

beforeAll(async () => {
  [sender, stranger] = await Promise.all([aSigner('k1'), aSigner('k2')]);
  verifier = await tokenVerifier({ keys: [sender.publicJwk] }, { issuer: ISSUER, audience: AUDIENCE }, aLog());
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
    const verifier = await tokenVerifier({ keys: [other.publicJwk] }, anybody, aLog());
    expect(await verifier.verify(await sign(other))).toMatchObject({ kind: 'verified' });
  });

  test('without a `kid`, by any key that fits', async () => {
    const keys = [stranger, sender].map(({ publicJwk }) => {
      const jwk: JWK = { ...publicJwk };
      delete jwk.kid;
      return jwk;
    });
    const verifier = await tokenVerifier({ keys }, anybody, aLog());
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
  let directory: string;
  let path: string;
  let log: Log;
  let clock: ManualClock;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rollcall-keys-'));
    path = join(directory, 'keys.json');
    log = aLog();
    clock = new ManualClock();
  });
  afterEach(() => rm(directory, { recursive: true }));

  const write = (...keys: readonly Signer[]): Promise<void> =>
    writeFile(path, JSON.stringify({ keys: keys.map(({ publicJwk }) => publicJwk) }));
  const open = (): Promise<KeySetFile> => KeySetFile.open(path, anybody, { clock, logger: log });
  const messages = (): readonly string[] => log.lines.map(({ message }) => message);
  const code = async (keys: TokenVerifier, signer: Signer): Promise<string> => {
    const verdict = await keys.verify(await sign(signer));
    return verdict.kind === 'verified' ? 'verified' : verdict.code;
  };

  test('is read from its file', async () => {
    await write(sender);
    const format = scimEvents(await open());
    const record = aTextRecord(await sign(sender));
    await format.prepare?.([record]);
    expect(format.decode(record, { partitionCount: 1 })).toMatchObject([{ kind: 'state', group: 'g', deleted: true }]);
    await writeFile(path, '{');
    await expect(open()).rejects.toThrow(/keys\.json is no key set/);
  });

  test('that is missing is named', async () => {
    await expect(open()).rejects.toThrow(/keys\.json cannot be read/);
  });

  test.each([
    [{}, /no key set/],
    [null, /no key set/],
    [{ keys: [] }, /no key set/],
    [{ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }, /private or a symmetric/],
    [{ keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', d: 'AA' }] }, /private or a symmetric/],
    [{ keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }] }, /key 1 cannot be read/],
    [{ keys: ['k', { kty: 'new' }] }, /key 1 is no key .*; key 2 is of a kind/],
  ])('must hold a public key: %j', async (keySet, message) => {
    await expect(tokenVerifier(keySet, anybody, log)).rejects.toThrow(message);
  });

  test('leaves out a key that cannot be used, with a warning, and believes the others', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    const bad = [
      [weak, /RSA with less than 2048 bits/],
      [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }, /cannot be read/],
      [{ kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' }, /of a kind/],
      [{ kty: 'ML-DSA', pub: 'AA' }, /of a kind/],
      [{ ...stranger.publicJwk, use: 'enc' }, /not for signatures/],
      [{ kty: 'oct', k: 'c2VjcmV0' }, /private or a symmetric/],
      [null, /no key/],
    ] as const;
    for (const [key, problem] of bad) {
      const keys = await tokenVerifier({ keys: [key, sender.publicJwk] }, anybody, log);
      expect(await code(keys, sender)).toBe('verified');
      expect(log.lines.at(-1)).toMatchObject({ fields: { problem: expect.stringMatching(problem) } });
    }
  });

  test('does not let a weak key stand in the way of a token without a `kid`', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    const strong = await aSigner('k', 'RS256');
    const keys = await tokenVerifier({ keys: [weak, { ...strong.publicJwk, kid: undefined }] }, anybody, log);
    expect(await keys.verify(await sign(strong, {}, { kid: undefined }))).toMatchObject({ kind: 'verified' });
  });

  test('is read again for an unknown `kid`, but not more often than every ten seconds', async () => {
    await write(sender);
    const keys = await open();
    await write(sender, stranger);
    expect(await code(keys, stranger)).toBe('token_key');
    await clock.advance(10_000);
    expect(await code(keys, stranger)).toBe('verified');
    expect(await code(keys, sender)).toBe('verified');
    expect(messages()).toEqual(['the key set has changed and is loaded']);
  });

  test('is read again after a minute, so that a key that was taken out is not believed any more', async () => {
    await write(sender, stranger);
    const keys = await open();
    await write(sender);
    await clock.advance(59_999);
    expect(await code(keys, stranger)).toBe('verified');
    await clock.advance(1);
    expect(await code(keys, stranger)).toBe('token_key');
  });

  test('is not read for each token, however old the first reading is', async () => {
    await write(sender);
    const keys = await open();
    await clock.advance(60_000);
    expect(await code(keys, sender)).toBe('verified');
    await write(sender, stranger);
    expect(await code(keys, stranger)).toBe('token_key');
    await clock.advance(10_000);
    expect(await code(keys, stranger)).toBe('verified');
  });

  test('that cannot be used any more changes nothing, and is logged once', async () => {
    await write(sender);
    const keys = await open();
    for (const broken of ['{', JSON.stringify({ keys: [] }), null]) {
      await (broken === null ? rm(path) : writeFile(path, broken));
      for (let looks = 0; looks < 2; looks += 1) {
        await clock.advance(60_000);
        expect(await code(keys, sender)).toBe('verified');
      }
    }
    const kept = 'the key set cannot be used: the one that was loaded before is kept';
    expect(messages()).toEqual([kept, kept, kept]);
  });
});
