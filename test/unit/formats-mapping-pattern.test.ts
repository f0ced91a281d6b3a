/** What an expression of a mapping may cost: every producer that can write to the topic chooses the texts. */
import { expect, test } from 'vitest';
import { parsePattern, partIn } from '../../src/formats/mapping/path.ts';

test.each([
  [`^${'a?'.repeat(24)}${'a'.repeat(24)}(b)$`, /at most 8 optional parts and alternatives/],
  [`^${'a??'.repeat(9)}(b)$`, /at most 8 optional parts and alternatives/],
  [`^${'\\p{L}?'.repeat(9)}(b)$`, /at most 8 optional parts and alternatives/],
  [`^${'[ab]?'.repeat(9)}(b)$`, /at most 8 optional parts and alternatives/],
  [`^${'(?:a)?'.repeat(9)}(b)$`, /at most 8 optional parts and alternatives/],
  [`^${'(?:a|a)'.repeat(9)}(b)$`, /at most 8 optional parts and alternatives/],
  ['^(?:a|a|a|a|a|a|a|a|a|a)(b)$', /at most 8 optional parts and alternatives/],
  ['.*.*a?a?a?(b)$', /must begin with \^/],
  ['^x|.*.*a?a?(b)$', /must begin with \^/],
  ['.*.*.{150}(b)$', /must begin with \^/],
  ['.*.*.{4}.{4}(b)$', /must begin with \^/],
  ['^.*.*(?:.|a)(?:.|a)(?:.|a)(?:.|a)(?:.|a)(?:.|a).{150}(b)$', /or have fewer repetitions/],
  ['(?:a{20}){20}(b)', /must not repeat a group/],
])('%s is refused', (pattern, problem) => {
  expect(parsePattern(pattern)).toMatch(problem);
});

test.each([
  ['https?://[^/]+/users/([^/]+)$', 'https://idp.example.com/users/u', 'u'],
  ['^https?://[^/]+/(?:users|people|members)/([^/?]+)(?:\\?|/|$)', 'https://idp.example.com/people/u?x=1', 'u'],
  ['/groups?/([^/]+)/?$', '/v1/group/g/', 'g'],
  ['^(?:user:)?(.+?)(?:@example\\.com)?$', 'user:u@example.com', 'u'],
  ['^(?:CN|cn)=([^,]+),', 'CN=u,OU=x', 'u'],
  [
    '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})',
    'x/12345678-1234-1234-1234-123456789abc',
    '12345678-1234-1234-1234-123456789abc',
  ],
  ['^urn:(?:[a-z]{2}:)?user:(\\p{L}+)$', 'urn:eu:user:é', 'é'],
  ['what\\?([|?]*)', 'what?|', '|'],
])('%s is accepted', (pattern, text, id) => {
  const parsed = parsePattern(pattern);
  expect(typeof parsed === 'string' ? parsed : partIn(text, parsed)).toBe(id);
});
