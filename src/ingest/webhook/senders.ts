/**
 * The kinds of senders whose secret is configured (the others have no path): Auth0 event streams, Microsoft Graph,
 * Keycloak, Okta event hooks and SCIM events by push. Each says how it proves its secret and which answer makes it
 * repeat a request.
 */
import { createHmac } from 'node:crypto';
import type { Invalid, SourceFormat } from '../../core/change/change.ts';
import { KnownSecrets } from '../../core/text/redact.ts';
import { fieldsIn, listIn, readJson } from '../../formats/reading/reading.ts';
import type { Sender } from './intake.ts';
import type { Head, KindName, WebhookKind } from './kind.ts';
import { bearer, empty, isSame, json, refusedUnlessJson, type WebhookAnswer, unauthorized } from './kind.ts';
import { isObject } from '../../core/text/json.ts';

/** Auth0 event streams with the destination `webhook` and authorization `bearer`. Any 2xx means "delivered". */
const auth0 = (token: string): WebhookKind => ({
  ...bearer(token),
  name: 'auth0',
  accepted: empty(200),
  refused: refusedUnlessJson,
});

/*
 * Change notifications of Microsoft Graph (learn.microsoft.com/graph/change-notifications-delivery-webhooks): the address
 * is verified by a POST with `validationToken`, to be repeated as plain text within 10 s; every notification carries the
 * subscription's clientState; every answer but a 2xx is repeated for 4 hours.
 */

const entra = (clientState: string): WebhookKind => ({
  name: 'entra',
  methods: ['POST'],
  challenge: null,
  handshake: ({ query }) => validation(query.get('validationToken')),
  proof: 'body',
  authorize: () => true,
  isAuthentic: (_, body) => allCarry(clientState, body),
  accepted: empty(202),
  refused: refusedUnlessJson,
});

/** Graph never sends markup, and warns of those who do: it is made harmless. */
function validation(token: string | null): WebhookAnswer | null {
  if (token === null) return null;
  const body = token.replaceAll(/[&<>"'`]/g, (character) => `&#${character.codePointAt(0)};`);
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-security-policy': "default-src 'none'" };
  return { status: 200, headers, body };
}

/**
 * Every notification, as one that is not ours among them means that another sender has composed the request. The first one
 * ends it: a request may hold very many.
 */
function allCarry(clientState: string, body: Uint8Array): boolean {
  const first = firstState(body);
  if (first !== null && !isSame(clientState, first)) return false;
  const read = readJson(body);
  const notifications = read.ok ? listIn(fieldsIn(read.json)['value']) : [];
  return notifications.length > 0 && notifications.every((notification) => isSame(clientState, stateIn(notification)));
}

const NAME = '"clientState"';
const STATE = /^"clientState"\s*:\s*"([^"\\]*)"/;
/** White space and a clientState of 128 characters (what Graph takes at most) fit in it. */
const LOOKED_AT = 1_024;

/**
 * The first clientState by a look at the bytes: to parse a stranger's body takes a hundred times as long. null: it may be there, but
 * only parsing tells, since it is escaped.
 */
function firstState(body: Uint8Array): string | null {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const at = bytes.indexOf(NAME);
  if (at === -1) return '';
  const text = bytes.toString('utf8', at, at + LOOKED_AT);
  return STATE.exec(text)?.[1] ?? (text.includes('\\') ? null : '');
}

function stateIn(notification: unknown): string {
  const state = isObject(notification) ? notification['clientState'] : null;
  return typeof state === 'string' ? state : '';
}

/*
 * Keycloak with a webhook plug-in that signs (github.com/p2-inc/keycloak-events, authType `hmac`): X-Keycloak-Signature is
 * the HMAC-SHA256 of the raw body in hexadecimal digits. It repeats after every status but 2xx, and never where it was not
 * answered at all.
 */

const keycloak = (secret: string): WebhookKind => ({
  name: 'keycloak',
  methods: ['POST'],
  challenge: null,
  handshake: () => null,
  proof: 'body',
  authorize: (head) => /^[0-9a-f]{64}$/.test(signatureIn(head)),
  isAuthentic: (head, body) => isSame(createHmac('sha256', secret).update(body).digest('hex'), signatureIn(head)),
  accepted: empty(200),
  refused: refusedUnlessJson,
});

function signatureIn({ headers }: Head): string {
  const { 'x-keycloak-signature': signature } = headers;
  return typeof signature === 'string' ? signature.toLowerCase() : '';
}

/*
 * Okta event hooks (developer.okta.com/docs/concepts/event-hooks): the secret is the whole Authorization header; the
 * address is verified by one GET whose header is to be repeated; 3 s, and one repetition at most, none after a 4xx.
 */

const okta = (secret: string): WebhookKind => ({
  name: 'okta',
  methods: ['GET', 'POST'],
  challenge: null,
  handshake: (head) => (head.method === 'GET' ? verification(secret, head) : null),
  proof: 'head',
  authorize: ({ headers }) => isSame(secret, headers.authorization ?? ''),
  isAuthentic: () => true,
  accepted: empty(200),
  refused: refusedUnlessJson,
});

/** Nothing is given away by repeating it; but a wrong secret is better noticed now than at the first event. */
function verification(secret: string, { headers }: Head): WebhookAnswer {
  const { authorization, 'x-okta-verification-challenge': challenge } = headers;
  if (authorization !== undefined && !isSame(secret, authorization)) return unauthorized(null);
  if (typeof challenge !== 'string') return json(400, { error: 'X-Okta-Verification-Challenge is missing' });
  return json(200, { verification: challenge });
}

/** SCIM events by push (RFC 9967 over RFC 8935): one security event token a POST; 202, or 400 with a code of section 2.4. */
const scim = (token: string): WebhookKind => ({
  ...bearer(token),
  name: 'scim',
  accepted: empty(202),
  refused,
});

function refused({ code, message: description }: Invalid): WebhookAnswer {
  return json(400, { err: errorCode(code), description }, { 'content-language': 'en' });
}

/** The codes of the format are finer than those of the RFC. */
function errorCode(code: string): string {
  if (/signature|key|algorithm/.test(code)) return 'invalid_key';
  if (/issuer/.test(code)) return 'invalid_issuer';
  if (/audience/.test(code)) return 'invalid_audience';
  return 'invalid_request';
}

const kinds: Readonly<Record<KindName, (secret: string) => WebhookKind>> = { okta, auth0, keycloak, entra, scim };

const kindNames = Object.keys(kinds) as readonly KindName[];

export function sendersOf(
  secrets: Readonly<Record<KindName, string | null>>,
  formatOf: (kind: KindName) => SourceFormat,
): readonly Sender[] {
  return kindNames.flatMap((name) => {
    const first = secrets[name];
    if (first === null) return [];
    const sender: Sender = {
      // The secret as it is at each request.
      get kind() {
        return kinds[name](secrets[name] ?? first);
      },
      get secrets() {
        return new KnownSecrets([secrets[name] ?? first]);
      },
      format: formatOf(name),
    };
    return [sender];
  });
}
