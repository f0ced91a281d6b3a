import { describe, expect, test } from 'vitest';
import { type DeadLetter, deadLetter, invalidLetter, smaller } from '../../src/core/log/dead-letter.ts';
import { stateValue } from '../../src/core/log/live-record.ts';
import { atOffset } from '../support/an-intent.ts';

const failure = { code: 'invalidValue', message: 'no such user', status: 400, scimType: 'invalidValue', advice: '' };
const textsOf = ({ headers }: DeadLetter): Record<string, string> =>
  Object.fromEntries(headers.map(([name, value]) => [name, Buffer.from(value).toString()]));

const ownTexts = (letter: DeadLetter): Record<string, string> =>
  Object.fromEntries(Object.entries(textsOf(letter)).filter(([name]) => name.startsWith('rollcall-')));

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

  test('that is too large loses half of its value, and so on down to none, then what came with it, and says so', () => {
    const letter = invalidLetter(
      'dlq',
      { ...original, key: Buffer.alloc(1_000, 'k'), value: Buffer.alloc(4_000, 'v') },
      { source, group: null, failure },
    );
    const cuts: DeadLetter[] = [];
    for (let next = smaller(letter); next !== null; next = smaller(next)) cuts.push(next);
    expect(cuts.map(({ value }) => value?.length)).toEqual([2_000, 1_000, 500, 0, 0, 0, 0]);
    expect(cuts.map(({ key }) => key?.length)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 256, 256]);
    expect(cuts.every((cut) => textsOf(cut)['rollcall-truncated'] === 'true')).toBe(true);
    expect(textsOf(cuts[4] ?? letter)).toEqual({ ...ownTexts(letter), 'rollcall-truncated': 'true' });
    const { 'rollcall-error-message': _, ...least } = ownTexts(letter);
    expect(textsOf(cuts[6] ?? letter)).toEqual({ ...least, 'rollcall-truncated': 'true' });
    expect(Buffer.from(letter.value ?? '').indexOf(Buffer.from(cuts[0]?.value ?? ''))).toBe(0);
  });

  test('holds text as bytes once it is cut', () => {
    const letter = invalidLetter('dlq', original, { source, group: 'g', failure });
    expect(smaller({ ...letter, value: 'ä'.repeat(512) })?.value).toEqual(new TextEncoder().encode('ä'.repeat(256)));
  });
});
