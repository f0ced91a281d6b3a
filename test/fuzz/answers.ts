/** HTTP answers, from the bytes of the body to the outcome, the retry and the report. */
import type { HttpAnswer, Method } from '../../src/core/target/refusals.ts';
import type { HttpResponse } from '../../src/adapters/genesys/http-client.ts';
import { rateLimitHeaders, responseAnswer } from '../../src/adapters/genesys/http-client.ts';
import { classify, isSureAnswer } from '../../src/core/target/outcome.ts';
import { finalReport, retryReport } from '../../src/core/report/reporting.ts';
import { backoffMs, decideRetry, scheduleOf, throttledPauseMs } from '../../src/core/target/retry.ts';
import { anIntent } from '../support/an-intent.ts';
import { demand, single } from './kind.ts';
import type { SeededRandom } from '../support/random.ts';
import { ODD_NUMBERS, ODD_TEXTS, digits, giant, json, mutatedBytes, mutatedJson, oddText } from './mutate.ts';
import { FACTS, mustBeReport } from './source-records.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

const GROUP = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
  id: 'g',
  displayName: 'Group',
  members: [{ value: 'u1', $ref: 'https://api.example.com/api/v2/scim/v2/users/u1', type: 'User' }, { value: 'u2' }],
  meta: { resourceType: 'Group', version: '42', lastModified: '2026-01-31T12:00:00Z' },
};

const bodies: readonly unknown[] = [
  GROUP,
  GROUP,
  {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: '400',
    scimType: 'invalidValue',
    detail: 'Unknown user u1',
  },
  {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: '400',
    detail: 'Version 3 does not match the current version 4',
  },
  {
    message: 'Missing the following permission(s)',
    code: 'missing.permissions',
    status: 403,
    contextId: 'c',
    errors: [{ message: 'nested', code: 'inner', errors: [] }],
    details: [],
  },
  { access_token: 'token', token_type: 'bearer', expires_in: 86_399 },
  { error: 'invalid_client', description: 'client not found', error_description: 'no' },
];

const HTML = Buffer.from('<html><head><title>502 Bad Gateway</title></head><body>CloudFront</body></html>');
const STATUSES = [
  200, 200, 200, 201, 202, 204, 206, 301, 302, 304, 400, 400, 401, 403, 404, 408, 409, 412, 413, 422, 429, 429, 431,
  451, 500, 502, 503, 504, 599, 600, 799, 999,
];

const headerNames = [
  'etag',
  'retry-after',
  'inin-ratelimit-count',
  'inin-ratelimit-allowed',
  'inin-ratelimit-reset',
  'inin-correlation-id',
  'content-type',
  'location',
];

export const anAnswer = (random: SeededRandom): RawAnswer => ({
  status: random.oneIn(10) ? 100 + random.below(900) : random.pick(STATUSES),
  headers: someHeaders(random),
  body: aBody(random),
});

function someHeaders(random: SeededRandom): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const name of headerNames) {
    if (random.oneIn(2)) continue;
    headers[name] = random.oneIn(12) ? [aHeader(random, name), aHeader(random, name)] : aHeader(random, name);
  }
  return headers;
}

const ETAGS = [
  '"42"',
  'W/"42"',
  '42',
  '"',
  '""',
  '"a"b"',
  'W/',
  '"é"',
  '*',
  `"${'9'.repeat(300)}"`,
  '"x'.repeat(4_000),
  '-1',
  '" "',
];
const DATES = [
  'Wed, 21 Oct 2015 07:28:00 GMT',
  'Fri, 31 Dec 9999 23:59:59 GMT',
  'GMT',
  'Thu, 01 Jan 1970 00:00:00 GMT',
  '+275760-09-13 GMT',
  'yesterday GMT',
  'Wed, 21 Oct 2015 07:28:00 +0100',
];

function aHeader(random: SeededRandom, name: string): string {
  if (random.oneIn(6)) return random.pick(ODD_TEXTS);
  if (random.oneIn(500)) return random.pick(['1', ' ', '-', 'W/"']).repeat(16_000) + random.pick(['x', '', '"']);
  if (name === 'etag') return random.pick(ETAGS);
  if (name === 'retry-after' && random.oneIn(2)) return random.pick(DATES);
  if (name === 'inin-correlation-id') return random.pick(['c-1', 'c'.repeat(5_000), '\uD800'.repeat(127)]);
  return random.oneIn(2) ? digits(random) : String(random.pick([...ODD_NUMBERS, 1, 59, 180, 300]));
}

