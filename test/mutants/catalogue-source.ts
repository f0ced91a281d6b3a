/** Mutants of the source: whether its offsets still name the records that were read. */
import type { Mutant } from './mutant.ts';

export const sourceMutants: readonly Mutant[] = [
  {
    name: 'other-source',
    rule: 'refused-committed',
    breaks: 'a source that is another one is read on at the committed offset',
    edits: [
      {
        find: "  if (problem !== null) return refuse(owners, partition, { problem, kind: 'committed' });\n",
        replace: '',
      },
    ],
    scenario: 'replaced',
  },
  {
    name: 'other-source-kept',
    rule: 'refused-committed',
    breaks: 'an owner that keeps its partition does not compare the source again',
    edits: [
      {
        find: '    this.ownership.prepare();\n    this.offsets.forgetComparison();\n',
        replace: '    this.ownership.prepare();\n',
      },
    ],
    scenario: 'replaced',
  },
  {
    name: 'truncated-source',
    rule: 'refused-committed',
    breaks: 'only the topic id is compared, not the record at its offset',
    edits: [
      {
        find: 'return view.first === null ? null : recordProblem(last, view.first);',
        replace: 'return null;',
      },
    ],
    scenario: 'replaced',
  },
  {
    name: 'mark-forgotten',
    rule: 'refused-committed',
    breaks: 'an owner that reads nothing commits without what tells the source',
    edits: [{ find: '    this.#mark = start.mark;\n', replace: '' }],
    scenario: 'replaced',
  },
  {
    name: 'damaged-batch-passed-over',
    breaks: 'a batch that cannot be unpacked is passed over without a report',
    edits: [
      {
        find: 'if (unreadable === undefined) return',
        replace: 'if (unreadable === undefined || record.value === null) return',
      },
    ],
    scenario: 'damaged',
  },
  {
    name: 'damaged-batch-stops',
    breaks: 'what was fetched behind a batch that cannot be unpacked counts as read',
    edits: [
      {
        find: '    if (record.unreadable === undefined) last = record;\n',
        replace: '    if (record.unreadable !== undefined) break;\n    last = record;\n',
      },
    ],
    scenario: 'damaged',
  },
  {
    name: 'two-spellings-two-keys',
    breaks: 'a group whose producers spell it in two ways stands in two partitions, and nothing says so',
    edits: [
      {
        find: '=> idKey(BYTES.decode(key))',
        replace: '=> BYTES.decode(key)',
      },
    ],
    tests: ['test/unit/key-watch.test.ts'],
  },
  {
    name: 'two-spellings-two-native-keys',
    breaks: 'ingest writes the changes of one group under as many keys as it has spellings',
    edits: [{ find: 'key: idKey(group)', replace: 'key: group' }],
    tests: ['test/unit/native-record.test.ts'],
  },
  {
    name: 'two-spellings-two-marks',
    breaks: 'ingest topic lets a late change pass whose group is spelled in another way than the newer one',
    edits: [
      {
        find: '`${idKey(group)}\\n${idKey(member)}`',
        replace: '`${group}\\n${idKey(member)}`',
      },
    ],
    tests: ['test/unit/last-released.test.ts'],
  },
  {
    name: 'retry-topic-written-again',
    breaks: 'what an owner has written again into a recreated retry topic is refused, as if it were of a former one',
    edits: [{ find: 'former.stateEpochMax < epoch', replace: 'true' }],
    tests: ['test/contract/rules/recreated-retry.test.ts'],
  },
  {
    name: 'older-retry-topic',
    breaks: 'a retry topic that was used before is taken up again, and what waits there is applied after newer changes',
    edits: [
      {
        find: 'former.epochMin < epoch && former.stateEpochMax < epoch',
        replace: 'false',
      },
    ],
    tests: ['test/contract/rules/recreated-retry.test.ts'],
  },
  {
    name: 'older-retry-topic-taken-up-later',
    breaks: 'a retry topic that was used before is refused once, and taken up by the next owner',
    edits: [
      {
        find: 'export function readFence(view: RetryView, { epoch, seq }: Stamp): void {',
        replace:
          'export function readFence(view: RetryView, { epoch, seq }: Stamp): void {\n  view.stateEpochMax = Math.max(view.stateEpochMax, epoch);',
      },
    ],
    tests: ['test/contract/rules/recreated-retry.test.ts'],
  },
  {
    name: 'epoch-below-the-commit',
    breaks:
      'in a consumer group that was recreated commits have lower epochs than before, so that an older retry topic is taken for a newer one',
    edits: [{ find: 'this.#epoch <= (mark.retryEpoch ?? 0)', replace: 'false' }],
    tests: ['test/contract/rules/recreated-retry.test.ts'],
  },
  {
    name: 'present-retry-topic-committed-early',
    breaks:
      'a commit names a recreated retry topic before all is written to it again, and the next owner misses nothing',
    edits: [{ find: 'hasLost && this.#goneRetry !== null', replace: 'this.#goneRetry !== null && false' }],
    tests: ['test/contract/rules/recreated-retry.test.ts'],
  },
  {
    name: 'gone-retry-topic-committed-late',
    breaks:
      'no commit names a recreated retry topic once all is written to it again, and the next owner reports a loss that is none',
    edits: [
      {
        find: 'if (this.toWrite.noteWritten(group)) this.offsets.commitAgain();',
        replace: 'this.toWrite.noteWritten(group);',
      },
    ],
    tests: ['test/contract/rules/recreated-retry.test.ts'],
  },
  {
    name: 'moved-ranges-believed',
    breaks:
      'ranges are counted from an offset that was moved with its metadata, and changes that were never applied are taken for complete',
    edits: [{ find: 'isMoved ? [] : ranges', replace: 'ranges' }],
    tests: ['test/unit/commit-metadata.test.ts', 'test/contract/rules/commit.test.ts'],
  },
];
