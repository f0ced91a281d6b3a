import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { afterEnd, afterNoAnswer, afterRead, type Doubt, afterTakeover, isOver } from '../../src/core/target/doubt.ts';

const LATE_APPLY_MS = 20_000;
const unanswered = (doubt: Doubt | null, ifMatch: string, sentAtMs = 0): Doubt =>
  afterNoAnswer(doubt, { ifMatch, sentAtMs }, LATE_APPLY_MS);
const quoted = (version: number): string => `"${version}"`;

describe('a request without a sure answer', () => {
  test.each([
    ['the version it named', '"7"', false],
    ['an older one', '"6"', false],
    ['a later one', '"8"', true],
    ['a later one with more digits', '"10"', true],
    ['a later one, weak', 'W/"8"', true],
    ['a later one, bare', '8', true],
    ['something opaque', '"abc"', false],
    ['something almost a number', '"8x"', false],
    ['nothing', '', false],
  ])('is past when a read shows %s: %s → %s', (_, version, isCleared) => {
    const doubt = unanswered(null, '"7"');
    expect(afterRead(doubt, version)).toEqual(isCleared ? null : doubt);
  });

  test('with an opaque version is ended by no read at all', () => {
    const doubt = unanswered(null, '"a1"');
    for (const version of ['"a1"', '"a2"', '"9"', '"b"']) expect(afterRead(doubt, version)).toEqual(doubt);
  });

  test('compares versions as numbers, beyond what a double holds', () => {
    const doubt = unanswered(null, '"9007199254740992"');
    expect(afterRead(doubt, '"9007199254740993"')).toBeNull();
    expect(afterRead(doubt, '"9007199254740992"')).toEqual(doubt);
  });

  test('may land for so long after it was sent', () => {
    const doubt = unanswered(null, '"7"', 1_000);
    expect([20_999, 21_000].map((now) => isOver(doubt, now))).toEqual([false, true]);
  });
});

describe('several of them', () => {
  test('are past only when a read is past the latest, and over only when the last one is', () => {
    const requests = fc.array(fc.record({ version: fc.nat(9), sentAtMs: fc.nat(50_000) }), { minLength: 1 });
    fc.assert(
      fc.property(requests, fc.nat(11), fc.nat(80_000), (sent, version, nowMs) => {
        const doubt = sent.reduce<Doubt | null>(
          (known, request) => unanswered(known, quoted(request.version), request.sentAtMs),
          null,
        );
        if (doubt === null) throw new Error('no doubt');
        const isPast = sent.every((request) => version > request.version);
        expect(afterRead(doubt, quoted(version)) === null).toBe(isPast);
        expect(isOver(doubt, nowMs)).toBe(sent.every(({ sentAtMs }) => nowMs >= sentAtMs + LATE_APPLY_MS));
      }),
    );
  });

  test('are ended by no read where one of their versions cannot be compared', () => {
    for (const [first, second] of [
      ['"a"', '"7"'],
      ['"7"', '"a"'],
      ['"a"', '"b"'],
    ] as const) {
      const doubt = unanswered(unanswered(null, first, 0), second, 5);
      for (const version of ['"8"', '"99"', '"c"', first, second]) expect(afterRead(doubt, version)).toEqual(doubt);
      expect(isOver(doubt, LATE_APPLY_MS + 4)).toBe(false);
      expect(isOver(doubt, LATE_APPLY_MS + 5)).toBe(true);
    }
  });

  test('with one opaque version are one', () => {
    expect(unanswered(unanswered(null, '"a"', 0), '"a"', 5)).toEqual(unanswered(null, '"a"', 5));
  });
});

describe('after a gain', () => {
  test('no read ends the doubt about a former owner, only time does', () => {
    const doubt = afterTakeover(100, LATE_APPLY_MS);
    expect(afterRead(doubt, '"999999"')).toEqual(doubt);
    expect([20_099, 20_100].map((now) => isOver(doubt, now))).toEqual([false, true]);
  });

  test('an unanswered request of our own makes it longer, not narrower', () => {
    const doubt = unanswered(afterTakeover(100, LATE_APPLY_MS), '"7"', 5_000);
    expect(afterRead(doubt, '"8"')).toEqual(doubt);
    expect([24_999, 25_000].map((now) => isOver(doubt, now))).toEqual([false, true]);
    expect(isOver(unanswered(afterTakeover(9_000, LATE_APPLY_MS), '"7"', 5_000), 28_999)).toBe(false);
  });
});

test('where there is no doubt a read makes none', () => {
  expect(afterRead(null, '"7"')).toBeNull();
});

describe('an old read', () => {
  const oldRead = { kind: 'old_read', untilMs: 1_000 } as const;

  test.each([null, afterTakeover(0, LATE_APPLY_MS), unanswered(null, '"7"')])(
    'leaves what was in doubt before: %j',
    (doubt) => {
      const old = afterRead(doubt, '"5"', oldRead);
      expect(old).toMatchObject(oldRead);
      // another one, another request, the end of its time, and a read that is not old
      expect(afterRead(old, '"5"', oldRead)).toEqual(old);
      expect(unanswered(old, '"7"')).toEqual(unanswered(doubt, '"7"'));
      expect(afterEnd(old)).toEqual(doubt);
      expect(afterRead(old, '"7"')).toEqual(doubt);
    },
  );

  test('a doubt that is over leaves nothing', () => {
    expect(afterEnd(afterTakeover(0, LATE_APPLY_MS))).toBeNull();
  });
});
