/** Auth0 event streams with the destination `webhook` and authorization `bearer`. Any 2xx means "delivered". */
import { empty, refusedUnlessJson } from './answer.ts';
import { bearer } from './bearer.ts';
import type { WebhookKind } from './kind.ts';

export const auth0 = (token: string): WebhookKind => ({
  ...bearer(token),
  name: 'auth0',
  accepted: empty(200),
  refused: refusedUnlessJson,
});
