/** Mutants of reading, folding, recording, reporting and committing. */
import type { Mutant } from './mutant.ts';

export const settleMutants: readonly Mutant[] = [
  {
    name: 'park',
    rule: 'park',
    breaks: 'a change is committed as soon as it is read',
    edits: [
      {
        find: 'isKnown ? 0 : parts',
        replace: '0',
      },
      {
        find: 'if (left === null) throw new Error(`offset ${offset} is complete already`);',
        replace: 'if (left === null) return;',
      },
    ],
  },
  {
    name: 'commit-before-parking',
    breaks: 'a parked change is committed before its live record is acknowledged',
    edits: [
      {
        find: 'member.advance(parked);\n',
        replace:
          'member.advance(parked);\n  member.noteRecorded(parked);\n  closeComplete(group, intent.member, member);\n',
      },
    ],
  },
  {
    name: 'report-first',
    rule: 'report-first',
    breaks: 'the live record shrinks, or says something newer, before the report is acknowledged',
    edits: [
      {
        find: '  if (recorded !== null && !isRecorded && !recordedReported) return recorded;\n',
        replace: '',
      },
    ],
  },
  {
    name: 'tombstone-too-early',
    breaks: 'the live record of a group goes before the last report is acknowledged',
    edits: [
      {
        find: 'if (recorded !== null && !isRecorded && !recordedReported)',
        replace: 'if (recorded !== null && pending !== null && !isRecorded && !recordedReported)',
      },
    ],
  },
  {
    name: 'record-first',
    rule: 'record-first',
    breaks: 'a change is committed while the live record still holds an older one of its member',
    edits: [
      {
        find: 'return isReported && !isOlderRecorded &&',
        replace: 'return isReported &&',
      },
    ],
    scenario: 'settle',
  },
  {
    name: 'report-dropped',
    breaks: 'reports that could not be written are forgotten',
    edits: [
      {
        find: "if (fate === 'written' && outbox.acknowledge(outgoing)) reported.push(outgoing.due);",
        replace: "if (outbox.acknowledge(outgoing) && fate === 'written') reported.push(outgoing.due);",
      },
    ],
  },
  {
    name: 'report-taken-for-written',
    breaks: 'reports that could not be written count as acknowledged',
    edits: [
      {
        find: "if (fate === 'written' && outbox.acknowledge(outgoing)) reported.push(outgoing.due);",
        replace: 'if (outbox.acknowledge(outgoing)) reported.push(outgoing.due);',
      },
    ],
  },
  {
    name: 'cut-not-awaited',
    breaks: 'what is too large counts as written once it is to be cut',
    edits: [
      {
        find: "if (result?.outcome === 'written') return 'written';",
        replace: "if (result !== undefined && result.outcome !== 'unwritten') return 'written';",
      },
    ],
    scenario: 'unwritable',
  },
  {
    name: 'sent-after-the-loss',
    breaks: 'a live record is sent although its partition was lost since it was rendered',
    edits: [
      {
        find: 'isWritable(owners, partition) && (epoch === null || partition.ownership.epoch === epoch);',
        replace: 'epoch !== null || isWritable(owners, partition);',
      },
    ],
    scenario: 'unwritable',
  },
  {
    name: 'report-before-its-letter',
    breaks: 'a report says of a change that it is in the dead-letter topic, and it is not',
    edits: [
      {
        find: 'due.deadLetter === null ? new OutgoingReport(due, reports) : new OutgoingDeadLetter(due, due.deadLetter);',
        replace: 'new OutgoingReport(due, reports);',
      },
    ],
    scenario: 'unwritable',
  },
  {
    name: 'sick-taken-for-written',
    breaks: 'what goes to a partition that cannot be written to counts as written',
    edits: [
      {
        find: "if (outcome === 'too_large') return { outcome, waitsFor: null };",
        replace:
          "if (outcome !== null) return { outcome: outcome === 'too_large' ? outcome : 'written', waitsFor: null };",
      },
    ],
    scenario: 'unwritable',
  },
  {
    name: 'written-sent-again',
    breaks: 'while one partition cannot be written to, what others have taken is sent again and again',
    edits: [
      {
        find: "if (result?.outcome === 'written') return 'written';",
        replace: "if (result?.outcome === 'written' && this.#owners.unsettled.size === 0) return 'written';",
      },
    ],
    scenario: 'unwritable',
  },
  {
    name: 'no-pauses',
    breaks: 'what cannot be written is tried again without pauses that grow',
    edits: [
      {
        find: 'doubledMs(FIRST_MS, failures - 1, LONGEST_MS)',
        replace: 'Math.min(FIRST_MS * Math.sign(failures), LONGEST_MS)',
      },
    ],
    scenario: 'unwritable',
  },
  {
    name: 'sent-apart-and-taken-for-written',
    breaks: 'after a failed send what is sent by partition counts as written, even if it failed',
    edits: [
      {
        find: '    } catch (error) {\n      return error instanceof Error ? error : new Error(errorText(error));\n    }\n    for (const lane of lanes) this.#note(lane);',
        replace:
          "    } catch (error) {\n      if (lanes.length === 1) wanted.forEach((parcel) => (parcel.outcome = 'written'));\n      return error instanceof Error ? error : new Error(errorText(error));\n    }\n    for (const lane of lanes) this.#note(lane);",
      },
    ],
    scenario: 'unwritable',
  },
  {
    name: 'ranges',
    rule: 'ranges',
    breaks: 'complete records are skipped unread, and an older change wins',
    edits: [{ find: 'arriveFinal(owners, group, intent);', replace: '' }],
    scenario: 'crowded',
  },
  {
    name: 'fold',
    rule: 'fold',
    breaks: 'of two changes of a member the one that arrives last wins',
    edits: [
      {
        find: 'const newer = rivals.find((rival) => supersedes(rival, intent));',
        replace: 'const newer = rivals.find(() => false);',
      },
      {
        find: '  if (order > 0) return { winner: a, loser: b };\n  if (order < 0)',
        replace: '  if (order !== 0)',
      },
    ],
  },
  {
    name: 'declined-is-read',
    breaks: 'records that could not be taken yet count as read',
    edits: [
      {
        find: "    owners.log.pause('source', partition.number);\n    return 'declined';",
        replace: "    owners.log.pause('source', partition.number);\n    return 'taken';",
      },
    ],
    scenario: 'flood',
  },
  {
    name: 'unbounded',
    breaks: 'the intake never pauses, however much is pending',
    edits: [
      {
        find: '!isPaused && count >= this.#limit',
        replace: 'false',
      },
    ],
    scenario: 'flood',
  },
  {
    name: 'add-wins',
    breaks: 'a member in both lists of a change is added',
    edits: [
      {
        find: 'const removed = distinct(remove); const added = without(distinct(add), remove);',
        replace: 'const removed = without(distinct(remove), add); const added = distinct(add);',
      },
    ],
  },
  {
    name: 'shared-report-id',
    breaks: 'the reports of all members of a change have one id',
    edits: [
      {
        find: 'named.member === WHOLE_GROUP ? positionText(source) : `${positionText(source)}/${sourceMember(named)}`;',
        replace: 'positionText(source);',
      },
    ],
  },
  {
    name: 'report-epoch',
    rule: 'report-epoch',
    breaks: "a summary believes a former owner's late report",
    edits: [{ find: '    left.epoch - right.epoch ||\n', replace: '' }],
    scenario: 'handover',
  },
  {
    name: 'result-of-a-lost-partition',
    breaks: 'answers for a lost partition are concluded from and reported',
    edits: [
      {
        find: 'return partitions.isCurrent(group.partition) ? { answer, outcome, seen } : null;',
        replace: 'return { answer, outcome, seen };',
      },
      {
        find: 'partitions.isCurrent(partition) && partition.isRestored;',
        replace: 'partition.isRestored;',
      },
      {
        find: '  outbox.revoke(partition);\n',
        replace: '',
      },
    ],
    scenario: 'bereft',
  },
  {
    name: 'owner-commit',
    rule: 'owner-commit',
    breaks: 'work of a lost partition is committed under the new generation',
    edits: [
      {
        find: '  partitions.delete(partition);',
        replace:
          '  partitions.delete(partition);\n  ((partitions as any).lost ??= new Map()).set(partition.number, partition);',
      },
      {
        find: 'const due = [...this.#owners.partitions]\n',
        replace:
          'const due = [...new Map([...((this.#owners.partitions as any).lost ?? []), ...[...this.#owners.partitions].map((each) => [each.number, each])] as [number, Partition][]).values()]\n',
      },
      {
        find: 'const owned = partitions.filter((partition) => this.#owners.partitions.isCurrent(partition));',
        replace: 'const owned = partitions;',
      },
      {
        find: '      if (!this.#owners.partitions.isCurrent(each.partition)) return;\n      const isInTime',
        replace: '      const isInTime',
      },
      {
        find: 'const kept = done.filter(({ partition }) => partitions.isCurrent(partition));',
        replace: 'const kept = [...done];',
      },
    ],
    scenario: 'bereft',
  },
  {
    name: 'no-room',
    breaks: 'the room of a live record sinks to nothing new, and never grows again',
    edits: [
      { find: 'base === 0 ? 1 : 0', replace: '0' },
      {
        find: 'Math.ceil(Math.max(1, this.#unitsMax) * 1.25)',
        replace: 'this.#unitsMax',
      },
      { find: 'added.length === 1 && base === 0', replace: 'false' },
    ],
    scenario: 'pieces',
  },
  {
    name: 'piece-before-its-record',
    breaks: 'when one piece of a full state is recorded, all of it is sent',
    edits: [
      {
        find: 'if (member.name !== WHOLE_GROUP && isSaid(member)) endWait(owners, group, member);',
        replace: 'endWait(owners, group, member);',
      },
    ],
    scenario: 'pieces',
  },
  {
    name: 'failures-not-in-a-row',
    breaks: 'two partitions that fail stop all others, also those that were written in between',
    edits: [
      {
        find: '    failures = last === null ? 0 : failures + 1;',
        replace: '    failures = last === null ? failures : failures + 1;',
      },
    ],
    tests: ['test/unit/writer.test.ts'],
  },
  {
    name: 'refused-record-stops-its-partition',
    breaks: 'a record that a topic refuses for itself stops all others of its partition',
    edits: [
      {
        find: "else if (outcome !== 'too_large' && outcome.kind === 'refused') noteFailure(this.#owners, addressed.own, outcome.error);",
        replace: "else if (outcome !== 'too_large' && outcome.kind === 'refused') problem = outcome.error;",
      },
    ],
    tests: ['test/contract/rules/settle-failures.test.ts'],
  },
  {
    name: 'folded-in-one-turn-only',
    breaks: 'what one turn of the event loop leaves of a large record is never folded',
    edits: [
      {
        find: '    void owners.turns.run(foldRest(owners, partition), isWanted);\n',
        replace: '',
      },
    ],
    tests: ['test/contract/rules/growth.test.ts'],
  },
];
