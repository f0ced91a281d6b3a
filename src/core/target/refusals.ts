/**
 * What came back of one request to the target, as plain facts (`HttpAnswer`), and the classification table of refusals: the first
 * row that fits counts, `OTHER` fits always. The reason stands beside each row; what the vendor documents, and how surely, is in
 * genesys.md 2.2 and 6. outcome.ts judges: successes by itself, refusals by this table.
 */
import { isObject } from '../text/json.ts';
import { quotedForShell } from '../text/visible.ts';

/* How a remedy goes on: the change waits and lands by itself, or it was given up, and an operator has to try it again. */

export const BY_ITSELF = '; it lands by itself then.';

const replay = (id: string): string => `wake it with \`rollcall replay now --id ${quotedForShell(id)} --yes\`.`;

/** In the service: what was given up stays in the retry topic, and nothing wakes it but a replay. */
export const thenReplay = (advice: string, id: string): string =>
  advice.endsWith(BY_ITSELF)
    ? `${advice.slice(0, -BY_ITSELF.length)}; then ${replay(id)}`
    : `${advice} Then ${replay(id)}`;

/** In `apply`, whose log ends with it. @param again what takes the place of a replay; where the advice is just that, it is said once. */
export function thenApply(advice: string, id: string, again: string): string {
  if (!advice.endsWith(replay(id))) return advice;
  const before = advice.slice(0, -replay(id).length);
  const saidSo = `${again}. Then `;
  return before.toLowerCase() === saidSo.toLowerCase() ? before.slice(0, -' Then '.length) : `${before}${again}.`;
}

/** Why something did not succeed, ready for reports and headers. `message` is at most 1 KiB. */
export interface Failure {
  /** `conflict`; else the platform's own code or scimType where it gave one, else a stable name: `timeout`, … */
  readonly code: string;
  /** The platform's own code, or scimType, where it gave one and `code` is another; absent: none. */
  readonly targetCode?: string;
  readonly message: string;
  /** HTTP status; null where nothing was answered. */
  readonly status: number | null;
  readonly scimType: string | null;
  /** One sentence naming the remedy, for an operator. */
  readonly advice: string;
}

export type FailureKind =
  | 'conflict'
  | 'throttled'
  | 'transient'
  | 'unauthorized'
  | 'denied'
  | 'not_found'
  | 'rejected_member'
  | 'no_target'
  | 'too_large'
  | 'rejected';

/** `CONDITIONAL_GET`: with `If-None-Match`. */
export type Method = 'GET' | 'CONDITIONAL_GET' | 'PATCH';

export interface Refusal {
  readonly status: number;
  readonly scimType: string | null;
  readonly text: string;
  readonly method: Method;
  /** The body is not the target's own: HTML of a proxy, or of an edge. */
  readonly isPage: boolean;
}

export interface Row {
  readonly when: (refusal: Refusal) => boolean;
  readonly kind: FailureKind;
  /** Code where the body names none; null: `http_<status>`. */
  readonly stable: string | null;
  readonly advice: string;
}

export const ADVICE = {
  conflict: 'If it goes on, find out what else keeps changing this group.',
  etag: 'Have the proxy between Rollcall and Genesys Cloud leave the ETag header and If-Match as they are.',
  doubtful:
    'Compare the group in Genesys Cloud with the source, remove by a delta who is left, or send the full state again while nothing changes the group.',
  token: 'Check the OAuth client in Genesys Cloud: it was disabled, or its token revoked.',
  client: 'Check GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET and GENESYS_DOMAIN (the login host of the region).',
  login: 'If it lasts, check GENESYS_DOMAIN and the way to the login host.',
  permission:
    'Grant directory:group:edit to the OAuth client, for example by the role "SCIM Integration", in the division of the group.',
  group: `Make the group in Genesys Cloud (SCIM cannot create groups), or correct the group id at the source${BY_ITSELF}`,
  gone: `Nothing is left to do: the group was deleted at the source, and Genesys Cloud has none of this id. If you still see it among the groups there, it was missing for a moment${BY_ITSELF}`,
  unfound: `Nothing is left to do: the group was deleted at the source, and Genesys Cloud has none of this id. If you still see it among the groups there, correct ID_MAP_GROUP_ATTRIBUTE${BY_ITSELF}`,
  member: `Provision the user in Genesys Cloud first, or correct the user id at the source${BY_ITSELF}`,
  rate: 'Nothing to do; to go faster have the limit of the OAuth client raised.',
  large: 'Lower MAX_MEMBERS_PER_PATCH.',
  target: 'If it lasts, look at the status page of Genesys Cloud.',
  unreadable: 'Look for a proxy that changes answers between Rollcall and Genesys Cloud.',
  unreachable: 'Check the network, the proxy and GENESYS_DOMAIN or GENESYS_API_URL.',
  other: 'Correct what the message names; as it is, the same change would be refused again.',
} as const;

