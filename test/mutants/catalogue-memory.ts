/** Mutants of what is kept in memory: forgotten too early, or never. */
import type { Mutant } from './mutant.ts';

export const memoryMutants: readonly Mutant[] = [
  {
    name: 'forgotten-on-its-way',
    breaks: 'a group is forgotten while its live record is on its way, and its late failure comes behind a newer one',
    edits: [{ find: ' && !this.#unacknowledged.has(group)', replace: '' }],
    tests: ['test/unit/tidy.test.ts'],
  },
  {
    name: 'forgotten-before-written',
    breaks: 'a group is forgotten while its live record waits to be written',
    edits: [{ find: 'return !toWrite.has(group) && ', replace: 'return ' }],
    tests: ['test/unit/tidy.test.ts'],
  },
  {
    name: 'late-duplicate-of-the-ended',
    rule: 'seq',
    breaks: 'a late duplicate of a group that is done with is taken for news, and stays its last live record',
    edits: [{ find: ' ?? view.ended, read)', replace: ' ?? { epoch: 0, seq: 0 }, read)' }],
    scenario: 'cleaner',
  },
  {
    name: 'orders-kept',
    breaks: 'the order of the live records of every group that was ever parked stays in memory',
    edits: [
      {
        find: 'if (counts && isKnown && isEnd)',
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'empty-group-stays',
    breaks:
      'a group of which nothing is left stays in memory where its last live record, or its flight, was the end of it',
    edits: [
      {
        find: '  if (group.members.size === 0) return tidyGroup(owners, group);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'trouble-of-the-lost',
    breaks: 'a write that fails after its partition was lost and gained again stays among what cannot be written',
    edits: [
      {
        find: 'return partition === undefined ? owner === null : partition.isWaitingFor(act);',
        replace: 'return partition === undefined ? owner === null : true;',
      },
    ],
    scenario: 'excluded',
  },
  {
    name: 'unconfirmed-beneath-held',
    breaks: 'what was accepted stays in memory where what has taken its place is held',
    edits: [{ find: '  group.unconfirmed?.dropOld(group.members, now.monotonic);\n', replace: '' }],
    tests: ['test/contract/rules/unconfirmed.test.ts'],
  },
  {
    name: 'unconfirmed-dropped-early',
    breaks:
      'what was accepted is forgotten as soon as its group waits for an operator, while reads may still show what was before',
    edits: [
      {
        find: 'if (!isPending && nowMs >= untilMs) this.forget(intent);',
        replace: 'if (!isPending) this.forget(intent);',
      },
    ],
    tests: ['test/unit/unconfirmed.test.ts'],
  },
];
