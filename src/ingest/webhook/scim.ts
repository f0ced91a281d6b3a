/** SCIM events by push (RFC 9967 over RFC 8935): one security event token a POST; 202, or 400 with a code of section 2.4. */
import type { Invalid } from '../../core/change.ts';
import { type Answer, empty, json } from './answer.ts';
import { bearer } from './bearer.ts';
import type { WebhookKind } from './kind.ts';

export const scim = (token: string): WebhookKind => ({
  ...bearer(token),
  name: 'scim',
  accepted: empty(202),
  refused,
});

function refused({ code, message: description }: Invalid): Answer {
  return json(400, { err: errorCode(code), description }, { 'content-language': 'en' });
}

/** The codes of the format are finer than those of the RFC. */
function errorCode(code: string): string {
  if (/signature|key|algorithm/.test(code)) return 'invalid_key';
  if (/issuer/.test(code)) return 'invalid_issuer';
  if (/audience/.test(code)) return 'invalid_audience';
  return 'invalid_request';
}
