import { describe, expect, test } from 'vitest';
import type { ResponseAnswer } from '../../src/core/target/refusals.ts';
import {
  afterLanding,
  afterRefusal,
  faultOf,
  isOver,
  isRunningOut,
  nextPart,
  NO_SEARCH,
  refusalsMax,
  type Search,
  searchAmong,
} from '../../src/core/target/isolation.ts';
import { anIntent } from '../support/an-intent.ts';

const anAnswer = (status: number, parts: Partial<ResponseAnswer> = {}): ResponseAnswer => ({
  kind: 'response',
  status,
  etag: null,
  retryAfterMs: null,
  body: undefined,
  empty: parts.body === undefined,
  correlationId: null,
  sentAt: 0,
  durationMs: 1,
  ...parts,
});
const page = { empty: false };

describe('what a refused PATCH may be at fault for', () => {
  test.each([400, 402, 403, 404, 406, 409, 410, 412, 413, 418, 422, 428, 451, 499])('%i: a member', (status) => {
    expect(faultOf(anAnswer(status))).toBe('member');
    expect(faultOf(anAnswer(status, { body: { detail: 'in generic words' } }))).toBe('member');
    expect(faultOf(anAnswer(status, { empty: false, isText: true }))).toBe('member');
  });

  test.each([500, 501, 505, 507, 511, 599])('%i: a member, where tries run out', (status) => {
    expect(faultOf(anAnswer(status))).toBe('unclear');
    expect(faultOf(anAnswer(status, page))).toBe('request');
  });

  test.each([300, 301, 304, 307, 401, 405, 408, 415, 429, 502, 503, 504])('%i: no member', (status) => {
    expect(faultOf(anAnswer(status))).toBe('request');
    expect(faultOf(anAnswer(status, { body: { detail: 'User x' } }))).toBe('request');
  });

  test('a page of a proxy is about no member, save that it is too large', () => {
    for (const status of [400, 403, 404, 422]) expect(faultOf(anAnswer(status, page))).toBe('request');
    expect(faultOf(anAnswer(413, page))).toBe('member');
  });

  test('no answer, no token and no request are about no member', () => {
    const unsent = { sentAt: 0, durationMs: 0, code: 'ETIMEDOUT', message: '' };
    expect(faultOf({ kind: 'no_response', sent: true, ...unsent })).toBe('request');
    expect(faultOf({ kind: 'not_started' })).toBe('request');
  });
});

test.each([
  [5, 2, false],
  [5, 3, true],
  [5, 4, true],
  [2, 0, true],
  [1, 0, true],
])('of %i tries %i are used up: the last but one is near: %j', (attemptsMax, attempt, expected) => {
  expect(isRunningOut([anIntent(), anIntent({ attempt })], attemptsMax)).toBe(expected);
});

describe('a search', () => {
  const refused = (counts: readonly number[], from: Search = NO_SEARCH): Search => counts.reduce(afterRefusal, from);

  test('ends after 2·⌈log₂ n⌉ + 4 refusals in a row, n being what was refused first', () => {
    expect([1, 2, 3, 10, 50].map(refusalsMax)).toEqual([4, 6, 8, 12, 16]);
    expect(isOver(refused([10, ...Array<number>(10).fill(1)]))).toBe(false);
    expect(isOver(refused([10, ...Array<number>(11).fill(1)]))).toBe(true);
  });

  test('is none where members are refused that were sent alone', () => {
    expect(refused(Array<number>(100).fill(1))).toEqual(NO_SEARCH);
  });

  test('starts its count again with each landing', () => {
    const search = afterLanding(refused([10, 5, 3]));
    expect(search).toEqual({ inRow: 0, max: 12 });
    expect(isOver(refused(Array<number>(11).fill(1), search))).toBe(false);
  });

  test('goes on with what a former run has narrowed down', () => {
    expect(searchAmong(0)).toEqual(NO_SEARCH);
    expect(searchAmong(10)).toEqual({ inRow: 0, max: 12 });
  });
});

describe('the next part', () => {
  const intents = Array.from({ length: 20 }, (_, i) => anIntent({ member: `m${i}` }));
  const [a, b] = [intents.slice(0, 8), intents.slice(8)];

  test('is half of the suspects, else what is untried', () => {
    expect(nextPart({ suspects: a, untried: b, search: NO_SEARCH }, 50)).toEqual(a.slice(0, 4));
    expect(nextPart({ suspects: [], untried: b, search: NO_SEARCH }, 10)).toEqual(b.slice(0, 10));
  });

  test('is one alone, of all that was not under suspicion, after half of the refusals', () => {
    const picked = [6, 7, 8, 9, 10, 11].map((inRow) =>
      nextPart({ suspects: a, untried: b, search: { inRow, max: 12 } }, 50),
    );
    expect(picked.every((part) => part.length === 1 && part.every((intent) => b.includes(intent)))).toBe(true);
    expect(new Set(picked.flat()).size).toBe(6);
    const among = nextPart({ suspects: a, untried: [], search: { inRow: 6, max: 12 } }, 50);
    expect(among).toHaveLength(1);
    expect(nextPart({ suspects: [], untried: [], search: { inRow: 6, max: 12 } }, 50)).toEqual([]);
  });
});
