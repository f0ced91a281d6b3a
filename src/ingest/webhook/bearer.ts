/** Senders that show their secret as `Authorization: Bearer …` (RFC 6750): Auth0 event streams, SCIM transmitters. */
import type { Head, WebhookKind } from './kind.ts';
import { isSame } from './secret.ts';

export const bearer = (
  token: string,
): Pick<WebhookKind, 'challenge' | 'methods' | 'greet' | 'proof' | 'mayEnter' | 'isAuthentic'> => ({
  challenge: 'Bearer',
  methods: ['POST'],
  greet: () => null,
  proof: 'head',
  mayEnter: (head) => isSame(token, tokenIn(head)),
  isAuthentic: () => true,
});

/** The scheme's name may be of either case (RFC 9110 11.1). */
const tokenIn = ({ headers }: Head): string => /^Bearer +(.*)$/is.exec(headers.authorization ?? '')?.[1]?.trim() ?? '';
