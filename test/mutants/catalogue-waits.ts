/** Mutants of waiting: why an intent waits, and how an accepted change is looked for. */
import type { Mutant } from './mutant.ts';

export const waitMutants: readonly Mutant[] = [
  {
    name: 'wait-reason-forgotten',
    breaks: 'a restore takes the wait of a refused member for one of its group',
    edits: [
      {
        find: "(waits === 'group' ? 'group' : 'member')",
        replace: "(waits && 'group')",
      },
    ],
    scenario: 'patient',
  },
  {
    name: 'wait-reason-not-written',
    breaks: 'a live record calls every wait one of the group',
    edits: [
      {
        find: '&& { waits: intent.waits }),',
        replace: "&& { waits: 'group' }),",
      },
    ],
    scenario: 'patient',
  },
  {
    name: 'member-waits-for-group',
    breaks: 'the answer of a group ends the waits of its refused members',
    edits: [
      {
        find: "intent.waits === 'group' && intent.notBefore > 0",
        replace: 'intent.waits !== null && intent.notBefore > 0',
      },
    ],
    tests: ['test/unit/pending.test.ts'],
  },
  {
    name: 'one-look',
    breaks: 'an accepted change that the first look does not show is given up',
    edits: [
      {
        find: "return nowMs >= untilMs ? 'not_effective' : 'look_again';",
        replace: "return nowMs >= 0 ? 'not_effective' : 'look_again';",
      },
    ],
    scenario: 'lagging',
  },
  {
    name: 'last-look-at-once',
    breaks: 'the last look for an accepted change is made immediately',
    edits: [
      {
        find: 'return isShownOtherwise ? postponed(first, nowMs) : first;',
        replace: 'return isShownOtherwise ? { ...first, untilMs: nowMs } : first;',
      },
    ],
    scenario: 'lagging',
  },
  {
    name: 'looks-end-early',
    breaks: 'the looks for an accepted change end after a second',
    edits: [
      {
        find: 'untilMs: nowMs + lateApplyMs };',
        replace: 'untilMs: nowMs + 1_000 };',
      },
    ],
    scenario: 'lagging',
  },
  {
    name: 'opposite-of-the-unconfirmed',
    breaks: 'a read that does not show an accepted change makes its opposite a no-op',
    edits: [
      {
        find: 'const seen = noop.filter((intent) => unconfirmed?.members.has(idKey(targetOf(intent))) !== true);',
        replace: 'const seen = noop;',
      },
    ],
    scenario: 'lagging',
  },
  {
    name: 'state-beside-the-unconfirmed',
    breaks: 'a full state is worked out although an accepted change is not shown yet',
    edits: [
      {
        find: 'if (unconfirmed !== null && (state !== undefined || due.length === 0))',
        replace: 'if (unconfirmed !== null && due.length === 0)',
      },
    ],
    scenario: 'lagging',
  },
  {
    name: 'reported-and-never-ended',
    breaks:
      'a full state that was reported to wait, or given up, has no end in the reports where its tries start again',
    edits: [
      {
        find: 'withFields(intent, { attempt, isTried: true })',
        replace: '({ ...intent, attempt })',
      },
    ],
    tests: ['test/contract/rules/full-state-reports.test.ts'],
  },
  {
    name: 'approval-ends-with-a-wait',
    breaks: 'what an operator has approved, and waits for another try, is held again once that is to be tried now',
    edits: [{ find: 'guard: dead === null ? guard : null', replace: 'guard: null' }],
    tests: ['test/unit/pending.test.ts'],
  },
  {
    name: 'waits-by-a-former-clock',
    breaks: 'what an owner has parked whose clock was far ahead waits until then, for as long as that may be',
    edits: [
      {
        find: 'intent.notBefore > latest ?',
        replace: 'Number.isNaN(latest) ?',
      },
    ],
    tests: ['test/contract/rules/clock-set-back.test.ts'],
  },
  {
    name: 'waits-by-the-wrong-clock',
    breaks: 'what waits when the wall clock is set back waits longer by as much',
    edits: [
      {
        find: 'return setBackMs >= STEP_MIN_MS ? setBackMs : 0;',
        replace: 'return setBackMs >= STEP_MIN_MS ? 0 : 0;',
      },
    ],
    tests: ['test/contract/rules/clock-set-back.test.ts'],
  },
];
