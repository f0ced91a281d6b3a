/** Mutants of a group in flight: doubt, no-ops, conflicts, bisection, giving up, breaker. */
import type { Mutant } from './mutant.ts';

export const flightMutants: readonly Mutant[] = [
  {
    name: 'doubt',
    rule: 'doubt',
    breaks: 'a request without an answer leaves no doubt behind',
    edits: [
      {
        find: 'if (!isSure) { const sentAtMs = owners.clock.now().monotonic',
        replace: 'if (false) { const sentAtMs = owners.clock.now().monotonic',
      },
    ],
    scenario: 'turns',
  },
  {
    name: 'hold',
    rule: 'hold',
    breaks: 'a no-op is final although the group is in doubt',
    edits: [
      {
        find: "  if (doubt !== null) return { kind: 'wait_for_doubt', untilMs: earlier(doubt.untilMs, unconfirmed) };",
        replace: '',
      },
    ],
    scenario: 'turns',
  },
  {
    name: 'confirm',
    rule: 'confirm',
    breaks: 'a no-op is final by the cached snapshot, without a fresh read',
    edits: [
      {
        find: "if (!situation.isFresh) return { kind: 'confirm', snapshot };",
        replace: '',
      },
    ],
  },
  {
    name: 'last-look',
    rule: 'last-look',
    breaks: 'what was tried for the last time is given up without a look at the target',
    edits: [
      {
        find: "if (situation.due.length === 0) return { kind: 'done' };",
        replace:
          "if (situation.due.length === 0) return { kind: 'done' };\n  if (exhausted.size > 0) return { kind: 'final', noop: [], givenUp: [...exhausted] };",
      },
    ],
  },
  {
    name: 'late-no-op',
    breaks: 'a no-op that waited for the end of the doubt is final without another look',
    edits: [
      {
        find: "if (doubt !== null && isOver(doubt, situation.nowMs)) return { kind: 'forget_doubt' };",
        replace:
          "if (doubt !== null && isOver(doubt, situation.nowMs)) {\n    const known = snapshot === null ? null : plan(due, snapshot);\n    if (known === null || known.todo.length > 0) return { kind: 'forget_doubt' };\n    return { kind: 'final', noop: known.noop, givenUp: [] };\n  }",
      },
    ],
    scenario: 'turns',
  },
  {
    name: 'unlooked-no-op',
    breaks: 'no-ops beside a PATCH are final by what was known before it, against its answer and in doubt too',
    edits: [
      {
        find: '  verify(owners, group, { part, request, seen: outcome.seen,',
        replace:
          "  for (const intent of run.stillDue())\n    if (snapshot.members.has(intent.target ?? intent.member) === (intent.op === 'add')) markAlreadySynced(owners, group, intent);\n  verify(owners, group, { part, request, seen: outcome.seen,",
      },
    ],
    scenario: 'ignored',
  },
  {
    name: 'doubt-ends-early',
    breaks: 'the version that a lost request was for ends the doubt already',
    edits: [{ find: 'b !== null && a > b;', replace: 'b !== null && a >= b;' }],
  },
  {
    name: 'garbage-is-sure',
    breaks: 'a success that cannot be read counts as an answer',
    edits: [
      {
        find: 'return isBare(answer) || readGroupBody(body, answer.etag) !== null;',
        replace: 'return true;',
      },
    ],
    scenario: 'turns',
  },
  {
    name: 'stale-snapshot',
    breaks: 'a version conflict leaves the snapshot in the cache',
    edits: [
      {
        find: "if (outcome.kind === 'conflict' || outcome.kind === 'transient') owners.snapshots.forget(group);",
        replace: '',
      },
      {
        find: 'request, patch });\n  forgetSnapshot(owners, run);',
        replace: 'request, patch });',
      },
    ],
    scenario: 'turns',
  },
  {
    name: 'retry-of-the-superseded',
    breaks: 'what fails is parked although a newer intent has taken its place',
    edits: [
      {
        find: 'if (group.members.get(intent.member)?.pending !== intent) continue;',
        replace: '',
      },
      {
        find: '  const tried = triedOf(run, snapshot);\n  const refused',
        replace: '  const tried = failed.part;\n  const refused',
      },
    ],
  },
  {
    name: 'superseded-in-flight',
    breaks: 'an intent is reported as superseded while its request is on its way',
    edits: [
      {
        find: 'if (group.run?.isSent(pending) === true)',
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'half-bisected',
    breaks: 'bisection stops at a half of two, and the good member is refused with the bad one',
    edits: [
      {
        find: 'if (sentCount === 1) endAlone(',
        replace: 'if (sentCount <= 2) endAlone(',
      },
    ],
  },
  {
    name: 'other-half-forgotten',
    breaks: 'when one half of a refused request lands, the other half counts as landed too',
    edits: [
      {
        find: 'verify(owners, group, { part, request, seen: outcome.seen, isTrusted: after !== null });',
        replace:
          'verify(owners, group, { part: [...part, ...run.suspects], request, seen: null, isTrusted: true });\n  run.suspect([]);',
      },
    ],
  },
  {
    name: 'lost-lock',
    breaks: 'the loss of a partition frees the groups that are in flight',
    edits: [
      {
        find: 'queue.forget(group);\n    snapshots.forget(group);',
        replace: 'queue.forget(group);\n    queue.unlock(group);\n    snapshots.forget(group);',
      },
    ],
  },
  {
    name: 'concurrency',
    breaks: 'as many requests are in flight as there are groups',
    edits: [
      { find: 'pLimit(options.concurrency)', replace: 'pLimit(100)' },
      {
        find: 'this.#limit.pendingCount >= this.#owners.options.concurrency',
        replace: 'this.#limit.pendingCount >= 100',
      },
    ],
  },
  {
    name: 'unsent-uses-up-tries',
    breaks: 'a failed request uses up a try of what it did not hold',
    edits: [
      {
        find: 'fail(owners, group, { intents: part, unsent: without(tried, part), outcome, request, seen });\n      return afterFailure',
        replace: 'fail(owners, group, { intents: tried, outcome, request, seen });\n      return afterFailure',
      },
    ],
    tests: ['test/contract/rules/isolation.test.ts'],
  },
  {
    name: 'unsent-fills-the-memory',
    breaks:
      'what waits with a failed request of its group, unsent, counts against what may be pending, so that nothing more is read',
    edits: [
      {
        find: 'owners.breaker.isClosed ? tried + unsent : tried',
        replace: 'tried',
      },
    ],
    tests: ['test/contract/rules/intake-limit.test.ts'],
  },
  {
    name: 'breaker-uses-up-attempts',
    breaks: 'failures that open the breaker count as tries of the changes',
    edits: [
      {
        find: 'pending.attempt : Math.max(0, pending.attempt - 1);',
        replace: 'pending.attempt : pending.attempt;',
      },
      {
        find: 'if (!breaker.isClosed && !isOwn) return breaker.wait(group, [...intents, ...unsent]);',
        replace: '',
      },
    ],
    scenario: 'outage',
  },
  {
    name: 'given-back-and-forgotten',
    breaks: 'that a try has failed which the breaker has given back is forgotten',
    edits: [
      {
        find: 'countedFrom(waitingForTarget(pending, notBefore), attempt)',
        replace: '{ ...waitingForTarget(pending, notBefore), attempt }',
      },
    ],
    tests: ['test/contract/rules/full-state-reports.test.ts', 'test/contract/rules/breaker-attempts.test.ts'],
  },
  {
    name: 'unanswered-and-forgotten',
    breaks: 'what a request did whose answer was lost, and whose try does not count, is called the work of others',
    edits: [{ find: 'if (!isSureAnswer(answer)) markUnsure(owners, group, failed.part);', replace: '' }],
    tests: ['test/contract/rules/breaker-attempts.test.ts', 'test/contract/rules/isolation.test.ts'],
  },
  {
    name: 'unsure-lost-with-its-change',
    breaks:
      'what a lost answer has done is called the work of others once a newer change has taken the place of its own',
    edits: [{ find: 'return succeeding(intent, olders);', replace: 'return intent;' }],
    tests: ['test/contract/rules/unsure-changes.test.ts'],
  },
  {
    name: 'unsure-lost-on-its-way',
    breaks: 'the same where the newer change has come while the request was on its way',
    edits: [
      {
        find: 'boolean => isOneIntent(rival, intent) || supersedes(rival, intent);',
        replace: 'boolean => isOneIntent(rival, intent);',
      },
    ],
    tests: ['test/contract/rules/unsure-changes.test.ts'],
  },
  {
    name: 'unsure-not-recorded',
    breaks: 'that a PATCH had no sure answer is only in memory where its try does not count',
    edits: [{ find: '(waitsInRecord(intent) || isUnsure(intent))', replace: 'waitsInRecord(intent)' }],
    tests: ['test/contract/rules/unsure-changes.test.ts'],
  },
  {
    name: 'unsure-given-up-unseen',
    breaks: 'what is given up without a look, and replayed, is called the work of others',
    edits: [{ find: 'isUndone = seen !== null && sightOf(', replace: 'isUndone = seen === null || sightOf(' }],
    tests: ['test/contract/rules/unsure-changes.test.ts'],
  },
  {
    name: 'unsure-passes-the-guard',
    breaks: 'what a lost answer has removed is not counted with what is removed before it is found so',
    edits: [{ find: 'new Set([...removals, ...gone])', replace: 'new Set(removals)' }],
    tests: ['test/contract/rules/unsure-changes.test.ts'],
  },
  {
    name: 'unsure-not-reserved',
    breaks:
      'what a lost answer has removed from one group is not reserved while it is found so, so that another one takes its place',
    edits: [
      {
        find: '!isSatisfied(intent, snapshot) || mayHaveRemoved(intent, snapshot)',
        replace: '!isSatisfied(intent, snapshot)',
      },
    ],
    tests: ['test/unit/guard.test.ts'],
  },
  {
    name: 'unsure-in-no-report',
    breaks: 'a full state says nothing of a member whom a lost answer may have removed',
    edits: [{ find: '[...snapshot.members, ...mayHaveLeft(state, snapshot)]', replace: 'snapshot.members' }],
    tests: ['test/contract/rules/unsure-changes.test.ts'],
  },
  {
    name: 'breaker-stays-open',
    breaks: 'a probe that works leaves the breaker open',
    edits: [
      {
        find: "    case 'own':\n    case 'it_works':\n      return closedAfter(breaker, seen);",
        replace: "    case 'own':\n    case 'it_works':\n      return probedAgain(breaker, breaker.reason);",
      },
    ],
  },
  {
    name: 'breaker-is-ignored',
    breaks: 'an open breaker holds no request back',
    edits: [
      {
        find: 'owners.lease.mayAsk && owners.breaker.lets(group) &&',
        replace: 'owners.lease.mayAsk &&',
      },
      {
        find: 'lease.mayAsk && breaker.isClosed && queue.hasReady',
        replace: 'lease.mayAsk && queue.hasReady',
      },
    ],
  },
  {
    name: 'suspects-of-before-a-conflict',
    breaks: 'a conflict in between makes the search forget who is suspect',
    edits: [
      {
        find: 'this.#suspects = this.#suspects.map((each) => (each === intent ? next : each));\n',
        replace: '',
      },
    ],
    tests: ['test/contract/rules/isolation.test.ts'],
  },
  {
    name: 'refused-version-outlives-itself',
    breaks: 'a version that was refused counts as the last one although it has moved since',
    edits: [
      {
        find: 'if (!isSameVersion(snapshot.tags, refused.tags)) run.forgetRefused();\n',
        replace: '',
      },
    ],
    tests: ['test/contract/rules/conflict-code.test.ts'],
  },
  {
    name: 'run-without-a-bound',
    breaks: 'a run goes on for as long as no answer brings it on',
    edits: [
      {
        find: 'if (due.length > 0 && isUsedUp(owners, course))',
        replace: 'if (false)',
      },
    ],
    tests: ['test/contract/rules/bounded-requests.test.ts'],
  },
  {
    name: 'bound-without-a-try',
    breaks: 'a run that has used up its requests ends without a try, and begins again without a pause',
    edits: [
      {
        find: "  fail(owners, group, { intents, outcome: { kind: 'conflict', failure }, request: null, seen: null });\n  return 'stop';",
        replace: "  return 'stop';",
      },
    ],
    tests: ['test/contract/rules/bounded-requests.test.ts'],
  },
  {
    name: 'last-look-becomes-a-try',
    breaks: 'when a change of the group lands, what waits for its last look is sent again',
    edits: [
      {
        find: '    if (member.exhausted === null) member.advance(afterGroupAnswered(member.pending));',
        replace: '    member.advance(afterGroupAnswered(member.pending));',
      },
    ],
    tests: ['test/contract/rules/bounded-requests.test.ts'],
  },
  {
    name: 'last-look-without-a-pause',
    breaks: 'a last look without a sure answer is repeated without a pause',
    edits: [
      {
        find: 'notBefore: clock.now().wall + options.retry.capMs }',
        replace: 'notBefore: clock.now().wall }',
      },
    ],
    tests: ['test/contract/rules/bounded-requests.test.ts'],
  },
];
