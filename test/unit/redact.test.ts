import { expect, test } from 'vitest';
import { KnownSecrets, redactor } from '../../src/core/text/redact.ts';

test('where one secret begins another, neither is left in part', () => {
  expect(redactor(['ab', 'abcd'])('x abcd y ab')).toBe('x [redacted] y [redacted]');
});

const secret = `p4ss"w\\rd ü+'/<&>`;
const json = (text: string): string => JSON.stringify(text).slice(1, -1);
const units = (text: string): string[] => Array.from({ length: text.length }, (_, i) => text[i] ?? '');
const code = (unit: string): number => unit.charCodeAt(0);

test.for<readonly [string, (text: string) => string]>([
  ['plain', (text) => text],
  ['in JSON', json],
  ['in JSON in JSON', (text) => json(json(text))],
  ['in JSON in JSON in a URL', (text) => encodeURIComponent(json(json(text)))],
  ['in JSON with escaped slashes', (text) => json(text).replaceAll('/', String.raw`\/`)],
  [
    'in JSON, every unit escaped',
    (text) =>
      units(text)
        .map((u) => String.raw`\u${code(u).toString(16).padStart(4, '0')}`)
        .join(''),
  ],
  [
    'in JSON, one unit escaped',
    (text) =>
      text
        .replace('p', String.raw`\u0070`)
        .replace('"', String.raw`\"`)
        .replace('\\', '\\\\'),
  ],
  [
    'in JavaScript',
    (text) =>
      units(text)
        .map((u) => (u === '"' ? String.raw`\x22` : json(u)))
        .join(''),
  ],
  ['in a URL', encodeURIComponent],
  ['in a URL in lower case', (text) => encodeURIComponent(text).replaceAll(/%../g, (byte) => byte.toLowerCase())],
  ['in a URL, every byte', (text) => [...Buffer.from(text)].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('')],
  ['twice in a URL', (text) => encodeURIComponent(encodeURIComponent(text))],
  ['in a form', (text) => String(new URLSearchParams([['', text]])).slice(1)],
  [
    'in HTML',
    (text) =>
      text.replaceAll(
        /[&<>"']/g,
        (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[c] ?? '',
      ),
  ],
  [
    'in HTML, hexadecimal',
    (text) =>
      units(text)
        .map((u) => `&#x${code(u).toString(16)};`)
        .join(''),
  ],
  ['in HTML in JSON', (text) => json(text.replaceAll('&', '&amp;').replaceAll('"', '&#34;'))],
  ['in hexadecimal digits', (text) => Buffer.from(text).toString('hex')],
  ['in upper hexadecimal digits', (text) => Buffer.from(text).toString('hex').toUpperCase()],
  [
    'in hexadecimal digits, one byte from the other',
    (text) => Buffer.from(text).toString('hex').match(/../g)?.join(' ') ?? '',
  ],
  [
    'in hexadecimal digits with colons',
    (text) => Buffer.from(text).toString('hex').toUpperCase().match(/../g)?.join(':') ?? '',
  ],
  ['in a list of bytes', (text) => [...Buffer.from(text)].join(',')],
  ['in escapes of ECMAScript', (text) => text.replaceAll(/./gu, (each) => `\\u{${each.codePointAt(0)?.toString(16)}}`)],
  [
    'with names of HTML',
    (text) =>
      text
        .replaceAll('&', '&amp;')
        .replaceAll('"', '&quot;')
        .replaceAll('/', '&sol;')
        .replaceAll('+', '&plus;')
        .replaceAll('=', '&equals;'),
  ],
  ['byte by byte', (text) => Buffer.from(text).toString('latin1')],
])('a secret is known %s', ([, form]) => {
  const redacted = redactor([secret])(`<${form(secret)}>`);
  expect(redacted).toBe('<[redacted]>');
});

test.for([
  ['', ''],
  ['u:', ''],
  ['us:', ''],
  ['use:', '!'],
  ['{"client":"', '"}'],
  ['', ' and more'],
] as const)('a secret is known in the Base64 of %j, itself and %j', ([before, after]) => {
  const redact = redactor([secret]);
  for (const encoding of ['base64', 'base64url'] as const) {
    const encoded = Buffer.from(before + secret + after).toString(encoding);
    const alone = Buffer.from(secret).toString(encoding).replace(/=+$/, '');
    const redacted = redact(`(${encoded}) (${encodeURIComponent(encoded)}) (${json(encoded).replaceAll('/', '\\/')})`);
    expect(redacted.match(/\[redacted\]/g)).toHaveLength(3);
    // What is left on either side decodes to nothing of it.
    for (const rest of redacted.split(/[^\w+/-]+/)) expect(rest.length >= 6 && alone.includes(rest)).toBe(false);
  }
});

const token = 'Zq3-vT9_kLm2.XwR8yBn5cHd7fGj1sPa4eUo6';

test.for([
  ['the end of the text', `refused: ${token.slice(0, 23)}`],
  ['the end of a quotation', `{"message":"refused ${token.slice(0, 8)}","status":400}`],
  ['an ellipsis', `refused ${token.slice(0, 12)}… (cut)`],
  ['three dots', `refused ${token.slice(0, 12)}... (cut)`],
  ['the beginning of the text', `${token.slice(-23)} is refused`],
  ['the beginning of a quotation', `{"message":"${token.slice(-8)} is refused"}`],
  ['a remark', `refused ${token.slice(0, 20)} [truncated]`],
  ['a line break', `refused ${token.slice(0, 20)}\nnext`],
  ['a bracket', `{token=${token.slice(0, 20)}}`],
  ['a remark at the beginning', `[…] ${token.slice(-20)} is refused`],
  ['half an escape', `refused: ${token.slice(0, 11)}${String.raw`\u00`}`],
  ['half an escape at the beginning', `2d${token.slice(-12)} is refused`],
  ['the end, in a URL', encodeURIComponent(`refused: "${token.slice(0, 20)}`)],
  ['the end, in Base64', Buffer.from(`user:${token}`).toString('base64').slice(0, 31)],
  ['the end, in hexadecimal digits', Buffer.from(token).toString('hex').slice(0, 31)],
])('of a secret that is cut at %s nothing is left', ([, text = '']) => {
  const redacted = redactor([token])(text);
  expect(redacted).toContain('[redacted]');
  for (let at = 0; at + 8 <= token.length; at += 1) expect(redacted).not.toContain(token.slice(at, at + 8));
});

test('a text that has a few characters in common with a secret stays as it is', () => {
  const redact = redactor(['rollcall-admin-token']);
  for (const text of ['rollcall: rollcall runs', 'the rollcall-adm is', 'tokens; token', '{"msg":"rollcall runs"}'])
    expect(redact(text)).toBe(text);
});

test('what is learned later is redacted, too, and of many only the newest', () => {
  const secrets = new KnownSecrets(['from-the-start']);
  expect(secrets.redact(`${token} from-the-start`)).toBe(`${token} [redacted]`);
  secrets.learn(token);
  expect(secrets.redact(`x ${token}`)).toBe('x [redacted]');
  for (let i = 0; i < 64; i += 1) secrets.learn(`another-token-${i}`);
  expect(secrets.redact(`x ${token} another-token-63 from-the-start`)).toBe(`x ${token} [redacted] [redacted]`);
});

test('no text makes it throw, and no empty secret hides everything', () => {
  expect(redactor(['', '\ud800'])('plain \ud800')).toBe('plain [redacted]');
  for (const odd of [
    '%',
    '%zz',
    '%c3%28',
    '\\',
    '\\u12',
    '&#99999999;',
    '&#x110000;',
    '&nosuch;',
    '&Foo;',
    '\\'.repeat(50),
  ])
    expect(redactor([token])(odd)).toBe(odd);
});

test('credentials that are not known secrets are found by their scheme', () => {
  expect(redactor([])('Authorization: SSWS 00abc; Bearer x.y; Basic dTpw')).toBe(
    'Authorization: SSWS [redacted]; Bearer [redacted]; Basic [redacted]',
  );
});
