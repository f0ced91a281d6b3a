/** Mutants of what a full state comes to: it goes through the live record in pieces, and is worked out in slices. */
import type { Mutant } from './mutant.ts';

export const pieceMutants: readonly Mutant[] = [
  {
    name: 'newer-takes-room',
    breaks: 'what is newer than a full state takes the room of what that came to, and waits for it',
    edits: [
      {
        file: 'src/pipeline/fit-record.ts',
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
        file: 'src/pipeline/fit-record.ts',
        find: 'unsent.filter(isAddOp).length',
        replace: 'unsent.length',
      },
    ],
    tests: ['test/unit/record.test.ts'],
  },
  {
    name: 'never-shorter',
    breaks: 'a live record that could say less is not written again once its group has nothing to do',
    edits: [{ file: 'src/pipeline/records-to-write.ts', find: '!goesOn(group) || ', replace: '' }],
    tests: ['test/unit/records-to-write.test.ts'],
  },
  {
    name: 'newer-overrun',
    breaks: 'what arrives while a full state is worked out is replaced by what that comes to',
    edits: [
      {
        file: 'src/pipeline/expand.ts',
        find: 'return leftOf(value, state, standing.newerFor);',
        replace: 'return value;',
      },
    ],
    tests: ['test/unit/precedence.test.ts'],
  },
];