const row = (kind: FailureKind, stable: string | null, advice: string, when: Row['when']): Row => ({
  when,
  kind,
  stable,
  advice,
});

/** The vendor's own words for a stale version; its Terraform provider looks for them too (genesys.md 2.2). */
const STALE = /does not match (the )?current version/i;

/** No code for a bad member is documented, only words can tell; they decide how long it waits once it is found, never whether it is. */
const ABOUT_MEMBER = /\b(members?|users?)\b/i;

export const TABLE: readonly Row[] = [
  // RFC 7232 and the vendor's text of 2019.
  row('conflict', 'conflict', ADVICE.conflict, ({ status }) => status === 412),
  // The vendor's response table; uniqueness (RFC 7644 3.12) is another matter, and a re-read does not help.
  row('conflict', 'conflict', ADVICE.conflict, ({ status, scimType }) => status === 409 && scimType !== 'uniqueness'),
  // The vendor's parameter text since 2019; RFC 7644 means the protocol version by it.
  row('conflict', 'conflict', ADVICE.conflict, ({ status, scimType }) => status === 400 && scimType === 'invalidVers'),
  // The directory behind SCIM answers 400 with words alone.
  row('conflict', 'conflict', ADVICE.conflict, ({ status, text }) => status === 400 && STALE.test(text)),
  // A member that was to be removed is not there (RFC 7644 3.5.2.2); a read, or the request itself, tells which one.
  row(
    'no_target',
    'no_target',
    ADVICE.member,
    ({ status, scimType, method }) => method === 'PATCH' && status === 400 && scimType === 'noTarget',
  ),
  // The adapter has renewed the token once already.
  row('unauthorized', 'unauthorized', ADVICE.token, ({ status }) => status === 401),
  // A permission may be granted later.
  row('denied', 'denied', ADVICE.permission, ({ status }) => status === 403),
  // The group, or with a PATCH perhaps a member: a read tells.
  row('not_found', 'not_found', ADVICE.group, ({ status }) => status === 404),
  row('throttled', 'throttled', ADVICE.rate, ({ status }) => isThrottled(status)),
  // Nothing was decided about the change; it may even still land.
  row('transient', 'timeout', ADVICE.target, ({ status }) => status === 408),
  row('transient', null, ADVICE.target, ({ status }) => status >= 500),
  // Not the target's own: a proxy that redirects everything must not dead-letter everything.
  row('transient', null, ADVICE.unreadable, ({ status }) => status < 400),
  // Halving the request helps, and a GET has no halves. A limit on members is reported as 400 tooMany.
  row('too_large', 'too_large', ADVICE.large, ({ status, method }) => method === 'PATCH' && status === 413),
  row(
    'too_large',
    'too_large',
    ADVICE.large,
    ({ status, scimType, method }) => method === 'PATCH' && status === 400 && scimType === 'tooMany',
  ),
  // Somewhere on the way the request was refused, and the target may not have seen it.
  row('transient', null, ADVICE.unreadable, ({ isPage }) => isPage),
  // A member is at fault; that the answer names it is documented nowhere. A GET has none.
  row(
    'rejected_member',
    'invalid_member',
    ADVICE.member,
    ({ status, scimType, method }) => method === 'PATCH' && status === 400 && scimType === 'invalidValue',
  ),
  row(
    'rejected_member',
    'unknown_member',
    ADVICE.member,
    ({ status, text, method }) => method === 'PATCH' && status === 400 && ABOUT_MEMBER.test(text),
  ),
  row('rejected_member', 'invalid_member', ADVICE.member, ({ status, method }) => method === 'PATCH' && status === 422),
];

/** Any other 4xx: the same request would be answered the same way. */
export const OTHER: Row = row('rejected', null, ADVICE.other, () => true);

/* Answers. Durations are milliseconds, instants epoch milliseconds. */

export type HttpAnswer = ResponseAnswer | NoResponse | NotStarted | NoToken | Withheld;

