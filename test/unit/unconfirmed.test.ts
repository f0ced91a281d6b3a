import { describe, expect, test } from 'vitest';
import { accepted, judgeLook, postponed, type Unconfirmed } from '../../src/core/target/doubt.ts';
import { IntentTally, Members } from '../../src/pipeline/state/members.ts';
import { UnconfirmedChanges } from '../../src/pipeline/state/unconfirmed-changes.ts';
import { aSnapshot } from '../support/a-snapshot.ts';
import { anIntent, atOffset } from '../support/an-intent.ts';

const request = {
  patchId: 'p',
  etagBefore: '"1"',
  etagAfter: '"2"',
  status: 200,
  correlationId: null,
  durationMs: 1,
  verified: false,
  isUnseen: false,
};
const showing = (...members: string[]) => aSnapshot(members);
const NOW = 1_000_000;

function anUnconfirmed(isShownOtherwise: boolean, lateApplyMs: number): Unconfirmed {
  return accepted({ intent: anIntent(), request, isShownOtherwise }, NOW, lateApplyMs);
}

/** When looks that see nothing take place, ms after the answer, up to the last one. */
function looksOf(isShownOtherwise: boolean, lateApplyMs: number): readonly number[] {
  const looks: number[] = [];
  for (let each = anUnconfirmed(isShownOtherwise, lateApplyMs); ; each = postponed(each, each.lookAtMs)) {
    looks.push(each.lookAtMs - NOW);
    if (each.lookAtMs >= each.untilMs) return looks;
  }
}

describe('looks', () => {
  test.each([
    [20_000, [1_000, 3_000, 7_000, 15_000, 20_000]],
    [60_000, [1_000, 3_000, 7_000, 15_000, 31_000, 60_000]],
    [6_000, [1_000, 3_000, 6_000]],
    [1_000, [1_000]],
    [300, [300]],
    [1, [1]],
  ])('up to %i ms come at growing pauses, the last one at its end', (lateApplyMs, expected) => {
    expect(looksOf(true, lateApplyMs)).toEqual(expected);
  });

  test('begin with the answer where that shows nothing', () => {
    expect(looksOf(false, 6_000)).toEqual([0, 1_000, 3_000, 6_000]);
  });

  test('go on at growing pauses where the last one had no answer', () => {
    const late = postponed(anUnconfirmed(true, 1_000), NOW + 1_000);
    expect(late.lookAtMs).toBe(NOW + 3_000);
    expect(postponed({ ...late, pauseMs: 30_000 }, NOW + 3_000)).toMatchObject({ pauseMs: 30_000 });
  });

  test.each([
    ['is shown', { snapshot: showing('m'), isDoubted: false, nowMs: NOW + 1 }, 'shown'],
    ['is shown at the end', { snapshot: showing('m'), isDoubted: false, nowMs: NOW + 6_000 }, 'shown'],
    [
      'is shown, and an older request may undo it',
      { snapshot: showing('m'), isDoubted: true, nowMs: NOW + 6_000 },
      'look_again',
    ],
    ['is not shown yet', { snapshot: showing(), isDoubted: false, nowMs: NOW + 5_999 }, 'look_again'],
    ['is not shown at the end', { snapshot: showing(), isDoubted: false, nowMs: NOW + 6_000 }, 'not_effective'],
    ['has no answer', { snapshot: null, isDoubted: false, nowMs: NOW + 5_999 }, 'look_again'],
    ['has no answer at the end', { snapshot: null, isDoubted: false, nowMs: NOW + 6_000 }, 'not_effective'],
  ] as const)('what %s', (_, sight, verdict) => {
    expect(judgeLook(anUnconfirmed(true, 6_000), sight)).toBe(verdict);
  });
});

describe('the unconfirmed changes of a group', () => {
  const noted = (...intents: readonly ReturnType<typeof anIntent>[]): UnconfirmedChanges => {
    const changes = new UnconfirmedChanges();
    for (const intent of intents) changes.note({ intent, request, isShownOtherwise: true }, NOW, 6_000);
    return changes;
  };
  const [ada, ben] = ['ada', 'ben'].map((member) => anIntent({ member }));

  test('are known by their positions, and by what the target calls their members', () => {
    const changes = noted(anIntent({ member: 'ada', target: 'u-1' }));
    const again = anIntent({ member: 'ada', target: 'u-1', attempt: 1 });
    const newer = atOffset(9n, { member: 'ada', target: 'u-1', op: 'remove' });
    expect([NOW, NOW + 5_999, NOW + 7_000].map((now) => changes.leftMs(now))).toEqual([6_000, 1, 0]);
    const { lookAtMs, intents, members } = changes.view;
    expect([lookAtMs, intents.has(again), intents.has(newer)]).toEqual([NOW + 1_000, true, false]);
    expect([members.has('u-1'), members.has('ada')]).toEqual([true, false]);
  });

  test('are looked at together; those that are shown go, the others are looked at again', () => {
    if (ada === undefined || ben === undefined) throw new Error('two');
    const changes = noted(ada, ben);
    const sight = { snapshot: showing('ada'), isDoubted: false, nowMs: NOW + 1_000 };
    expect(changes.look(sight)).toMatchObject({ shown: [{ intent: ada }], ineffective: [] });
    const { lookAtMs, members } = changes.view;
    expect([lookAtMs, members.has('ada'), members.has('ben')]).toEqual([NOW + 3_000, false, true]);
    expect(changes.look({ ...sight, nowMs: NOW + 6_000 })).toMatchObject({ shown: [], ineffective: [{ intent: ben }] });
    expect([changes.size, changes.leftMs(NOW)]).toEqual([0, 0]);
  });

  test('are looked at once the first of them is due, whichever was accepted first', () => {
    if (ada === undefined || ben === undefined) throw new Error('two');
    const changes = noted(ada);
    expect(changes.view.lookAtMs).toBe(NOW + 1_000);
    changes.note({ intent: ben, request, isShownOtherwise: false }, NOW + 10, 6_000);
    expect(changes.view.lookAtMs).toBe(NOW + 10);
  });

  test('are replaced by newer ones of their members, and forgotten once an answer shows these', () => {
    if (ada === undefined) throw new Error('one');
    const newer = atOffset(9n, { member: 'ada', op: 'remove' });
    const changes = noted(ada, newer);
    expect([changes.has(ada), changes.has(newer)]).toEqual([false, true]);
    changes.forget(newer);
    expect([changes.size, changes.leftMs(NOW)]).toEqual([0, 0]);
  });

  test('that are pending no more are dropped once their last look is due', () => {
    if (ada === undefined || ben === undefined) throw new Error('two');
    const changes = noted(ada, ben);
    const pending = new Members(new IntentTally());
    pending.obtain('ben').advance(ben);
    changes.dropOld(pending, NOW + 5_999);
    expect(changes.size).toBe(2);
    changes.dropOld(pending, NOW + 6_000);
    expect([changes.has(ada), changes.has(ben)]).toEqual([false, true]);
  });
});
