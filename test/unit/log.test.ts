import { expect, test } from 'vitest';
import { createLog } from '../../src/adapters/log.ts';
import { KnownSecrets } from '../../src/core/text/redact.ts';

const secret = 'p4ss"w\\rd';

function captured(level: 'debug' | 'info' | 'silent' = 'debug') {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) }, { level, secrets: new KnownSecrets([secret, '']) });
  return { log, lines };
}

test('a line is JSON with its level by name, its message and its fields', () => {
  const { log, lines } = captured();
  log.warn({ partition: 3 }, 'partition lost');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', partition: 3, msg: 'partition lost' });
});

test('lines below the level are not written', () => {
  const { log, lines } = captured('info');
  log.debug({}, 'detail');
  expect(lines).toEqual([]);
});

test.for([
  ['a field', { password: secret }],
  ['a nested field', { a: { b: [{ c: `x${secret}y` }] } }],
  ['the message and the stack of an error', { error: new Error(`refused: ${secret}`) }],
  ['the cause of an error', { error: new Error('refused', { cause: new Error(secret) }) }],
  ['a property of an error', { err: Object.assign(new Error('refused'), { request: { body: secret } }) }],
  ['a URL', { url: `https://example.com?secret=${encodeURIComponent(secret)}` }],
] as const)('a secret is redacted in %s, and the line stays JSON', ([, fields]) => {
  const { log, lines } = captured();
  log.error(fields, 'failed');
  const [line = ''] = lines;
  expect(line).not.toMatch(/p4ss|w\\\\rd/);
  expect(line).toContain('[redacted]');
  expect(JSON.parse(line)).toMatchObject({ level: 'error', msg: 'failed' });
});

test('tokens are redacted wherever they are recognised', () => {
  const { log, lines } = captured();
  log.info({ headers: { authorization: 'Bearer abc.def-ghi' }, other: 'Basic Y2xpZW50OnNlY3JldA==' }, 'sent');
  expect(lines.join('')).not.toMatch(/abc\.def|Y2xpZW50/);
});

test('what a terminal would obey is escaped in a line, which stays the same JSON', () => {
  const { log, lines } = captured();
  const group = 'g\u001b[2K\u009b31m\u202e\u2028';
  log.warn({ group }, 'removals are held');
  const [line = ''] = lines;
  expect(line).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}]/u);
  expect(JSON.parse(line)).toMatchObject({ group });
});

test('in a shadow the commands that a line names have --shadow', () => {
  const lines: string[] = [];
  const output = { write: (line: string) => lines.push(line), isShadow: true };
  createLog(output, { level: 'info', secrets: new KnownSecrets([]) }).warn({ advice: 'see `rollcall held list`' }, 'x');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ advice: 'see `rollcall --shadow held list`' });
});
