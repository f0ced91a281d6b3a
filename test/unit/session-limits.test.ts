import { expect, test } from 'vitest';
import { sessionFinding } from '../../src/core/log/reading.ts';

const limits = { minMs: 6_000, maxMs: 300_000 };

test.for([6_000, 45_000, 300_000])('a session of %d ms that the brokers permit is no finding', (sessionMs) => {
  expect(sessionFinding(sessionMs, limits)).toBeNull();
});

test.for([5_999, 300_001])('a session of %d ms that they do not is named with the limits', (sessionMs) => {
  expect(sessionFinding(sessionMs, limits)).toMatchObject({
    message: expect.stringMatching(new RegExp(`6000 to 300000 ms.*${sessionMs}`)),
    advice: expect.stringContaining('KAFKA_SESSION_TIMEOUT_MS'),
  });
});

test('limits that the broker does not tell are no finding', () => {
  expect(sessionFinding(1, null)).toBeNull();
});
