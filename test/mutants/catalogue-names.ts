/** Mutants of ids that look-ups bring: one user under several names, and groups that are renamed or shared. */
import type { Mutant } from './mutant.ts';

const twoNames = ['test/contract/rules/two-names.test.ts', 'test/contract/rules/two-names-histories.test.ts'];
const renamed = ['test/contract/rules/renamed-group.test.ts'];
const shared = ['test/contract/rules/shared-group.test.ts'];

export const nameMutants: readonly Mutant[] = [
  {
    name: 'final-forgotten',
    breaks: 'nothing remembers what is final of a user whose other name waits',
    edits: [
      {
        find: 'noteFinal(owners, group, intent);\n  if (intent.op',
        replace: 'void noteFinal;\n  if (intent.op',
      },
    ],
    tests: twoNames,
  },
  {
    name: 'given-up-forgotten',
    breaks: 'a change that was given up and dropped is forgotten while an older one waits for its name',
    edits: [{ find: '  noteFinal(owners, group, dead);', replace: '  void noteFinal;' }],
    tests: twoNames,
  },
  {
    name: 'final-not-met',
    breaks: 'a name that is resolved late does not look at what is final',
    edits: [
      {
        find: 'newer ?? passedBy(group, intent)',
        replace: 'newer ?? null',
      },
    ],
    tests: twoNames,
  },
  {
    name: 'final-not-met-at-restore',
    breaks: 'what a restore finds with a name that is known by now does not look at what is final',
    edits: [
      {
        find: 'const mark = passedBy(group, pending);',
        replace: "const mark = pending.op === 'state' ? passedBy(group, pending) : null;",
      },
    ],
    tests: twoNames,
  },
  {
    name: 'final-not-recorded-first',
    breaks: 'an offset is committed before the live record says what is final',
    edits: [
      {
        find: ' || group.partition.finals.isUnrecorded(group)',
        replace: '',
      },
    ],
    tests: twoNames,
  },
  {
    name: 'final-dropped-before-commit',
    breaks: 'what is final leaves the live record while the source may deliver the older change again',
    edits: [{ find: 'source.offset >= from || unresolved', replace: 'unresolved' }],
    tests: twoNames,
  },
  {
    name: 'final-not-restored',
    breaks: 'a new owner forgets what is final',
    edits: [
      {
        find: '    restoreMarks(owners, group, { marks, end: start.goal });',
        replace: '    void [restoreMarks, marks];',
      },
    ],
    tests: twoNames,
  },
  {
    name: 'read-final-forgotten',
    breaks: 'a change that is known to be final and read again is not remembered',
    edits: [
      {
        find: 'replaceOlder(owners, group, intent);\n  noteFinal(owners, group, intent);',
        replace: 'replaceOlder(owners, group, intent);\n  void noteFinal;',
      },
    ],
    tests: twoNames,
  },
  {
    name: 'finals-fill-the-record',
    breaks: 'what is final takes the room of what waits in the live record',
    edits: [
      {
        find: 'if (group.partition.finals.shrink(group)) {',
        replace: 'if (false) {',
      },
    ],
    tests: twoNames,
  },
  {
    name: 'final-stays',
    breaks: 'what is final never leaves the live record',
    edits: [
      {
        find: '      tidyCommitted(this.#owners, partition);',
        replace: '      void tidyCommitted;',
      },
      {
        find: 'tidyMarks(owners, group);\n  owners.review(group);',
        replace: 'void tidyMarks;\n  owners.review(group);',
      },
    ],
    tests: twoNames,
  },
  {
    name: 'renamed-by-a-patch',
    breaks: 'a PATCH whose answer shows another name is reported applied',
    edits: [
      {
        find: 'if (seen === null) return false;',
        replace: "if (seen === null || method === 'PATCH') return false;",
      },
    ],
    tests: renamed,
  },
  {
    name: 'renamed-by-a-read',
    breaks: 'a change is planned on a read that shows another name',
    edits: [
      {
        find: 'if (seen === null) return false;',
        replace: "if (seen === null || method !== 'PATCH') return false;",
      },
    ],
    tests: renamed,
  },
  {
    name: 'renamed-asked-without-a-pause',
    breaks: 'a search that lags behind is asked again and again',
    edits: [
      {
        find: 'if (isRenamed && !isSameName(displayName, renamed.shown))',
        replace: "if (isRenamed && isSameName(displayName, ''))",
      },
      { find: 'if (againAt > now)', replace: 'if (againAt < 0)' },
    ],
    tests: renamed,
  },
  {
    name: 'shared-by-look-ups',
    breaks: 'look-ups give two groups of the source one group of the target',
    edits: [
      {
        find: 'return first === null ? resolution',
        replace: 'return first === null || first !== null ? resolution',
      },
    ],
    tests: shared,
  },
  {
    name: 'claim-not-renewed',
    breaks: 'the group that has a shared target loses it while it is used',
    edits: [
      {
        find: '    if (group !== null) this.#keep(name, group, now);\n',
        replace: '',
      },
    ],
    tests: shared,
  },
  {
    name: 'used-beyond-its-look-up',
    breaks: 'a group keeps a target whose look-up is an hour old',
    edits: [
      {
        find: '  if (known === null) {\n    // What was known is too old by now: another group may have the name.\n    group.forgetTarget();\n    owners.lookUps',
        replace:
          '  if (group.target !== null) return true;\n  if (known === null) {\n    group.forgetTarget();\n    owners.lookUps',
      },
    ],
    tests: [...renamed, ...shared],
  },
  {
    name: 'member-of-a-mark-not-closed',
    breaks: 'what waited for the record of a mark has no end where only the mark was recorded',
    edits: [{ find: '    hadMarks ||\n', replace: '' }],
    tests: twoNames,
  },
  {
    name: 'other-spelling-forgotten',
    breaks:
      'what the removals of a full state wait for is forgotten where it was recorded in another spelling of the group',
    edits: [{ find: '  this.unresolved.takeOver(group.id, key);\n', replace: '' }],
    tests: ['test/contract/rules/letter-case.test.ts'],
  },
  {
    name: 'look-up-gone-with-one-group',
    breaks: 'a look-up is dropped for all groups once one of them does not wait for it any more',
    edits: [
      {
        find: '[...wanted.groups].some(isKept)',
        replace: '[...wanted.groups].every(isKept)',
      },
    ],
    tests: ['test/contract/rules/look-ups.test.ts'],
  },
  {
    name: 'marks-alone-not-restored',
    breaks: 'a live record that holds nothing but what is final is never taken over, and stays',
    edits: [
      {
        find: '    if (intents.length + marks.length === 0) continue;',
        replace: '    if (intents.length === 0) continue;',
      },
    ],
    tests: twoNames,
  },
  {
    name: 'renamed-on-its-way',
    breaks: 'a row that is corrected makes a second change of one whose request is on its way',
    edits: [
      {
        find: '  if (pending.dead !== null || group.flight?.due.has(pending) === true) return pending;',
        replace: '  if (pending.dead !== null) return pending;',
      },
    ],
    tests: ['test/contract/rules/look-ups.test.ts'],
  },
  {
    name: 'named-late-and-removed',
    breaks: 'a full state that is worked out again removes whom it names by a name that was not known the first time',
    edits: [
      {
        find: 'const isTakenBack = newer !== null',
        replace: 'const isTakenBack = false && newer !== null',
      },
    ],
    tests: ['test/contract/rules/full-state-renamed-members.test.ts'],
  },
  {
    name: 'full-state-by-a-former-row',
    breaks:
      'a full state that waits means whom the id map named when it was looked at first, although the row is corrected',
    edits: [
      { find: 'if (known !== null) group.aliases?.noteResolution(name, known);', replace: 'void [known, name];' },
    ],
    tests: ['test/contract/rules/full-state-renamed-members.test.ts'],
  },
  {
    name: 'recreated-ids-passed-over',
    breaks: 'a topic of ids that was recreated is followed from the offsets that were read in the former one',
    edits: [
      {
        find: '        if (!isFirst) await this.#readAgain(signal);\n',
        replace: '        void (isFirst || this.#readAgain);\n',
      },
    ],
    tests: ['test/contract/id-map-topic.test.ts'],
  },
  {
    name: 'other-id-unasked',
    breaks: 'a removal that finds no member to remove is final by an id that was looked up long ago',
    edits: [
      {
        find: 'if (mayHaveAnotherId(owners, group, intent)) lookUpAgain(owners, group, intent);',
        replace: 'if (intent.attempt < 0) lookUpAgain(owners, group, intent);',
      },
    ],
    tests: ['test/contract/rules/recreated-user.test.ts'],
  },
  {
    name: 'pieces-without-names',
    breaks: 'a full state that a doubtful read makes wait for its record keeps back what it came to, for ever',
    edits: [
      {
        find: "whole?.waits === 'record' && intent.op !== 'state'",
        replace: "whole?.waits === 'record' && intent.op === 'state'",
      },
    ],
    tests: ['test/contract/rules/doubtful-state-restored.test.ts'],
  },
];
