import { expect, test } from 'vitest';
import { redactor } from '../../src/core/redact.ts';

test('where one secret begins another, neither is left in part', () => {
  expect(redactor(['ab', 'abcd'])('x abcd y ab')).toBe('x [redacted] y [redacted]');
});

test.for([
  ['JSON', String.raw`p4ss\"w\\rd ü+'/`],
  ['a URL', "p4ss%22w%5Crd%20%C3%BC%2B'%2F"],
  ['a URL in lower case', "p4ss%22w%5crd%20%c3%bc%2b'%2f"],
  ['a form', 'p4ss%22w%5Crd+%C3%BC%2B%27%2F'],
] as const)('a secret is known as it stands in %s', ([, form]) => {
  expect(redactor([`p4ss"w\\rd ü+'/`])(`<${form}>`)).toBe('<[redacted]>');
});

test('no text makes it throw, and no empty secret hides everything', () => {
  expect(redactor(['', '\ud800'])('plain \ud800')).toBe('plain [redacted]');
});