function aBody(random: SeededRandom): Buffer {
  if (random.oneIn(3_000)) return giant(random, random.pick(['', '{"id":"g","members":[', '{"errors":[']));
  switch (random.below(8)) {
    case 0:
      return Buffer.alloc(0);
    case 1:
      return HTML;
    case 2:
      return random.oneIn(3) ? random.bytes(random.below(300)) : json(random.pick(bodies));
    case 3:
      return mutatedBytes(random, json(random.pick(bodies)));
    case 4:
      return json({ ...GROUP, members: Array.from({ length: random.below(50) }, () => ({ value: oddText(random) })) });
    default:
      return json(mutatedJson(random, random.pick(bodies)));
  }
}

const NOW = 1_790_000_000_000;

function responseOf({ status, headers, body }: RawAnswer): HttpResponse {
  return {
    kind: 'response',
    status,
    header: (name) => [headers[name] ?? null].flat()[0] ?? null,
    body,
    sentAt: { wall: NOW, monotonic: 5 },
    receivedAt: { wall: NOW + 12, monotonic: 17 },
  };
}

const WAIT_MAX_MS = 3_600_000;
/** Jitter adds up to a tenth, so that instances do not come back together. */
const WAIT_WITH_JITTER_MAX_MS = WAIT_MAX_MS * 1.1;
const RETRY = { baseMs: 1_000, capMs: 30_000, attemptsMax: 5, slowScheduleMs: [60_000, 300_000] };

function accountFor({ raw, method }: { readonly raw: RawAnswer; readonly method: Method }): string {
  const response = responseOf(raw);
  const heard = rateLimitHeaders(response);
  demand(heard === null || (heard.allowed > 0 && heard.count >= 0 && heard.resetMs <= WAIT_MAX_MS), 'limits are sane');
  return judged(
    responseAnswer(response, (text) => text),
    method,
  );
}

/** What the pipeline does with an answer, as far as it is decided in core. */
export function judged(answer: HttpAnswer, method: Method): string {
  isSureAnswer(answer);
  const outcome = classify(answer, method);
  if (outcome.kind === 'applied') {
    const { snapshot, version } = outcome;
    demand(snapshot === null || /^"[!#-~]{1,256}"$/.test(snapshot.version), 'a version can be sent in If-Match');
    mustBeReport(finalReport(anIntent(), { ...FACTS, request: requestOf(answer, version?.version ?? null) }));
    return 'applied';
  }
  if (!('failure' in outcome)) return outcome.kind;
  const { failure } = outcome;
  demand(/^[\w.:-]{1,100}$/.test(failure.code), 'the code looks like one');
  demand(failure.message !== '' && /\w.*\.$/s.test(failure.advice), 'the advice names the remedy');
  const retryAfterMs = 'retryAfterMs' in outcome ? outcome.retryAfterMs : null;
  for (const waitMs of [throttledPauseMs, backoffMs].map((rule) =>
    rule({ askedMs: retryAfterMs, failuresInRow: 1, random: 0.5 }),
  ))
    demand(waitMs >= 1_000 && waitMs <= WAIT_WITH_JITTER_MAX_MS, 'the wait is bounded');
  const rule = scheduleOf(outcome.kind);
  const facts = { attempt: 0, now: NOW, random: 0.5, retryAfterMs };
  const decision = rule === 'fast' || rule === 'slow' ? decideRetry(RETRY, { ...facts, schedule: rule }) : null;
  const nextAttemptAt = decision?.kind === 'park' ? decision.notBefore : NOW;
  demand(nextAttemptAt - NOW <= WAIT_MAX_MS, 'the retry comes');
  const request = requestOf(answer, null);
  mustBeReport(retryReport(anIntent({ attempt: 1 }), { ...FACTS, request, reason: failure, nextAttemptAt }));
  mustBeReport(finalReport(anIntent(), { ...FACTS, outcome: 'failed', request, reason: failure }));
  return outcome.kind;
}

function requestOf(answer: HttpAnswer, etagAfter: string | null) {
  const isResponse = answer.kind === 'response';
  return {
    patchId: 'p',
    etagBefore: '"1"',
    etagAfter,
    status: isResponse ? answer.status : null,
    correlationId: isResponse ? answer.correlationId : null,
    durationMs: 'durationMs' in answer ? answer.durationMs : 0,
    verified: false,
    isUnseen: false,
  };
}

export const answers = single('answers', 130, {
  make: (random) => ({ raw: anAnswer(random), method: random.pick(['GET', 'PATCH'] as const) }),
  account: accountFor,
});
