import { describe, expect, test } from 'vitest';
import { type DeadLetter, deadLetter, invalidLetter, truncated } from '../../src/core/dead-letter.ts';
import { stateValue } from '../../src/core/live-record.ts';
import { atOffset } from '../support/an-intent.ts';

const failure = { code: 'invalidValue', message: 'no such user', status: 400, scimType: 'invalidValue', advice: '' };
const textsOf = ({ headers }: DeadLetter): Record<string, string> =>
  Object.fromEntries(headers.map(([name, value]) => [name, Buffer.from(value).toString()]));

describe('the dead letter of an intent', () => {
  const dead = atOffset(42n, { attempt: 5, dead: { at: 900, reason: 'attempts_exhausted' } });

  test('is keyed by the group, holds the intent alone and says why, whence and since when', () => {
    const letter = deadLetter('dlq', dead, {
      failure,
      trouble: { code: 'timeout', message: '', firstFailureAt: 100 },
    });
    expect(letter).toMatchObject({ topic: 'dlq', partition: null, key: 'g', value: stateValue('g', [dead]) });
    expect(textsOf(letter)).toEqual({
      'rollcall-reason': 'attempts_exhausted',
      'rollcall-error-code': 'invalidValue',
      'rollcall-error-message': 'no such user',
      'rollcall-original-topic': 't',
      'rollcall-original-partition': '0',
      'rollcall-original-offset': '42',
      'rollcall-original-timestamp': '1',
      'rollcall-attempt': '5',
      'rollcall-first-failure-at': '100',
    });
  });

  test('that failed only once has failed first when it was given up', () => {
    const letter = deadLetter('dlq', dead, { failure, trouble: null });
    expect(textsOf(letter)['rollcall-first-failure-at']).toBe('900');
  });
});

describe('the dead letter of an invalid record', () => {
  const source = { topic: 't', partition: 3, offset: 9n, index: null, eventId: null, timestamp: 5 };
  const original = {
    key: Buffer.from('k'),
    value: Buffer.from([0xff, 0x00]),
    headers: [
      ['trace', Buffer.from('1')],
      ['rollcall-reason', Buffer.from('forged')],
      ['rollcall-anything', Buffer.from('forged')],
      ['trace', Buffer.from('2')],
    ] as const,
  };

  test('holds the original bytes and headers, save those that only we may write', () => {
    const letter = invalidLetter('dlq', original, { source, group: null, failure: { ...failure, code: 'not_utf8' } });
    expect([letter.key, letter.value]).toEqual([original.key, original.value]);
    expect(letter.headers.map(([name, value]) => `${name}=${Buffer.from(value).toString()}`)).toEqual([
      'trace=1',
      'trace=2',
      'rollcall-reason=invalid',
      'rollcall-error-code=not_utf8',
      'rollcall-error-message=no such user',
      'rollcall-original-topic=t',
      'rollcall-original-partition=3',
      'rollcall-original-offset=9',
      'rollcall-original-timestamp=5',
    ]);
  });

  test('is keyed by the group where that could be read', () => {
    expect(invalidLetter('dlq', original, { source, group: 'g', failure }).key).toBe('g');
    const none = { key: null, value: null, headers: [] };
    expect(invalidLetter('dlq', none, { source, group: null, failure })).toMatchObject({ key: null, value: null });
  });

  test('that is too large is written with its value cut, and says so', () => {
    const letter = invalidLetter('dlq', original, { source, group: 'g', failure });
    const cut = truncated(letter, 1);
    expect(cut).toMatchObject({ topic: 'dlq', key: 'g', value: Buffer.from([0xff]) });
    expect(textsOf(cut)).toEqual({ ...textsOf(letter), 'rollcall-truncated': 'true' });
    expect(truncated({ ...letter, value: 'äb' }, 2).value).toEqual(new TextEncoder().encode('ä'));
    expect(truncated({ ...letter, value: null }, 2).value).toBeNull();
  });
});
