import { describe, expect, test } from 'vitest';
import type { HttpResponse } from '../../src/adapters/genesys/http-client.ts';
import { regionDomains, regionUrls } from '../../src/adapters/genesys/regions.ts';
import { heardLimits, responseAnswer, retryAfterMs } from '../../src/adapters/genesys/response.ts';

const now = Date.parse('2026-08-01T12:00:00Z');

function aResponse(headers: Record<string, string>, status = 429, body = ''): HttpResponse {
  return {
    kind: 'response',
    status,
    header: (name) => headers[name] ?? null,
    body: Buffer.from(body),
    sentAt: { wall: now - 250, monotonic: 1000 },
    receivedAt: { wall: now, monotonic: 1250 },
  };
}

describe('Retry-After', () => {
  test.each([
    ['7', 7000],
    ['0', 0],
    ['-3', 0],
    ['1.5', 1500],
    ['Sat, 01 Aug 2026 12:00:30 GMT', 30_000],
    ['Sat, 01 Aug 2026 11:59:00 GMT', 0],
    ['86400', 3_600_000],
    ['Sat, 01 Aug 2027 12:00:00 GMT', 3_600_000],
    ['soon', 60_000],
    ['', 60_000],
  ])('%j of a 429 means %i ms', (value, expected) => {
    expect(retryAfterMs(aResponse({ 'retry-after': value }))).toBe(expected);
  });

  test('a 429 without it waits until the reset, else a minute; another status says nothing', () => {
    expect(retryAfterMs(aResponse({ 'inin-ratelimit-reset': '17' }))).toBe(17_000);
    expect(retryAfterMs(aResponse({}))).toBe(60_000);
    expect(retryAfterMs(aResponse({ 'inin-ratelimit-reset': '17' }, 503))).toBe(null);
    expect(retryAfterMs(aResponse({ 'retry-after': '5' }, 503))).toBe(5000);
  });
});

describe('the limit headers', () => {
  const told = { 'inin-ratelimit-allowed': '300', 'inin-ratelimit-count': '7', 'inin-ratelimit-reset': '4' };

  test('are read whole', () => {
    expect(heardLimits(aResponse(told))).toEqual({
      allowed: 300,
      count: 7,
      resetMs: 4000,
      sentAt: 1000,
      receivedAt: 1250,
    });
  });

  test.each([
    { ...told, 'inin-ratelimit-allowed': '0' },
    { ...told, 'inin-ratelimit-count': 'many' },
    { ...told, 'inin-ratelimit-reset': '' },
    {},
  ])('say nothing where one of them makes no sense: %j', (headers) => {
    expect(heardLimits(aResponse(headers))).toBe(null);
  });
});

describe('an answer', () => {
  test('has the facts as they came', () => {
    const headers = { etag: '"42"', 'inin-correlation-id': 'x'.repeat(500), 'content-type': 'text/plain' };
    expect(responseAnswer(aResponse(headers, 200, '{"id":"ü"}'), ['token'])).toEqual({
      kind: 'response',
      status: 200,
      etag: '"42"',
      retryAfterMs: null,
      body: { id: 'ü' },
      empty: false,
      correlationId: 'x'.repeat(128),
      sentAt: now - 250,
      durationMs: 250,
    });
  });

  test.each([
    ['', true],
    ['<html>', false],
    ['{"cut', false],
  ])('whose body is %j has no JSON', (body, empty) => {
    expect(responseAnswer(aResponse({}, 200, body), ['token'])).toMatchObject({ body: undefined, empty });
  });
});

test('each published region has its own login host, and no other domain has any', () => {
  expect(new Set(regionDomains).size).toBe(18);
  expect(regionUrls('mypurecloud.ie')).toEqual({
    apiUrl: 'https://api.mypurecloud.ie',
    loginUrl: 'https://login.mypurecloud.ie',
  });
  expect(regionUrls('us.genesys.cloud')).toBeUndefined();
});
