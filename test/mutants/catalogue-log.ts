/** Mutants of what the log does: offsets that go back or are gone, records that no topic takes, members that join again and again. */
import type { Mutant } from './mutant.ts';

export const logMutants: readonly Mutant[] = [
  {
    name: 'coordinator-asked-once',
    breaks: 'a command ends where the coordinator of the consumer group has just started',
    edits: [{ find: 'mayPass: isOfCoordinator });', replace: 'mayPass: () => false });' }],
    tests: ['test/unit/kafka-coordinator.test.ts'],
  },
  {
    name: 'leaderless-stops-all',
    tests: ['test/unit/kafka-sender.test.ts'],
    breaks: 'a partition without a leader is sent with the others, of which nothing is written then',
    edits: [
      {
        find: 'if (found !== undefined && isLeaderless(found))',
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'leaderless-hides-offsets',
    tests: ['test/unit/kafka-leaderless.test.ts'],
    breaks: 'a partition without a leader is asked for its offsets with the others, of which none are known then',
    edits: [
      {
        find: 'each.partitions.filter(({ partition }) => isLed(each.topic, partition)),',
        replace: 'each.partitions,',
      },
    ],
  },
  {
    name: 'leaderless-is-a-fault',
    tests: ['test/unit/kafka-standstill.test.ts'],
    breaks:
      'a partition without a leader is looked after with the others: no hole is found, and the consumer is built again',
    edits: [
      {
        find: 'const led = places.filter(({ partition }) => !leaderless.has(partition));',
        replace: 'const led = places;',
      },
    ],
  },
  {
    name: 'leader-not-looked-for',
    tests: ['test/unit/kafka-leaderless.test.ts'],
    breaks:
      'a partition that has a leader again is not read until kafkajs asks for the metadata by itself, after minutes',
    edits: [
      {
        find: 'if (this.#leaderless.size > 0) this.#refresh(assigned.cluster);',
        replace: '',
      },
    ],
  },
  {
    name: 'read-not-remembered',
    breaks: 'an owner compares the source with what is committed only, not with what it has read',
    edits: [
      {
        find: 'const remembered = partition.isKept ? partition.offsets.mark : mark;',
        replace: 'const remembered = mark;',
      },
    ],
    scenario: 'torn',
  },
  {
    name: 'refused-goes-on',
    breaks: 'an owner that refuses its partition goes on with what it has in memory',
    edits: [
      {
        find: "  if (problem !== null) return refuse(owners, partition, { problem, kind: 'committed' });\n",
        replace:
          "  if (problem !== null && !partition.isKept) return refuse(owners, partition, { problem, kind: 'committed' });\n",
      },
    ],
    scenario: 'torn',
  },
  {
    name: 'goal-at-the-commit',
    breaks: 'an owner counts as caught up at the committed offset, which may have gone back',
    edits: [{ find: 'goal: bounds.end,', replace: 'goal: committed.offset ?? bounds.end,' }],
    scenario: 'rolledBack',
  },
  {
    name: 'epoch-of-a-former-owner',
    breaks: 'an owner does not see that its epoch was used before the generations went back',
    edits: [
      {
        find: 'this.#isEpochUsed && (!isKept || this.#hasForeignFence);',
        replace: 'this.#isEpochUsed && this.#hasForeignFence && isKept;',
      },
    ],
    scenario: 'rolledBack',
  },
  {
    name: 'events-of-one-record-are-one',
    breaks: 'two events of one record count as one and the same',
    edits: [
      {
        find: '  return (a.index ?? 0) - (b.index ?? 0);',
        replace: '  return 0;',
      },
    ],
    scenario: 'lists',
  },
  {
    name: 'first-event-completes-the-record',
    breaks: 'a record is complete when its first event is',
    edits: [
      {
        find: 'this.#open.add(this.#placeOf(offset), intentCount);',
        replace: 'this.#open.add(this.#placeOf(offset), 1);',
      },
      {
        find: 'if (left === null) throw new Error(`offset ${offset} is complete already`);',
        replace: 'if (left === null) return;',
      },
    ],
    scenario: 'lists',
  },
  {
    name: 'read-unprepared',
    breaks: 'records are read while their signatures are still being verified',
    edits: [
      {
        find: 'if (preparing !== null && owners.format.prepare?.([record]) !== null) {',
        replace: 'if (preparing !== null && record.offset < 0n) {',
      },
    ],
    scenario: 'prepared',
  },
  {
    name: 'prepared-and-not-resumed',
    breaks: 'a partition that waits for signatures stays paused',
    edits: [
      {
        find: 'if (owners.partitions.isCurrent(partition)) resumeSource(owners, partition);',
        replace: 'if (!owners.partitions.isCurrent(partition)) resumeSource(owners, partition);',
      },
    ],
    scenario: 'prepared',
  },
  {
    name: 'holes-stay-open',
    breaks: 'offsets without a record, as transactions leave them, are never complete',
    edits: [{ find: '  partition.offsets.advance(next);\n', replace: '' }],
    scenario: 'coordinator',
  },
  {
    name: 'loss-unreported',
    breaks: 'what retention has taken unread is passed over in silence',
    edits: [
      {
        find: 'if (position >= bounds.start) return { ...found, position };',
        replace:
          'if (position >= 0n) return { ...found, position: position > bounds.start ? position : bounds.start };',
      },
    ],
    scenario: 'beheaded',
  },
  {
    name: 'refused-taken-for-written',
    breaks: 'a record that its topic refuses for good counts as written',
    edits: [
      {
        find: "if (outcome === 'written') return WRITTEN;",
        replace:
          "if (outcome === 'written' || (outcome !== null && outcome !== 'too_large' && outcome.kind === 'refused')) return WRITTEN;",
      },
    ],
    scenario: 'refusedKeys',
  },
  {
    name: 'waiting-of-the-lost',
    breaks: 'what waits of a lost partition stays in the heap',
    edits: [
      {
        find: 'queue.forget(group);\n    snapshots.forget(group);',
        replace: 'snapshots.forget(group);',
      },
    ],
    scenario: 'standstill',
  },
  {
    name: 'rewritten-at-each-join',
    breaks: 'an owner that keeps its partition writes all of its live records again',
    edits: [
      {
        find: '} else if (comparison.formerRetry !== null) recordAll(owners, partition, comparison.formerRetry);',
        replace: '} else recordAll(owners, partition, comparison.formerRetry);',
      },
    ],
    scenario: 'standstill',
  },
  {
    name: 'due-at-the-restore',
    breaks: 'a new owner tries what waits without waiting for its time',
    edits: [
      {
        find: 'member.restore(winner);\n',
        replace: 'member.restore({ ...winner, notBefore: 0 });\n',
      },
    ],
    scenario: 'standstill',
  },
  {
    name: 'reported-group-stays',
    breaks: 'a group whose reports are acknowledged is still kept for them',
    edits: [
      {
        find: 'this.#forget(due);\nif (due.group !== null) due.partition.noteReportAcknowledged(due.group);',
        replace: 'this.#forget(due);',
      },
    ],
    scenario: 'hours',
  },
  {
    name: 'shared-target',
    breaks: 'two groups of the source that share a group of the target are both carried out there',
    edits: [
      {
        find: "if (kind === 'group' && this.#groupTargets.isShared(first.id)) return { kind: 'shared' };",
        replace: '',
      },
    ],
    scenario: 'twins',
  },
  {
    name: 'shared-after-the-correction',
    breaks: 'what waits since its group shared a target does not hear that the table was corrected',
    edits: [
      {
        find: "for (const { id } of subject.kind === 'group' ? before : []) {",
        replace: "for (const { id } of subject.kind === 'group' ? [] : before) {",
      },
    ],
    scenario: 'twins',
  },
];
