import { expect, test } from 'vitest';
import { TokenIssuer } from '../../src/lab/sandbox/access.ts';

test('a token holds for its lifetime and no longer', () => {
  const issuer = new TokenIssuer({ clientId: 'c', clientSecret: 's', lifetimeSeconds: 10, newToken: () => 'token' });
  const request = {
    authorization: `Basic ${Buffer.from('c:s').toString('base64')}`,
    contentType: 'application/x-www-form-urlencoded',
    body: 'grant_type=client_credentials',
  };

  expect(JSON.parse(issuer.issue(request, 0).body)).toMatchObject({ access_token: 'token', expires_in: 10 });

  expect(issuer.check('Bearer token', 9_999).kind).toBe('valid');
  expect(issuer.check('Bearer token', 10_000)).toEqual({ kind: 'refused', code: 'bad.credentials' });
});
