/** NOTIFY_URL and NOTIFY_KEY: what is taken, and that the address, which is a secret, is shown nowhere. */
import { describe, expect, test } from 'vitest';
import { readConfig, secretsIn } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/problem.ts';
import { KnownSecrets } from '../../src/core/text/redact.ts';

const noFiles = (path: string): string => {
  throw new Error(`no such file: ${path}`);
};

const SLACK = 'https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx';

const read = (environment: Record<string, string>, readFile = noFiles) => readConfig(environment, ['notify'], readFile);

function problemOf(environment: Record<string, string>): string | null {
  try {
    read(environment);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

test('without an address no one is notified', () => {
  expect(read({}).notify).toEqual({ url: null, key: null });
});

describe('NOTIFY_URL', () => {
  test('may have a query, and may come from a file', () => {
    expect(read({ NOTIFY_URL: `${SLACK}?a=b` }).notify.url?.href).toBe(`${SLACK}?a=b`);
    expect(read({ NOTIFY_URL_FILE: '/run/url' }, () => `${SLACK}\n`).notify.url?.href).toBe(SLACK);
  });

  test.each([
    'hooks.slack.com/services/secret',
    'ftp://a.example/secret',
    'https://u:secret@a.example/',
    `${SLACK}#secret`,
  ])('is not %s, and no problem repeats it', (url) => {
    const problem = problemOf({ NOTIFY_URL: url });
    expect(problem).toContain('NOTIFY_URL must be an http or https URL without user and fragment; example: ');
    expect(problem).not.toContain('secret');
  });

  test('is https, except on this machine, or where that is allowed', () => {
    const plain = 'http://hooks.example.net/secret-of-ours';
    expect(problemOf({ NOTIFY_URL: plain })).toBe(
      'NOTIFY_URL must be https, except on this machine (ALLOW_INSECURE=true allows it); example: NOTIFY_URL=https://hooks.example.com/services/change-me',
    );
    expect(problemOf({ NOTIFY_URL: plain, ALLOW_INSECURE: 'true' })).toBeNull();
    for (const host of ['127.0.0.1:8080', 'localhost', '[::1]:1'])
      expect(problemOf({ NOTIFY_URL: `http://${host}/secret-of-ours` })).toBeNull();
  });

  test.each([
    '/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx',
    '/hooks/aB3dE5gH7jK9',
    '/hooks/group-membership/?token=0123456789ab',
  ])('leaves words of its path in the log: %s', (path) => {
    const secrets = new KnownSecrets(read({ NOTIFY_URL: `https://a.example${path}` }).secrets);
    expect(secrets.redact(`https://a.example${path}`)).not.toContain('hooks');
    for (const word of ['notifications', 'group-membership', 'services', 'T00000000'])
      expect(secrets.redact(`a ${word} b`)).toBe(`a ${word} b`);
    const last = path.split(/[/=]/).at(-1) ?? '';
    expect(secrets.redact(`a ${last} b`)).not.toContain(last);
  });

  test('is redacted but for its origin, in parts, too', () => {
    const secrets = new KnownSecrets(read({ NOTIFY_URL: `${SLACK}?token=0123456789abcdef` }).secrets);
    const text = `POST ${SLACK}?token=0123456789abcdef failed; /services/T00000000/B00000000/abcdefghijklmnopqrstuvwx; 0123456789abcdef`;
    const redacted = secrets.redact(text);
    expect(redacted).toContain('https://hooks.slack.com[redacted]');
    for (const part of ['T00000000', 'abcdefgh', '01234567']) expect(redacted).not.toContain(part);
    expect(secrets.redact('{"url":"https://hooks.slack.com"}')).toBe('{"url":"https://hooks.slack.com"}');
  });

  test('is known to every command, whichever parts it reads', () => {
    expect(secretsIn({ NOTIFY_URL: SLACK }, noFiles)).toContain(new URL(SLACK).pathname);
  });

  test('without a path that is a secret leaves words of the log alone', () => {
    expect(read({ NOTIFY_URL: 'http://127.0.0.1:8080/hook' }).secrets).toEqual([]);
  });
});

describe('NOTIFY_KEY', () => {
  const url = { NOTIFY_URL: SLACK };

  test('is any text of at least 16 characters, or Base64 behind whsec_', () => {
    const key = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    expect(read({ ...url, NOTIFY_KEY: key }).notify.key).toEqual(Buffer.from(key.slice(6), 'base64'));
    expect(read({ ...url, NOTIFY_KEY: 'a text of our own' }).notify.key).toEqual(Buffer.from('a text of our own'));
    expect(problemOf({ ...url, NOTIFY_KEY: 'f'.repeat(15) })).toContain('NOTIFY_KEY must have at least 16 characters');
    for (const weak of ['whsec_not in Base64!', 'whsec_AAAAAAAAAA', `whsec_${'A'.repeat(30)}`])
      expect(problemOf({ ...url, NOTIFY_KEY: weak })).toContain(
        'NOTIFY_KEY must have Base64 of at least 24 bytes after whsec_; `whsec_$(openssl rand -base64 32)` makes one',
      );
  });

  test('is a secret, and needs an address', () => {
    expect(read({ ...url, NOTIFY_KEY: 'f'.repeat(16) }).secrets).toContain('f'.repeat(16));
    expect(problemOf({ NOTIFY_KEY: 'f'.repeat(16) })).toContain('NOTIFY_URL is missing, though NOTIFY_KEY is given');
  });
});
