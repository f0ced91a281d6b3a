import { expect, test } from 'vitest';
import { askedWaitMs, isPassing } from '../../src/adapters/idp/http.ts';
import { MessageReader, linkOf } from '../../src/ingest/poll/source.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const asked = (status: number, headers: Readonly<Record<string, string>> = {}): number | null =>
  askedWaitMs(status, (name) => headers[name] ?? null, NOW);

test('the server says how long to wait, in seconds or by a date', () => {
  expect(asked(429, { 'retry-after': '7' })).toBe(7_000);
  expect(asked(503, { 'retry-after': new Date(NOW + 9_000).toUTCString() })).toBe(9_000);
  // By the clock of the server, which is an hour ahead, and a second more.
  const date = new Date(NOW + 3_600_000).toUTCString();
  expect(asked(429, { date, 'x-ratelimit-reset': String(NOW / 1000 + 3_604) })).toBe(5_000);
  expect(asked(503, { 'x-rate-limit-reset': String(NOW / 1000 + 9) })).toBe(null);
});

test.each<Readonly<Record<string, string>>>([
  { 'retry-after': '0' },
  { 'retry-after': '-1' },
  { 'retry-after': new Date(NOW - 9_000).toUTCString() },
  { 'retry-after': '999999999' },
  { 'x-rate-limit-reset': String(NOW / 1000) },
  { 'x-rate-limit-reset': String(NOW / 1000 - 60) },
  { 'x-ratelimit-reset': String(NOW / 1000 + 86_400) },
  {},
])('what is no sane time asks for nothing: %j', (headers) => {
  expect(asked(429, headers)).toBe(null);
});

test('identity provider: passing failures and lasting ones are distinguished', () => {
  expect([408, 429, 500, 503].every(isPassing)).toBe(true);
  expect([200, 400, 401, 404, 410].some(isPassing)).toBe(false);
});

test('the link of a relation is found among others, whatever their parameters', () => {
  const link = (text: string): string | null =>
    linkOf({ status: 200, body: new Uint8Array(), header: () => text }, 'next');
  expect(link('<https://a/x?y=1,2>; rel="self", <https://a/z?after=1,2>; rel="next"')).toBe('https://a/z?after=1,2');
  expect(link('<https://a/z>; title="t"; rel=next')).toBe('https://a/z');
  expect(link('<https://a/x>; rel="self"')).toBe(null);
  expect(link('<https://a/x>; rel="nextish"')).toBe(null);
  expect(link('')).toBe(null);
});

const stream = [
  ':connected\r\n\r\nretry: 2000\r\n\r\n',
  'event: group.member.added\r\nid: o1\r\ndata: {"a":\r\ndata: "ü"}\r\n\r\n',
  ': heartbeat\n\nevent: offset-only\nid: o2\ndata:{}\n\nevent: cut\nid: o3\ndata: {"never',
].join('');

test('messages are read from a stream, however it is cut', () => {
  const bytes = Buffer.from(stream);
  for (const size of [1, 2, 3, 7, 1_000]) {
    const reader = new MessageReader();
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    expect(chunks.flatMap((chunk) => reader.read(chunk))).toEqual([
      { event: 'group.member.added', id: 'o1', data: '{"a":\n"ü"}' },
      { event: 'offset-only', id: 'o2', data: '{}' },
    ]);
  }
});
