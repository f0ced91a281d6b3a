/** Mutants of `rollcall explain`. */
import type { Mutant } from './mutant.ts';

export const explainMutants: readonly Mutant[] = [
  {
    name: 'oldest-event-decides',
    breaks: 'the oldest event about a member is taken for the one that counts',
    edits: [
      {
        find: 'links.toSorted((a, b) => compareLinks(b, a))',
        replace: 'links.toSorted((a, b) => compareLinks(a, b))',
      },
    ],
  },
  {
    name: 'any-end-taken-for-done',
    breaks: 'a change that was given up is explained as done',
    edits: [
      {
        find: "final && isSuccess(report) && report.outcome !== 'superseded';",
        replace: "final && report.outcome !== 'superseded';",
      },
    ],
  },
  {
    name: 'others-not-told-apart',
    breaks: 'what others have changed is explained as done by Rollcall',
    edits: [
      {
        find: "return isOpposite ? 'undone' : 'done';",
        replace: "return 'done';",
      },
    ],
  },
  {
    name: 'former-owner-believed',
    breaks: 'an instance that has lost a partition says what is pending of it',
    edits: [
      {
        find: 'owned.epoch > known.epoch',
        replace: 'owned.epoch < known.epoch',
      },
    ],
    tests: ['test/unit/explain.test.ts'],
  },
  {
    name: 'state-half-done',
    breaks: 'a full state of which a part is reported is explained as done for everybody',
    edits: [
      {
        find: 'return changesOthers && isOver && !reports',
        replace: 'return changesOthers && !reports',
      },
    ],
    tests: ['test/unit/explain.test.ts'],
  },
  {
    name: 'pause-unexplained',
    breaks: 'a change that is paused is explained as one that waits for another try, where no instance answers',
    edits: [{ find: '        pause: topics.pause,\n', replace: '        pause: null,\n' }],
    tests: ['test/contract/explain.test.ts'],
  },
];
