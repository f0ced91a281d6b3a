/** Variables that look well and are not: each with what it once did. */
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/problem.ts';

const enough = { KAFKA_BROKERS: 'broker.example.com:9093', GENESYS_CLIENT_ID: 'client', GENESYS_CLIENT_SECRET: 'hush' };

function problemsOf(changes: Record<string, string>): string[] {
  try {
    const environment = { ...enough, ...changes };
    readConfig(environment, ['kafka', 'genesys'], () => '');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable }) => variable);
  }
}

const urls = (url: string) => ({ GENESYS_API_URL: url, GENESYS_LOGIN_URL: url });

// The rule looked for the letters `http:`, so that credentials went out unencrypted under any other spelling.
test.each(['HTTP://proxy.example.com', ' http://proxy.example.com', 'ht\ntp://proxy.example.com'])(
  'plain http is refused in whatever spelling: %j',
  (url) => {
    expect(problemsOf(urls(url))).toEqual(['GENESYS_API_URL', 'GENESYS_LOGIN_URL']);
    expect(problemsOf(urls(url.replace(/http/i, 'https').replace('ht\ntp', 'https')))).toEqual([]);
  },
);

// 100,000 slashes took eight seconds.
test('a URL longer than any that is meant is refused', () => {
  expect(problemsOf(urls(`https://proxy.example.com/${'/'.repeat(3_000)}x`))).toContain('GENESYS_API_URL');
});

// Found only when the first connection was tried, as an error of Node that names no variable.
test.each(['broker.example.com:0', 'broker.example.com:65536', 'a:9092,b:99999'])('no port: %s', (brokers) => {
  expect(problemsOf({ KAFKA_BROKERS: brokers })).toEqual(['KAFKA_BROKERS']);
});
