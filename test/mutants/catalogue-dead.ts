/** Mutants of what is dead, and of waking it. */
import type { Mutant } from './mutant.ts';

export const deadMutants: readonly Mutant[] = [
  {
    name: 'grave',
    rule: 'grave',
    breaks: 'a replay carries the data of the dead change and overwrites a newer one',
    edits: [
      {
        find: 'const pending = dead.map(({ name, place }) => ({\n',
        replace: 'const pending = dead.map(({ name, place, op }) => ({\n        op,\n',
      },
      {
        find: 'export const wireNamed = wirePosition.extend({ member: wireId.nullable() });',
        replace:
          "export const wireNamed = wirePosition.extend({ member: wireId.nullable(), op: z.enum(['add', 'remove', 'state']) });",
      },
      {
        find: 'pending.map((each) => ({ group, member:',
        replace: 'pending.map((each) => ({ op: each.op, group, member:',
      },
      {
        find: "  if (order > 0) return 'superseded';\n",
        replace: `  if (order > 0) {
    const source = { topic, partition: number, offset: named.offset, index: null, eventId: null, timestamp: 0 };
    const { op } = named as typeof named & { op: 'add' | 'remove' };
    member.replace({ ...revived(pending), op, source });
    partition.toWrite.add(group);
    review(owners, group);
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
        find: 'const key = `\\u0000rollcall.request.${world.random.uuid()}`;',
        replace: 'const key = group;',
      },
      {
        find: 'const stamp = stampIn(headers);\n  if (name === FENCE_KEY) {',
        replace:
          "if (header(headers, 'rollcall-type') === 'replay') return parseRequest(name, value);\n  const stamp = stampIn(headers);\n  if (name === FENCE_KEY) {",
      },
    ],
    scenario: 'grave',
  },
  {
    name: 'replay-wakes-anything',
    breaks: 'a replay wakes all that is dead of the member, not what it names',
    edits: [
      {
        find: "if (topic !== named.topic || number !== named.partition || order < 0) return 'gone';\n  if (order > 0) return 'superseded';",
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
        find: 'if (member === undefined || intent === member.woken) return;',
        replace: 'if (member === undefined) return;',
      },
    ],
    tests: ['test/contract/rules/in-hand.test.ts'],
  },
  {
    name: 'dead-mark-first',
    breaks: 'a live record marks a change as dead before its failure is reported',
    edits: [
      {
        find: 'if (pending.dead !== null) return pendingReported ? pending : recorded;',
        replace: 'if (pending.dead !== null) return pending;',
      },
    ],
    scenario: 'afterlife',
  },
  {
    name: 'unreported-dead-dropped',
    breaks: 'a dead change is dropped by age or number before its failure is reported',
    edits: [
      {
        find: 'pending !== null && pending.dead !== null && pendingReported ? [pending] : [],',
        replace: 'pending !== null && pending.dead !== null ? [pending] : [],',
      },
    ],
    scenario: 'afterlife',
  },
  {
    name: 'replayed-before-its-failure',
    breaks: 'after the wall clock was set back, what comes of a replay is reported as earlier than the failure',
    edits: [
      {
        find: 'Math.max(now, former.dead.at + 1) : now',
        replace: 'now : now',
      },
    ],
    tests: ['test/contract/rules/replay.test.ts'],
  },
];
