/**
 * Okta event hooks (developer.okta.com/docs/concepts/event-hooks): the secret is the whole Authorization header; the
 * address is verified by one GET whose header is to be repeated; 3 s, and one repetition at most, none after a 4xx.
 */
import { type Answer, empty, json, refusedUnlessJson, unauthorized } from './answer.ts';
import type { Head, WebhookKind } from './kind.ts';
import { isSame } from './secret.ts';

export const okta = (secret: string): WebhookKind => ({
  name: 'okta',
  methods: ['GET', 'POST'],
  challenge: null,
  greet: (head) => (head.method === 'GET' ? verification(secret, head) : null),
  proof: 'head',
  mayEnter: ({ headers }) => isSame(secret, headers.authorization ?? ''),
  isAuthentic: () => true,
  accepted: empty(200),
  refused: refusedUnlessJson,
});

/** Nothing is given away by repeating it; but a wrong secret is better noticed now than at the first event. */
function verification(secret: string, { headers }: Head): Answer {
  const { authorization, 'x-okta-verification-challenge': challenge } = headers;
  if (authorization !== undefined && !isSame(secret, authorization)) return unauthorized(null);
  if (typeof challenge !== 'string') return json(400, { error: 'X-Okta-Verification-Challenge is missing' });
  return json(200, { verification: challenge });
}
