import { describe, expect, test } from 'vitest';
import type { HttpResponse } from '../../src/adapters/genesys/http-client.ts';
import { regionDomains, regionUrls } from '../../src/config/genesys.ts';
import { askedWaitMs, rateLimitHeaders, responseAnswer } from '../../src/adapters/genesys/http-client.ts';
import { redactor } from '../../src/core/text/redact.ts';

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

test('a 429 asks to wait for Retry-After, else until the reset; another status only for Retry-After', () => {
  const reset = { 'inin-ratelimit-reset': '17' };
  expect(askedWaitMs(aResponse({ 'retry-after': '7', ...reset }))).toBe(7_000);
  for (const odd of ['0', '-3', 'soon', '', '86400', 'Sat, 01 Aug 2026 11:59:00 GMT'])
    expect(askedWaitMs(aResponse({ 'retry-after': odd, ...reset }))).toBe(17_000);
  expect(askedWaitMs(aResponse({ 'inin-ratelimit-reset': '0' }))).toBe(null);
  expect(askedWaitMs(aResponse({}))).toBe(null);
  expect(askedWaitMs(aResponse(reset, 503))).toBe(null);
  expect(askedWaitMs(aResponse({ 'retry-after': '5' }, 503))).toBe(5_000);
});

describe('the limit headers', () => {
  const limits = { 'inin-ratelimit-allowed': '300', 'inin-ratelimit-count': '7', 'inin-ratelimit-reset': '4' };

  test('are read whole', () => {
    expect(rateLimitHeaders(aResponse(limits))).toEqual({
      allowed: 300,
      count: 7,
      resetMs: 4000,
      sentAt: 1000,
      receivedAt: 1250,
    });
  });

  test.each([
    { ...limits, 'inin-ratelimit-allowed': '0' },
    { ...limits, 'inin-ratelimit-count': 'many' },
    { ...limits, 'inin-ratelimit-reset': '' },
    { ...limits, 'inin-ratelimit-reset': '0' },
    { ...limits, 'inin-ratelimit-reset': '1790000000' },
    {},
  ])('say nothing where one of them makes no sense: %j', (headers) => {
    expect(rateLimitHeaders(aResponse(headers))).toBe(null);
  });
});

describe('an answer', () => {
  test('has the facts as they came', () => {
    const headers = { etag: '"42"', 'inin-correlation-id': 'x'.repeat(500), 'content-type': 'text/plain' };
    expect(responseAnswer(aResponse(headers, 200, '{"id":"ü"}'), redactor(['token']))).toEqual({
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

  test('has its headers redacted before they are cut', () => {
    // Of the middle of a secret nothing can be known.
    const wholeOnly = (text: string): string => text.replaceAll('a-client-secret', '[redacted]');
    const headers = { 'inin-correlation-id': `${'x'.repeat(120)}a-client-secret` };
    expect(responseAnswer(aResponse(headers, 500, ''), wholeOnly).correlationId).toBe(`${'x'.repeat(120)}[redacte`);
  });

  test.each([
    ['', true],
    ['<html>', false],
    ['{"cut', false],
  ])('whose body is %j has no JSON', (body, empty) => {
    expect(responseAnswer(aResponse({}, 200, body), redactor(['token']))).toMatchObject({ body: undefined, empty });
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
