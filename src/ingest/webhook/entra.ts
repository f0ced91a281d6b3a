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
  const read = readJson(body);
  const notifications = read.ok ? listIn(fieldsIn(read.json)['value']) : [];
  return notifications.length > 0 && notifications.every((notification) => isSame(clientState, stateIn(notification)));
}

function stateIn(notification: unknown): string {
  const state = isFields(notification) ? notification['clientState'] : null;
  return typeof state === 'string' ? state : '';
}
