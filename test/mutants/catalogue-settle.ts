/** Mutants of reading, folding, recording, reporting, committing and replaying. */
import type { Mutant } from './mutant.ts';

export const settleMutants: readonly Mutant[] = [
  {
    name: 'park',
    rule: 'park',
    breaks: 'a change is committed as soon as it is read',
    edits: [
      {
        file: 'src/pipeline/intake.ts',
        find: 'isKnown ? 0 : isReported ? 1 : intents.length',
        replace: '0',
      },
      {
        file: 'src/core/ledger.ts',
        find: 'if (left === undefined) throw new Error(`offset ${offset} is complete already`);',
        replace: 'if (left === undefined) return;',
      },
    ],
  },
  {
    name: 'commit-before-parking',
    breaks: 'a parked change is committed before its live record is acknowledged',
    edits: [
      {
        file: 'src/pipeline/conclude.ts',
        find: '  member.pending = parked;\n',
        replace: '  member.pending = parked;\n  member.recorded = parked;\n  closeComplete(group, member);\n',
      },
    ],
  },
  {
    name: 'report-first',
    rule: 'report-first',
    breaks: 'the live record shrinks, or says something newer, before the report is acknowledged',
    edits: [
      {
        file: 'src/pipeline/record.ts',
        find: '  if (recorded !== null && recorded.source.offset !== pending?.source.offset && !recordedReported) return recorded;\n',
        replace: '',
      },
    ],
  },
  {
    name: 'tombstone-too-early',
    breaks: 'the live record of a group goes before the last report is acknowledged',
    edits: [
      {
        file: 'src/pipeline/record.ts',
        find: 'if (recorded !== null && recorded.source.offset !== pending?.source.offset && !recordedReported)',
        replace:
          'if (recorded !== null && pending !== null && recorded.source.offset !== pending.source.offset && !recordedReported)',
      },
    ],
  },
  {
    name: 'record-first',
    rule: 'record-first',
    breaks: 'a change is committed while the live record still holds an older one of its member',
    edits: [
      {
        file: 'src/core/ledger.ts',
        find: 'const nothingOlder = recorded === null || recorded.source.offset > offset;',
        replace: 'const nothingOlder = true;',
      },
    ],
    scenario: 'settle',
  },
  {
    name: 'report-dropped',
    breaks: 'reports that could not be written are forgotten',
    edits: [{ file: 'src/pipeline/settle.ts', find: 'state.outbox = [...batch, ...state.outbox];', replace: '' }],
  },
  {
    name: 'report-taken-for-written',
    breaks: 'reports that could not be written count as acknowledged',
    edits: [
      {
        file: 'src/pipeline/settle.ts',
        find: '    state.outbox = [...batch, ...state.outbox];\n    settleLater(context);\n    return false;',
        replace: '',
      },
    ],
  },
  {
    name: 'ranges',
    rule: 'ranges',
    breaks: 'complete records are skipped unread, and an older change wins',
    edits: [{ file: 'src/pipeline/intake.ts', find: 'arriveFinal(context, group, intent);', replace: '' }],
  },
  {
    name: 'fold',
    rule: 'fold',
    breaks: 'of two changes of a member the one that arrives last wins',
    edits: [
      {
        file: 'src/core/pending.ts',
        find: '  if (a.source.offset > b.source.offset) return { winner: a, loser: b };\n  if (a.source.offset < b.source.offset)',
        replace: '  if (a.source.offset !== b.source.offset)',
      },
    ],
  },
  {
    name: 'grave',
    rule: 'grave',
    breaks: 'a replay carries the data of the dead change and overwrites a newer one',
    edits: [
      {
        file: 'test/simulation/operator.ts',
        find: 'const pending = dead.map(({ member, offset }) => ({\n',
        replace: 'const pending = dead.map(({ member, offset, op }) => ({\n        op,\n',
      },
      {
        file: 'src/core/live-record.ts',
        find: 'const named = z.object({ member: id,',
        replace: "const named = z.object({ op: z.enum(['add', 'remove']), member: id,",
      },
      {
        file: 'src/core/live-record.ts',
        find: 'const wanted = pending.map(({ member, topic, partition, offset: at }) => ({\n',
        replace: 'const wanted = pending.map(({ member, topic, partition, offset: at, op }) => ({\n    op,\n',
      },
      {
        file: 'src/pipeline/replay.ts',
        find: "  if (offset > named.offset) return 'superseded';\n",
        replace: `  if (offset > named.offset) {
    const source = { topic, partition: number, offset: named.offset, eventId: null, timestamp: 0 };
    const { op } = named as unknown as { op: 'add' | 'remove' };
    setPending(partition, member, { ...woken(pending), op, source });
    partition.toWrite.add(group);
    review(context, group);
    return 'woken';
  }
`,
      },
    ],
    scenario: 'grave',
  },
  {
    name: 'request-key',
    rule: 'request-key',
    breaks: 'a replay request has the key of its group, and the cleaner drops the state of the group',
    edits: [
      {
        file: 'test/simulation/operator.ts',
        find: 'const key = `\\u0000rollcall.request.${world.chance.uuid()}`;',
        replace: 'const key = group;',
      },
      {
        file: 'src/core/live-record.ts',
        find: 'const stamp = stampOf(headers);\n',
        replace:
          "if (header(headers, 'rollcall-type') === 'replay') return parseRequest(name, value);\n  const stamp = stampOf(headers);\n",
      },
    ],
    scenario: 'grave',
  },
  {
    name: 'replay-wakes-anything',
    breaks: 'a replay wakes whatever is dead of the member, not what it names',
    edits: [
      {
        file: 'src/pipeline/replay.ts',
        find: "if (topic !== named.topic || number !== named.partition || offset < named.offset) return 'gone';\n  if (offset > named.offset) return 'superseded';",
        replace: "if (pending.dead === null) return 'superseded';",
      },
    ],
    scenario: 'afterlife',
  },
  {
    name: 'woken-report',
    breaks: 'the late acknowledgement of a failure counts for the try that a replay began',
    edits: [
      {
        file: 'src/pipeline/settle.ts',
        find: 'if (member === undefined || subject.intent === member.woken) return;',
        replace: 'if (member === undefined) return;',
      },
    ],
    scenario: 'afterlife',
  },
  {
    name: 'dead-mark-first',
    breaks: 'a live record marks a change as dead before its failure is reported',
    edits: [
      {
        file: 'src/pipeline/record.ts',
        find: 'if (pending.dead !== null) return pendingReported ? pending : recorded;',
        replace: 'if (pending.dead !== null) return pending;',
      },
    ],
  },
  {
    name: 'unreported-dead-dropped',
    breaks: 'a dead change is dropped by age or number before its failure is reported',
    edits: [
      {
        file: 'src/pipeline/record.ts',
        find: 'pending !== null && pending.dead !== null && pendingReported ? [pending] : [],',
        replace: 'pending !== null && pending.dead !== null ? [pending] : [],',
      },
    ],
    scenario: 'afterlife',
  },
  {
    name: 'declined-is-read',
    breaks: 'records that could not be taken yet count as read',
    edits: [
      {
        file: 'src/pipeline/intake.ts',
        find: "    context.log.pause('source', partition.number);\n    return 'declined';",
        replace: "    context.log.pause('source', partition.number);\n    return 'taken';",
      },
    ],
    scenario: 'flood',
  },
  {
    name: 'unbounded',
    breaks: 'the intake never pauses, however much is pending',
    edits: [
      {
        file: 'src/pipeline/intake.ts',
        find: '!state.isIntakePaused && held >= options.pendingIntentsMax',
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
        file: 'src/core/change.ts',
        find: 'const removed = new Set(event.remove);\n  const added = new Set(event.add.filter((member) => !removed.has(member)));',
        replace:
          'const added = new Set(event.add);\n  const removed = new Set(event.remove.filter((member) => !added.has(member)));',
      },
    ],
  },
  {
    name: 'shared-report-id',
    breaks: 'the reports of all members of a change have one id',
    edits: [
      {
        file: 'src/core/change.ts',
        find: '`${positionText(intent.source)}/${intent.member}`',
        replace: 'positionText(intent.source)',
      },
    ],
  },
  {
    name: 'report-epoch',
    rule: 'report-epoch',
    breaks: "a summary believes a former owner's late report",
    edits: [{ file: 'src/core/summary.ts', find: '    left.epoch - right.epoch ||\n', replace: '' }],
  },
];
