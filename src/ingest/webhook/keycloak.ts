/**
 * Keycloak with a webhook plug-in that signs (github.com/p2-inc/keycloak-events, authType `hmac`): X-Keycloak-Signature is
 * the HMAC-SHA256 of the raw body in hexadecimal digits. It repeats after every status but 2xx, and never where it was not
 * answered at all.
 */
import { createHmac } from 'node:crypto';
import { empty, refusedUnlessJson } from './answer.ts';
import type { Head, WebhookKind } from './kind.ts';
import { isSame } from './secret.ts';

export const keycloak = (secret: string): WebhookKind => ({
  name: 'keycloak',
  methods: ['POST'],
  challenge: null,
  greet: () => null,
  proof: 'body',
  mayEnter: (head) => /^[0-9a-f]{64}$/.test(signatureIn(head)),
  isAuthentic: (head, body) => isSame(createHmac('sha256', secret).update(body).digest('hex'), signatureIn(head)),
  accepted: empty(200),
  refused: refusedUnlessJson,
});

function signatureIn({ headers }: Head): string {
  const { 'x-keycloak-signature': signature } = headers;
  return typeof signature === 'string' ? signature.toLowerCase() : '';
}
