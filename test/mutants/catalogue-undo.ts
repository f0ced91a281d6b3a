/** Mutants of `rollcall undo` and `rewind`. */
import type { Mutant } from './mutant.ts';

export const undoMutants: readonly Mutant[] = [
  {
    name: 'rewind-goes-forward',
    breaks: 'a rewind passes over changes that were not applied yet',
    edits: [{ find: 'if (to >= offset) return null;', replace: 'if (to === offset) return null;' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'rewind-beside-instances',
    breaks: 'offsets are moved while an instance runs, which commits its own again',
    edits: [{ find: 'if (members.length === 0) return;', replace: 'if (members.length >= 0) return;' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'rewind-without-room',
    breaks: 'more is read again than has room, so that older changes are sent before newer ones are read',
    edits: [{ find: 'if (found.pendingCount > intakeResumesAt(pendingMax))', replace: 'if (found.pendingCount < 0)' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'early-for-reports',
    breaks: 'reports that are still to be written make an owner send older changes before it has read newer ones',
    edits: [{ find: 'if (intakeLimit.isPaused && !makesRoom)', replace: 'if (intakeLimit.isPaused)' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'rewind-of-two-partitions',
    breaks: 'records of one group are read again of two partitions, whose changes have no order',
    edits: [{ find: 'demandOnePartition(found.groupsInTwoPartitions);', replace: '' }],
    tests: ['test/contract/rewind.test.ts'],
  },
  {
    name: 'undone-over-newer',
    breaks: 'an undo takes back a change of a member about whom the source has said something since',
    edits: [
      {
        find: 'comparePlaces(place, last.place) > 0) ?? null',
        replace: 'comparePlaces(place, last.place) > 1e9) ?? null',
      },
    ],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'round-trip-undone',
    breaks: 'an undo changes a member who came and went within the time',
    edits: [{ find: 'isSure && asked[0]?.op !== asked.at(-1)?.op', replace: 'isSure && asked.length === 0' }],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'undone-though-not-there',
    breaks: 'an undo changes a member whom others have changed since',
    edits: [{ find: 'if (!isShown(last, snapshot))', replace: 'if (isShown(last, snapshot) === null)' }],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'undone-for-another',
    breaks: 'an undo takes back what another author has brought',
    edits: [{ find: "made.by === author ? 'yes' : 'no'", replace: "made.by === author ? 'yes' : 'yes'" }],
    tests: ['test/unit/undo.test.ts'],
  },
  {
    name: 'undone-by-another-name',
    breaks: 'an undo changes another user, whom the id map gives the name by now',
    edits: [{ find: "return isNamedSo(last, known) ? null : 'renamed';", replace: 'return null;' }],
    tests: ['test/contract/undo.test.ts'],
  },
  {
    name: 'undone-without-reports',
    breaks: 'an undo is made of the reports that are left, though some of the time may be gone',
    edits: [{ find: 'if (!areGone && latest <= from) return;', replace: 'if (!areGone || latest <= from) return;' }],
    tests: ['test/contract/undo.test.ts'],
  },
  {
    name: 'others-taken-back',
    breaks: 'an undo takes back what others may have done while tries of Rollcall failed',
    edits: [{ find: "isSure: outcome === 'applied' ||", replace: 'isSure: true ||' }],
    tests: ['test/contract/undo.test.ts'],
  },
];
