/**
 * Change notifications of Microsoft Graph (learn.microsoft.com/graph/change-notifications-delivery-webhooks): the address
 * is verified by a POST with `validationToken`, to be repeated as plain text within 10 s; every notification carries the
 * subscription's clientState; whatever is not a 2xx is repeated for 4 hours.
 */
import { fieldsIn, isFields, listIn, readJson } from '../../formats/reading.ts';
import { type Answer, empty, refusedUnlessJson } from './answer.ts';
import type { WebhookKind } from './kind.ts';
import { isSame } from './secret.ts';

export const entra = (clientState: string): WebhookKind => ({
  name: 'entra',
  methods: ['POST'],
  challenge: null,
  greet: ({ query }) => validation(query.get('validationToken')),
  proof: 'body',
  mayEnter: () => true,
  isAuthentic: (_, body) => allCarry(clientState, body),
  accepted: empty(202),
  refused: refusedUnlessJson,
});

/** Graph never sends markup, and warns of those who do: it is made harmless. */
function validation(token: string | null): Answer | null {
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
  const state = isFields(notification) ? notification['clientState'] : null;
  return typeof state === 'string' ? state : '';
}