export interface ResponseAnswer {
  readonly kind: 'response';
  readonly status: number;
  /** As sent, quotes included: `"42"`. */
  readonly etag: string | null;
  /** What the target asked for; null: nothing, or nothing sane (retry.ts). */
  readonly retryAfterMs: number | null;
  /** The parsed JSON body; undefined where there is none or it is not JSON (HTML, garbage). */
  readonly body: unknown;
  /** No body at all (as against one that could not be read). */
  readonly empty: boolean;
  /** A body of plain words: neither JSON nor a page; absent: it is not. */
  readonly isText?: boolean;
  readonly correlationId: string | null;
  readonly sentAt: number;
  readonly durationMs: number;
}

/** Connection refused, reset, time-out (the body included). `sent`: bytes may have reached the target. */
export interface NoResponse {
  readonly kind: 'no_response';
  readonly sent: boolean;
  /** `ECONNREFUSED`, `UND_ERR_SOCKET`, `timeout`, … */
  readonly code: string;
  readonly message: string;
  readonly sentAt: number;
  readonly durationMs: number;
}

/** The lease, a join or a shutdown forbade the request in the tick it would have been written in; nothing was sent. */
export interface NotStarted {
  readonly kind: 'not_started';
}

/** Something before the target has refused the request, or its answer, for good (`apply --plan`); no PATCH was sent. */
export interface Withheld {
  readonly kind: 'withheld';
  readonly failure: Failure;
}

/** No token could be had from the login host. `refused`: 400 or 401, never retried by itself. */
export interface NoToken {
  readonly kind: 'no_token';
  /** Of the login host. */
  readonly loginUrl: string;
  readonly refused: boolean;
  readonly status: number | null;
  /** How long the login host is not asked again; null where it refused the client. */
  readonly retryAfterMs: number | null;
  readonly code: string;
  readonly message: string;
}

/*
 * Reads what a refusal says, in either shape on any status: SCIM (RFC 7644 3.12) or the platform's ErrorBody.
 * The vendor's documents contradict each other on which comes when, and CloudFront in between sends HTML (genesys.md 6). Total.
 */

export interface ErrorText {
  /** The platform's code (`missing.permissions`); null where there is none that looks like one. */
  readonly code: string | null;
  readonly scimType: string | null;
  /** At most 1 KiB; null where the body says nothing. */
  readonly message: string | null;
  /** Everything it says, nested errors included, for recognising known phrases. */
  readonly text: string;
}

export function readErrorBody(body: unknown): ErrorText {
  const errors = [body, ...nestedErrors(body)].filter(isObject);
  const texts = errors.flatMap(({ detail, message, messageWithParams }) => [detail, message, messageWithParams]);
  const said = texts
    .filter((text) => typeof text === 'string' && text.trim() !== '')
    .map((text) => cutText(String(text)));
  return {
    code: first(errors.map((error) => error['code'])),
    scimType: first(errors.map((error) => error['scimType'])),
    message: said[0] ?? null,
    text: said.join('\n'),
  };
}

/** 429: it asks for a pause and says nothing of the change. */
export const isThrottled = (status: number | null): boolean => status === 429;

const NESTED_ERRORS_MAX = 10;
const MESSAGE_BYTES_MAX = 1024;

/** Well-formed text of at most 1 KiB in UTF-8: messages end up in headers and reports. */
export function cutText(text: string): string {
  const bytes = new Uint8Array(MESSAGE_BYTES_MAX);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, written));
}

function nestedErrors(body: unknown): readonly unknown[] {
  if (!isObject(body) || !Array.isArray(body['errors'])) return [];
  return body['errors'].slice(0, NESTED_ERRORS_MAX);
}

const first = (values: readonly unknown[]): string | null => values.map(readCode).find((code) => code !== null) ?? null;

/** Codes become labels and headers, so what does not look like one is not taken for one. */
export const readCode = (value: unknown): string | null =>
  typeof value === 'string' && /^[\w.:-]{1,100}$/.test(value) ? value : null;

/** The last request that carried the intent. Durations in ms. */
export interface RequestFacts {
  /** null: a GET. */
  readonly patchId: string | null;
  readonly etagBefore: string | null;
  readonly etagAfter: string | null;
  readonly status: number | null;
  readonly correlationId: string | null;
  readonly durationMs: number;
  readonly verified: boolean;
  /** The list before it may have left out who is in it, so that it may have changed nothing. */
  readonly isUnseen: boolean;
}
