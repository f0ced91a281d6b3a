/** Mutants of the breaker: whom it asks, what its failures use up, and what a group that fails alone costs the others. */
import type { Mutant } from './mutant.ts';

export const breakerMutants: readonly Mutant[] = [
  {
    name: 'probe-of-failed-groups-only',
    breaks: 'an open breaker asks only groups that have failed',
    edits: [
      {
        find: 'if (candidate.failedAt === 0) return candidate;',
        replace: 'if (candidate.failedAt === 0) continue;',
      },
    ],
    scenario: 'alone',
  },
  {
    name: 'probe-in-no-turn',
    breaks: 'an open breaker asks the group that failed last, again and again',
    edits: [
      {
        find: 'if (candidate.failedAt === 0) return candidate;\n    if (next === null || candidate.failedAt < next.failedAt)',
        replace: 'if (next === null || candidate.failedAt > next.failedAt)',
      },
    ],
    scenario: 'alone',
  },
  {
    name: 'read-closes-for-writes',
    breaks: 'where PATCHes fail, a read closes the breaker',
    edits: [
      {
        find: "const isBesideIt = breaker.pauses.failed === 'write' &&",
        replace: "const isBesideIt = breaker.openedBy.length === 0 && breaker.pauses.failed === 'write' &&",
      },
    ],
    scenario: 'unpatchable',
  },
  {
    name: 'forbidden-change-opens',
    breaks: 'a 403 to a PATCH of a group that can be read counts against the client, and its attempt is given back',
    edits: [
      {
        find: "if (sign === 'permission') return seen.isReadable ? 'own' : 'unclear';",
        replace: "if (sign === 'permission') return sign;",
      },
    ],
    scenario: 'alone',
  },
  {
    name: 'streak-outlives-a-success',
    breaks: 'failures count as a row although requests have succeeded between them',
    edits: [
      {
        find: 'return isStill ? breaker : { ...closedBreaker, pauses };',
        replace: 'return isStill ? breaker : { ...breaker, pauses };',
      },
    ],
    scenario: 'beside',
  },
  {
    name: 'last-failure-given-back-only',
    breaks: 'of the failures that open the breaker only the last ones give their attempt back',
    edits: [
      {
        find: 'of openedBy.flatMap(',
        replace: 'of openedBy.slice(-1).flatMap(',
      },
    ],
    tests: ['test/contract/rules/breaker-attempts.test.ts'],
  },
  {
    name: 'back-at-once',
    breaks: 'what opened the breaker is sent again as soon as it closes, however often it fails',
    edits: [{ find: '    failing.waits += 1;\n', replace: '' }],
    tests: ['test/contract/rules/breaker-attempts.test.ts'],
  },
  {
    name: 'alone-unnoticed',
    breaks: 'groups that fail while others succeed open the breaker again and again, and never use up a try',
    edits: [{ find: 'return seen.isAlone && isOfTarget(sign)', replace: 'return sign === null' }],
    tests: ['test/contract/rules/breaker-attempts.test.ts'],
  },
  {
    name: 'alone-closes',
    breaks: 'a probe to a group that fails alone closes the breaker',
    edits: [
      {
        find: "    case 'alone':\n    case 'nothing':\n      return probedAgain(breaker, breaker.reason);",
        replace:
          "    case 'alone':\n      return closedAfter(breaker, seen);\n    case 'nothing':\n      return probedAgain(breaker, breaker.reason);",
      },
    ],
    tests: ['test/contract/rules/breaker-attempts.test.ts'],
  },
  {
    name: 'alone-for-ever',
    breaks: 'a group that failed alone does so for ever, even after a success of its own',
    edits: [{ find: 'if (isRecovered) this.#failures.delete(subject);', replace: '' }],
    tests: ['test/contract/rules/breaker-attempts.test.ts'],
  },
  {
    name: 'alone-by-turns-unnoticed',
    breaks: 'a group that alone fails by reads and changes in turn has recovered with each good read',
    edits: [
      {
        find: "const isRecovered = request !== 'read' || known?.has('write') !== true;",
        replace: 'const isRecovered = known !== undefined;',
      },
    ],
    tests: ['test/contract/rules/breaker-attempts.test.ts'],
  },
  {
    name: 'refused-alone-uses-no-try',
    breaks: 'a group whose requests alone are answered with 401 uses up no try',
    edits: [
      {
        find: "const schedule = rule === 'free' && sign === 'alone' ? 'slow' : rule;",
        replace: 'const schedule = rule;',
      },
    ],
    tests: ['test/contract/rules/breaker-attempts.test.ts'],
  },
  {
    name: 'throttled-group-first',
    breaks: 'a group that is answered with 429 keeps its place before the others',
    edits: [
      {
        find: 'since: Math.max(since, owners.throttled.since(group)),',
        replace: 'since,',
      },
    ],
    tests: ['test/contract/rules/server-waits.test.ts'],
  },
  {
    name: 'throttled-removals-first',
    breaks: 'groups with removals that are answered with 429 take each opening of the gate',
    edits: [
      {
        find: 'firstIn(this.#revocations, yields) ?? firstIn(this.#grants, yields)',
        replace: 'this.#revocations.peek()',
      },
    ],
    tests: ['test/contract/rules/server-waits.test.ts'],
  },
  {
    name: 'throttled-group-at-once',
    breaks: 'a group that is answered with 429 is asked again whenever the gate opens',
    edits: [
      {
        find: 'if (due !== null && now.wall < throttledUntil)',
        replace: 'if (due !== null && now.wall < 0)',
      },
    ],
    tests: ['test/contract/rules/server-waits.test.ts'],
  },
  {
    name: 'old-read-believed',
    breaks: 'a read that shows a version which a PATCH of ours has replaced decides about no-ops and full states',
    edits: [
      {
        find: 'if (nowMs >= untilMs) return false;',
        replace: 'if (nowMs >= 0) return false;',
      },
    ],
    tests: ['test/contract/rules/unconfirmed.test.ts'],
  },
];
