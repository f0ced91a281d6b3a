/** Rules about what operators are shown: lag, age, and what is open. */
import type { Mutant } from './mutant.ts';

const figures = ['test/contract/rules/lag-and-age.test.ts'];

export const figureMutants: readonly Mutant[] = [
  {
    name: 'age-from-reading',
    breaks: 'a change counts from when it was read, not from when its record was written',
    edits: [
      {
        find: 'timestamp > 0 ? Math.min(timestamp, seenAt) : seenAt;',
        replace: 'seenAt;',
      },
    ],
    tests: figures,
  },
  {
    name: 'lag-of-batches-only',
    breaks: 'a partition that is paused never hears that more was written',
    edits: [
      {
        find: '    this.noteEnd(partition, end);\n    const entry',
        replace: '    const entry',
      },
    ],
    tests: figures,
  },
  {
    name: 'unread-without-age',
    breaks: 'only what was read has an age',
    edits: [
      {
        find: 'earlier(oldest.unapplied, oldestAt ?? null);',
        replace: 'oldest.unapplied;',
      },
    ],
    tests: figures,
  },
  {
    name: 'held-ages',
    breaks: 'removals that wait for an operator make the target look stuck',
    edits: [
      { find: ": isHeld(intent) ? 'held' : isSlowWait", replace: ": false && isHeld(intent) ? 'held' : isSlowWait" },
    ],
    tests: figures,
  },
  {
    name: 'slow-wait-is-not-recorded',
    breaks: 'after a restart what waits for its provisioning makes the target look stuck',
    edits: [
      {
        find: '    ...(intent.schedule !== undefined && { schedule: intent.schedule }),\n',
        replace: '',
      },
    ],
    tests: figures,
  },
  {
    name: 'slow-wait-for-the-target',
    breaks: 'what waits for an open breaker counts as waiting for its provisioning',
    edits: [
      {
        find: '  ...withoutSchedule(intent),\n  notBefore,',
        replace: '  ...intent,\n  notBefore,',
      },
    ],
    tests: figures,
  },
  {
    name: 'unknown-is-nothing',
    breaks: 'a partition whose state is not restored is said to have nothing left',
    edits: [
      {
        find: 'const { number, phase, refusal, isOwned: isKnown } = partition;',
        replace: 'const { number, phase, refusal } = partition;\n  const isKnown = true;',
      },
    ],
    tests: figures,
  },
  {
    name: 'stale-is-fresh',
    breaks: 'an end that was seen long ago is taken for the present one',
    edits: [{ find: 'monotonic - seenAt <= FRESH_MS;', replace: 'monotonic >= seenAt;' }],
    tests: figures,
  },
  {
    name: 'refused-is-at-the-end',
    breaks: 'a refused partition whose committed offset is the end is said to have nothing left',
    edits: [{ find: "partition.phase !== 'refused' && ", replace: '' }],
    tests: figures,
  },
  {
    name: 'open-metrics',
    breaks: 'metrics are shown without a token',
    edits: [{ find: 'if (GUARDED.has(path) && ', replace: "if (path === '/nothing' && " }],
    tests: ['test/contract/admin.test.ts'],
  },
  {
    name: 'closed-probes',
    breaks: 'probes need the token',
    edits: [{ find: 'if (GUARDED.has(path) && ', replace: 'if (' }],
    tests: ['test/contract/admin.test.ts'],
  },
];
