/** Mutants of joins, heartbeats, commits, permits and a drain, at moments that only a log in a test's hand brings about. */
import type { Mutant } from './mutant.ts';

const tests = ['test/contract/rules/in-hand.test.ts'];

export const momentMutants: readonly Mutant[] = [
  {
    name: 'commit-while-joining',
    breaks: 'offsets are committed while the group is being joined',
    edits: [{ find: '    if (state.isHalted) return null;\n', replace: '' }],
    tests,
  },
  {
    name: 'commit-before-own-fence',
    breaks: 'what is kept through a join is committed before the own fence shows that no other owner has had it',
    edits: [
      {
        find: 'this.isRestored && this.offsets.isCommitDue;',
        replace: 'this.offsets.isCommitDue;',
      },
    ],
    tests,
  },
  {
    name: 'commit-of-another-owner',
    breaks: 'after a failed commit each partition is committed alone, also one that was lost meanwhile',
    edits: [
      {
        find: 'const owned = partitions.filter((partition) => this.#owners.partitions.isCurrent(partition));',
        replace: 'const owned = partitions;',
      },
    ],
    tests,
  },
  {
    name: 'lease-from-answer',
    breaks: 'the lease is counted from the answer of a heartbeat',
    edits: [
      {
        find: 'this.#from = sentAt;\n    this.#generation = generation;',
        replace: 'this.#from = this.#clock.now();\n    this.#generation = generation;',
      },
    ],
    tests,
  },
  {
    name: 'foreign-fence-forgotten',
    breaks: 'an owner in between is forgotten with the second fence, so that what is in memory is kept',
    edits: [{ find: '    this.#hasForeignFence = hadForeignFence;\n', replace: '' }],
    tests,
  },
  {
    name: 'old-start-above-another-owner',
    breaks: 'who goes above another owner reads on from what was committed before that one',
    edits: [{ find: '    if (!this.#isKept) this.offsets.forgetStart();\n', replace: '' }],
    tests,
  },
  {
    name: 'left-before-settled',
    breaks: 'a drain leaves the group while the last reports are on their way',
    edits: [
      {
        find: '    while (this.#isSettling) await this.#resting.wait();\n',
        replace: '',
      },
    ],
    tests,
  },
  {
    name: 'permit-of-a-hold',
    breaks: 'a run that may send nothing keeps its permit',
    edits: [{ find: 'if (run.hasPermit) api.gate.giveBack();\n', replace: '' }],
    tests,
  },
];
