/** Mutants of `rollcall diff` and `rollcall resync`. */
import type { Mutant } from './mutant.ts';

export const driftMutants: readonly Mutant[] = [
  {
    name: 'undone-called-missing',
    breaks: 'what others have undone is listed as never done',
    edits: [{ find: 'standing?.ending?.isDone === true && standing.op === op', replace: 'standing === undefined' }],
    scenario: 'turns',
  },
  {
    name: 'unread-not-looked-at',
    breaks: 'a change that no instance has read is listed as missing',
    edits: [{ find: "!this.#known.isCommitted(place) ? 'unread' : null", replace: "false ? 'unread' : null" }],
    scenario: 'calm',
  },
  {
    name: 'waiting-called-drift',
    breaks: 'a change that waits in the retry topic is listed as missing',
    edits: [{ find: 'if (waiting !== null) return waiting;', replace: '' }],
  },
  {
    name: 'foreign-called-extra',
    breaks: 'a member whom neither source nor report has named is called extra',
    edits: [{ find: 'else if (isMember && !isNamed)', replace: 'else if (isMember && isNamed === null)' }],
    scenario: 'calm',
  },
  {
    name: 'doubtful-read-compared',
    breaks: 'whom a list that may be cut does not show is called missing',
    edits: [{ find: 'else if (!isMember && this.#snapshot.isDoubtful)', replace: 'else if (isMember === null)' }],
    tests: ['test/unit/drift.test.ts'],
  },
  {
    name: 'replaced-state-forgotten',
    breaks: 'whom only an older full state has named counts as foreign',
    edits: [{ find: 'if (!members.has(key)) this.#noteNamed(name, former.place);', replace: '' }],
    tests: ['test/unit/drift.test.ts'],
  },
  {
    name: 'moved-source-not-seen',
    breaks: 'a change that came while a group was compared is called drift',
    edits: [{ find: 'isDrift(each) && moved.has(idKey(each.group))', replace: 'isDrift(each) && moved.has("")' }],
    tests: ['test/contract/diff.test.ts'],
  },
  {
    name: 'older-answer-compared',
    breaks: 'an answer that is older than our own last request is compared',
    edits: [{ find: 'if (isOlderVersion(snapshot.version, lastVersion)) {', replace: 'if (false) {' }],
    tests: ['test/contract/diff.test.ts'],
  },
  {
    name: 'budget-taken-whole',
    breaks: 'the comparison takes all that the target allows, and leaves the service nothing',
    edits: [{ find: 'wished ?? SHARE * Math.min(', replace: 'wished ?? Math.min(' }],
    tests: ['test/contract/diff.test.ts'],
  },
];
