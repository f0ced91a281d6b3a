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
  {
    name: 'index-without-versions',
    breaks: 'by an index, an old answer of the target is believed: which version the group has had since is not known',
    edits: [{ find: 'if (hasVersion) this.#write.version.run(groupId, time, record);', replace: '' }],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'index-of-another-topic',
    breaks: 'a topic that was made again goes on in the index of the old one',
    edits: [
      { find: 'if (place?.last?.offset === offset && markOf(', replace: 'if (place?.last?.offset === -1n && markOf(' },
    ],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'index-hides-what-is-gone',
    breaks: 'an index does not say what retention has taken before it was read',
    edits: [{ find: 'const isGap = place.next < start;', replace: 'const isGap = false;' }],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'index-twice',
    breaks: 'what two processes read is in the index twice',
    edits: [
      {
        find: 'if (offset >= (known.get(partition)?.next ?? 0n)) this.#addEntry(',
        replace: 'if (offset >= 0n) this.#addEntry(',
      },
    ],
    tests: ['test/contract/record-index.test.ts'],
  },
  {
    name: 'index-by-one-name',
    breaks: 'by an index, what was reported of a member under another name is not found',
    edits: [
      { find: 'for (const other of others) known.add(', replace: 'for (const other of others.slice(2)) known.add(' },
    ],
    tests: ['test/contract/record-index.test.ts'],
  },
];
