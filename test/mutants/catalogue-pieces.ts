/** Mutants of what is done in pieces and in slices: what a full state comes to, and what is done with all groups of a partition. */
import type { Mutant } from './mutant.ts';

export const pieceMutants: readonly Mutant[] = [
  {
    name: 'newer-takes-room',
    breaks: 'what is newer than a full state takes the room of what that came to, and waits for it',
    edits: [
      {
        find: "intent.op !== 'state' && positions.has(positionText(intent.source)),",
        replace: "intent.op !== 'state',",
      },
    ],
    tests: ['test/unit/record.test.ts'],
  },
  {
    name: 'removals-take-room',
    breaks: 'removals of a full state take the room of its additions, and wait for them',
    edits: [
      {
        find: 'unsent.filter(isAddOp).length',
        replace: 'unsent.length',
      },
    ],
    tests: ['test/unit/record.test.ts'],
  },
  {
    name: 'awaited-kept-back',
    breaks: 'what the removals of a full state wait for is kept back until its second look',
    edits: [
      {
        find: ' || unresolved.isAwaited(group.id, intent)',
        replace: '',
      },
    ],
    tests: ['test/contract/rules/doubtful-reads.test.ts'],
  },
  {
    name: 'never-shorter',
    breaks: 'a live record that could say less is not written again once its group has nothing to do',
    edits: [{ find: '!goesOn(group) || ', replace: '' }],
    tests: ['test/unit/records-to-write.test.ts'],
  },
  {
    name: 'newer-overrun',
    breaks: 'what arrives while a full state is worked out is replaced by what that comes to',
    edits: [
      {
        find: 'if (newer === null || supersedes(intent, newer)) {',
        replace: 'if (newer === null || i >= 0) {',
      },
    ],
    tests: ['test/unit/precedence.test.ts'],
  },
  {
    name: 'newer-not-awaited',
    breaks: 'the removals of a full state do not wait for whom something newer adds while it is entered',
    edits: [
      {
        find: '      group.partition.unresolved.keepAwaited(group.id, newer.member);',
        replace: '      void newer.member;',
      },
    ],
    tests: ['test/unit/precedence.test.ts'],
  },
  {
    name: 'recorded-in-part',
    breaks: 'what a full state comes to is recorded before all of it is entered, and before the guard holds it',
    edits: [
      {
        find: 'isEntering(member) || comesBeforeReport(group, member) ? null : member.pending',
        replace: 'comesBeforeReport(group, member) ? null : member.pending',
      },
    ],
    tests: ['test/unit/precedence.test.ts'],
  },
  {
    name: 'accounted-for-in-part',
    breaks: 'a full state is done with before all that it comes to is entered',
    edits: [
      {
        find: 'isEntered && isTold && !isUnrecorded',
        replace: 'isTold && !isUnrecorded',
      },
    ],
    tests: ['test/unit/precedence.test.ts'],
  },
  {
    name: 'replaced-in-part-stays',
    breaks: 'a full state that was replaced while it was entered keeps its group in memory',
    edits: [
      {
        find: 'if (!isEntered) group.endExpansion(state);',
        replace: 'void isEntered;',
      },
    ],
    tests: ['test/unit/precedence.test.ts'],
  },
  {
    name: 'held-though-replaced',
    breaks: 'the guard holds removals of a full state that something newer has replaced while it was entered',
    edits: [
      {
        find: 'return isLeft ? [pending] : [];',
        replace: 'return pending ? [pending] : [];',
      },
    ],
    tests: ['test/unit/precedence.test.ts'],
  },
  {
    name: 'restored-in-one-turn',
    breaks: 'a restore takes over all live records in one turn of the event loop',
    edits: [{ find: 'continue;\n    if (count >= SLICE) {', replace: 'continue;\n    if (count < 0) {' }],
    tests: ['test/contract/rules/growth.test.ts'],
  },
  {
    name: 'reviewed-in-part',
    breaks: 'of the groups of a partition that has caught up only the first slice is looked at',
    edits: [
      {
        find: 'run(work, () => owners.partitions.isCurrent(partition));',
        replace: 'run(work, () => false);',
      },
    ],
    tests: ['test/contract/rules/growth.test.ts'],
  },
  {
    name: 'partly-before-its-additions',
    breaks:
      'the record says that a full state is worked out in part before all that it came to stands there, so that a restore adds no one of the rest',
    edits: [
      {
        find: "whole?.isPartly === true && intent.waits !== 'record' &&",
        replace: 'whole?.isPartly === true &&',
      },
    ],
    tests: ['test/contract/rules/doubtful-state-restored.test.ts'],
  },
];
