/** What an identity provider's API, or a login host, fails with, and which of its own words may be repeated. */
/** It refuses us: credentials or permissions. The message names the remedy. */
export class IdpRefusal extends Error {
  override readonly name = 'IdpRefusal';
}

/** There is no answer, or none that can be used; to be tried again later. */
export class IdpTrouble extends Error {
  override readonly name = 'IdpTrouble';
}

/** RFC 6749 4.1.2.1 and 5.2, RFC 6750 3.1, and what Genesys Cloud, Entra ID and Auth0 answer beside these. */
const KNOWN_CODES: ReadonlySet<string> = new Set([
  'access_denied',
  'insufficient_scope',
  'interaction_required',
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_resource',
  'invalid_scope',
  'invalid_token',
  'server_error',
  'temporarily_unavailable',
  'too_many_requests',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  // Genesys Cloud
  'authentication.required',
  'bad.credentials',
  'bad.request',
  'internal.server.error',
  'not.authorized',
  'service.unavailable',
  'too.many.requests',
  'too.many.requests.retry.after',
]);

/** The error code of an answer, if it is a known one: any other text of an answer may repeat what was sent. */
export function knownErrorCode(...values: readonly unknown[]): string | null {
  const isKnown = (value: unknown): value is string => typeof value === 'string' && KNOWN_CODES.has(value);
  return values.find(isKnown) ?? null;
}
