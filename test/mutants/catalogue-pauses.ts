/** Mutants of pauses (protocol.md 12.4), and of what their histories have found. */
import type { Mutant } from './mutant.ts';

const tests = ['test/contract/rules/pauses.test.ts'];

export const pauseMutants: readonly Mutant[] = [
  {
    name: 'pause-not-recorded',
    breaks: 'a pause is kept in memory alone, so that the next owner sends',
    edits: [
      {
        find: "if (this.#state !== 'due') return null;\n    this.#state = 'sent';",
        replace: "this.#state = 'recorded';\n    if (this.#state === 'recorded') return null;",
      },
    ],
    scenario: 'paused',
  },
  {
    name: 'pause-not-restored',
    breaks: 'an owner does not look at the record of pauses when it restores a partition',
    edits: [{ find: '  restorePauses(owners, partition);\n', replace: '' }],
    scenario: 'paused',
  },
  {
    name: 'pause-unreadable-passed-over',
    breaks: 'an entry of the record of pauses that cannot be read is passed over, so that its group is sent',
    edits: [{ find: 'all: read.all ?? UNREADABLE_PAUSE, foreign }', replace: 'foreign }' }],
    tests,
  },
  {
    name: 'pause-answered-first',
    breaks: 'an operator gets the answer before the pause is recorded',
    edits: [{ find: 'partition.pauses.isUnrecorded || (place', replace: '(place' }],
    tests,
  },
  {
    name: 'pause-answered-unreported',
    breaks: 'an operator gets the answer before the pause is reported, so that the next owner does not report it',
    edits: [{ find: 'place !== null && owners.outbox.hasPause(partition, place.offset)', replace: 'false' }],
    tests,
  },
  {
    name: 'refused-in-order',
    breaks: 'requests about pauses that are refused wait for each other, and those behind them wait too',
    edits: [{ find: 'place !== null && isAboutPauses', replace: 'isAboutPauses' }],
    tests,
  },
  {
    name: 'refused-copy-first',
    breaks: 'a refused copy of a pause is answered before it, which ends the request before it is recorded',
    edits: [{ find: 'keys.has(key) || ', replace: '' }],
    tests,
  },
  {
    name: 'pause-stale-not-repaired',
    breaks: 'a late record of pauses that lies last is left there',
    edits: [{ find: '      partition.pauses.rewrite();\n', replace: '' }],
    tests,
  },
  {
    name: 'pause-void-answer',
    breaks: 'an answer of a former owner behind the fence of the next one ends the request',
    edits: [
      {
        find: 'if (!ownership.isVoid(stampIn(headers))) requests.answered(key);',
        replace: 'requests.answered(key);',
      },
    ],
    tests,
  },
  {
    name: 'probe-of-paused',
    breaks: 'an open breaker waits for the probe of a group that is paused',
    edits: [{ find: '      if (!isDispatchable(owners, group)) continue;\n', replace: '' }],
    tests,
  },
  {
    name: 'look-up-of-paused',
    breaks: 'ids are looked up that only paused groups wait for',
    edits: [
      {
        find: 'group.partition.groups.get(group.id) === group && !isPaused(group)',
        replace: 'group.partition.groups.get(group.id) === group',
      },
    ],
    tests,
  },
  {
    name: 'pause-in-flight',
    breaks: 'a group that is in flight when it is paused sends all of its requests',
    edits: [
      {
        find: 'owners.breaker.lets(group) && isDispatchable(owners, group)',
        replace: 'owners.breaker.lets(group) && isOpen(owners, group.partition)',
      },
    ],
    scenario: 'paused',
  },
  {
    name: 'resume-without-review',
    breaks: 'what was paused waits for its next change after the resume',
    edits: [
      {
        find: 'if (CHANGED.has(done)) reviewThose(owners, partition, concerned);',
        replace: "if (done === 'paused') reviewThose(owners, partition, concerned);",
      },
    ],
    scenario: 'paused',
  },
  {
    name: 'pause-holds-commit',
    breaks: 'what is paused is not recorded, so that its offsets are not committed',
    edits: [{ find: "for (const member of waiting) member.waitFor('resume');", replace: '' }],
    tests,
  },
  {
    name: 'pause-in-pieces',
    breaks: 'what a full state came to before the pause is recorded a piece at a time, of which none leaves',
    edits: [{ find: 'group.partition.pauses.isPaused(group) ? Number.POSITIVE_INFINITY : group', replace: 'group' }],
    tests,
  },
  {
    name: 'apply-now-in-line',
    breaks: 'a group that is to go ahead waits behind those that are ready',
    edits: [{ find: '    owners.queue.putFirst(group);\n', replace: '' }],
    tests,
  },
  {
    name: 'apply-now-waits',
    breaks: 'what waits for another try of a group that is to go ahead keeps its time',
    edits: [
      {
        find: 'const due = startedAgain(tried);',
        replace: 'const due = { ...tried };',
      },
    ],
    tests,
  },
  {
    name: 'apply-now-uses-up-tries',
    breaks: 'each time that a group is to go ahead uses up a try, so that its changes are given up',
    edits: [
      {
        find: 'const due = startedAgain(tried);',
        replace: 'const due = { ...startedAgain(tried), attempt: tried.attempt };',
      },
    ],
    tests,
  },
  {
    name: 'apply-now-without-approval',
    breaks: 'what an operator has approved is held again once its group is to go ahead',
    edits: [
      {
        find: 'const due = startedAgain(tried);',
        replace: 'const due = { ...startedAgain(tried), guard: null };',
      },
    ],
    tests,
  },
  {
    name: 'apply-now-in-flight',
    breaks: 'a change that is being tried is taken from its request once its group is to go ahead, and is sent again',
    edits: [{ find: ' || group.run?.due.has(pending) === true) return;', replace: ') return;' }],
    tests,
  },
  {
    name: 'apply-now-forgets-the-last-try',
    breaks: 'that a change was tried for the last time is forgotten once its group is to go ahead',
    edits: [{ find: 'isLast ? countedFrom(pending, pending.attempt) : pending', replace: 'pending' }],
    tests,
  },
  {
    name: 'resumed-said-to-be-nothing',
    breaks: 'a pause that has ended while another one keeps its group is said not to have been there',
    edits: [{ find: "done === 'resumed' ? 'still_paused' : 'is_paused'", replace: "'is_paused'" }],
    tests,
  },
  {
    name: 'state-before-what-it-replaced',
    breaks: 'a full state leaves the live record before what it has replaced, so that a restore brings that back',
    edits: [{ find: ' &&\n      !group.isOlderRecorded(WHOLE_GROUP, state.source)', replace: '' }],
    scenario: 'paused',
  },
  {
    name: 'rendered-under-former-epoch',
    breaks: 'a report that waits through a join is sent under the epoch before it',
    edits: [{ find: '  write.record = { ...addressed.record(), partition: record.partition };\n', replace: '' }],
    tests: ['test/contract/rules/report-epoch.test.ts'],
  },
  {
    name: 'resumed-while-all-is-paused',
    breaks: 'a group of which nothing is pending counts as resumed although all is paused',
    edits: [
      { find: '(partition.pauses.all !== null || concerned.some(isPaused))', replace: 'concerned.some(isPaused)' },
    ],
    tests: ['test/contract/pause-commands.test.ts'],
  },
];
