/** What a PATCH may have done to a member although no answer says so: what of it is known of the changes that follow. */
import { describe, expect, test } from 'vitest';
import type { Intent, Op } from '../../src/core/change/change.ts';
import { isParked, revived, wasTried } from '../../src/core/change/pending.ts';
import { afterUnsurePatch, succeeding, unsureIn, withoutOwn } from '../../src/core/change/unsure.ts';
import { anIntent } from '../support/an-intent.ts';

const u = 'A1B2C3D4-0000-4000-8000-00000000000F';

const stateOf = (...olders: Intent[]): Intent =>
  succeeding(anIntent({ op: 'state', member: '', target: null, whole: { members: ['v'], deleted: false } }), olders);

describe('a PATCH without a sure answer', () => {
  test('may have done what it was sent for, and not the opposite', () => {
    for (const op of ['add', 'remove'] as const) {
      const sent = afterUnsurePatch(anIntent({ op }));
      expect([wasTried(sent), isParked(sent), sent.unsure]).toEqual([true, true, [op]]);
    }
    expect(wasTried(anIntent({ unsure: ['remove'], op: 'add' }))).toBe(false);
  });

  test('has not done what a read out of doubt does not show; the opposite may have been', () => {
    expect(withoutOwn(afterUnsurePatch(anIntent({})))).toEqual(anIntent({}));
    expect(withoutOwn(anIntent({ op: 'add', unsure: ['add', 'remove'] })).unsure).toEqual(['remove']);
  });

  test('stays known where its change was given up without a look, and is replayed', () => {
    const dead = { at: 9, reason: 'attempts_exhausted' } as const;
    expect(wasTried(revived({ ...afterUnsurePatch(anIntent({ attempt: 3 })), dead }))).toBe(true);
    expect(wasTried(revived({ ...anIntent({ attempt: 3 }), dead }))).toBe(false);
  });
});

describe('what takes the place of a change', () => {
  const sent = (op: Op, fields: Partial<Intent> = {}): Intent => afterUnsurePatch(anIntent({ op, ...fields }));

  test.each<[string, Op[], boolean]>([
    ['the same once more', ['remove', 'remove'], true],
    ['the opposite', ['remove', 'add'], false],
    ['the opposite, and the same after that', ['remove', 'add', 'remove'], true],
  ])('%s', (_, [first = 'add', ...rest], isTried) => {
    const last = rest.reduce((older, op) => succeeding(anIntent({ op }), [older]), sent(first));
    expect(wasTried(last)).toBe(isTried);
  });

  test('of another member nothing is known, whatever either is called by the source', () => {
    const older = sent('add', { member: 'alice', target: u });
    expect(succeeding(anIntent({ member: 'al', target: u.toLowerCase() }), [older]).unsure).toEqual(['add']);
    expect(succeeding(anIntent({ member: 'alice', target: null }), [older]).unsure).toEqual(['add']);
    const other = anIntent({ member: 'alice', target: 'w' });
    expect(succeeding(other, [older])).toBe(other);
  });

  test('a full state keeps it of each member, for what it comes to and for what follows it', () => {
    const state = stateOf(sent('add', { member: 'alice', target: u }), sent('remove', { member: 'w', target: 'w' }));
    expect([unsureIn(state.whole, u), unsureIn(state.whole, 'w'), unsureIn(state.whole, 'x')]).toEqual([
      ['add'],
      ['remove'],
      [],
    ]);
    expect(succeeding(anIntent({ op: 'remove', member: 'w', target: 'w' }), [state]).unsure).toEqual(['remove']);
    expect(stateOf(state).whole?.unsure).toEqual(state.whole?.unsure);
  });
});
