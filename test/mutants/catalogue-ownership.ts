/** Mutants of ownership: lease, fences, epochs, restore, read-back. */
import type { Mutant } from './mutant.ts';

export const ownershipMutants: readonly Mutant[] = [
  {
    name: 'noop',
    rule: 'noop',
    breaks: 'a new owner is not in doubt about what the former one has sent',
    edits: [
      {
        find: 'partition.doubtFormerOwner(isNew ? null : afterTakeover(clock.now().monotonic, options.lateApplyMs));',
        replace: 'partition.doubtFormerOwner(null);',
      },
    ],
    scenario: 'turns',
  },
  {
    name: 'lease',
    rule: 'lease',
    breaks: 'an owner goes on sending however long ago its last heartbeat was',
    edits: [
      {
        find: 'this.#from !== null && elapsedMs(this.#from, this.#clock.now()) <= this.#leaseMs',
        replace: 'this.#from !== null',
      },
    ],
    scenario: 'zombie',
  },
  {
    name: 'halt',
    rule: 'halt',
    breaks: 'an owner that is joining goes on sending',
    edits: [{ find: '!this.#isHalted && !this.#isEnding', replace: '!this.#isEnding' }],
    scenario: 'halted',
  },
  {
    name: 'rebalance-below-lease',
    breaks: 'a rebalance time-out is admitted that is over before the lease',
    edits: [
      {
        find: '(sessionMs: number, requestMs: number): number => sessionMs - requestMs;',
        replace: '(sessionMs: number, requestMs: number): number => requestMs + LEASE_MARGIN_MS;',
      },
    ],
    scenario: 'excluded',
  },
  {
    name: 'barrier',
    rule: 'barrier',
    breaks: 'a new owner sends before it has read what its partition held',
    edits: [
      {
        find: "(this.#phase === 'catching_up' && this.#dispatchesEarly)",
        replace: "this.#phase === 'catching_up'",
      },
    ],
    scenario: 'reread',
  },
  {
    name: 'fence',
    rule: 'fence',
    breaks: 'the newest live record counts, under any writer',
    edits: [
      {
        find: "  if (view.fenceEpoch > epoch) return 'stale';\n",
        replace: '',
      },
      {
        find: 'a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq)',
        replace: 'a.epoch === b.epoch && a.seq > b.seq',
      },
    ],
  },
  {
    name: 'epoch',
    rule: 'epoch',
    breaks: 'a late fence of a former owner makes the records of the present one void',
    edits: [
      {
        find: 'view.fenceEpoch = Math.max(view.fenceEpoch, epoch);',
        replace: 'view.fenceEpoch = epoch;',
      },
      {
        find: "if (view.fenceEpoch > epoch) return 'stale';",
        replace: "if (view.fenceEpoch !== epoch) return 'stale';",
      },
    ],
    scenario: 'fenced',
  },
  {
    name: 'equal-epoch',
    rule: 'equal-epoch',
    breaks: 'an owner shares its epoch with a former one after the consumer group was recreated',
    edits: [
      {
        find: 'ownership.isOvertaken || ownership.sharesEpoch(isKept)',
        replace: 'ownership.isOvertaken',
      },
    ],
    scenario: 'recreatedGroup',
  },
  {
    name: 'refence',
    rule: 'refence',
    breaks: 'an owner that missed a generation takes its partition for kept',
    edits: [
      {
        find: '  if (isKept && ownership.hasForeignFence) return startOver(owners, partition);\n',
        replace: '',
      },
    ],
    scenario: 'missed',
  },
  {
    name: 'repair',
    rule: 'repair',
    breaks: 'a late record of a former owner stays the last one of its group',
    edits: [{ find: 'if (partition.stale.size === 0) return;', replace: 'return;' }],
  },
  {
    name: 'eager-cleaner',
    rule: 'eager-cleaner',
    breaks: 'the cleaner is quicker than the repair',
    edits: [
      {
        find: 'compactionLagMs: 1_200_000,',
        replace: 'compactionLagMs: 0,',
      },
    ],
    scenario: 'cleaner',
  },
  {
    name: 'seq',
    rule: 'seq',
    breaks: 'a late duplicate of an older live record is taken for the newest',
    edits: [
      {
        find: 'a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq)',
        replace: 'a.epoch > b.epoch',
      },
    ],
  },
  {
    name: 'seq-from-one',
    breaks: 'an owner whose epoch was used before numbers its records from one again',
    edits: [
      {
        find: 'Math.max(seq, view.epochMax === ownEpoch ? view.seqMax : 0) + 1',
        replace: 'seq + 1',
      },
    ],
    superfluous:
      'an owner goes above every epoch that was used (equal-epoch); left is the highest epoch there is, which only forged records reach (contract/rules/forged-records)',
  },
  {
    name: 'late-epoch-record',
    breaks: 'a live record that was written under a former epoch counts as written',
    edits: [
      {
        find: 'const isInTime = each.epoch === each.partition.ownership.epoch;',
        replace: 'const isInTime = true;',
      },
    ],
    scenario: 'rejoins',
  },
  {
    name: 'epoch-not-raised',
    breaks: 'an owner in a recreated consumer group stays below the epochs that were used',
    edits: [
      {
        find: 'this.#base = Math.max(this.#view.epochMax, commit?.mark.retryEpoch ?? 0);',
        replace: '',
      },
    ],
    scenario: 'recreatedGroup',
  },
  {
    name: 'restore-skips-a-group',
    breaks: 'a restore forgets the first group',
    edits: [
      {
        find: 'for (const [id, { intents, marks }] of partition.restored.records) {',
        replace: 'for (const [id, { intents, marks }] of [...partition.restored.records].slice(1)) {',
      },
    ],
  },
  {
    name: 'other-owner-of-the-own-epoch',
    breaks: 'a record of another owner under the own epoch stays the last one of its group',
    edits: [
      {
        find: "const counts = reading === 'counts' && (!isKnown || stamp.owner === this.#owner);",
        replace: "const counts = reading === 'counts';",
      },
    ],
    tests: ['test/contract/rules/repair.test.ts'],
  },
  {
    name: 'restored-taken-for-reported',
    breaks: 'what a restore finds parked may leave the live record before its report is acknowledged',
    edits: [
      {
        find: 'past.isRecordedReported = intent.dead !== null;',
        replace: 'past.isRecordedReported = true;',
      },
    ],
    scenario: 'twins',
  },
  {
    name: 'copied-record-kept',
    breaks:
      'a live record that was copied into another partition stays there, and its next owner refuses the partition',
    edits: [
      {
        find: '  stamp.owner === options.owner && intents',
        replace: '  stamp.owner === "" && options.owner === "" && intents',
      },
    ],
    tests: ['test/contract/rules/repair.test.ts'],
  },
];
