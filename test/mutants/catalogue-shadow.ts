/** Mutants of `rollcall run --shadow`. */
import type { Mutant } from './mutant.ts';

const tests = ['test/contract/shadow.test.ts'];

export const shadowMutants: readonly Mutant[] = [
  {
    name: 'shadow-sends',
    breaks: 'a PATCH of a shadow goes through to the target',
    edits: [
      {
        find: 'const answer = await this.#target.getGroup({ group, ifNoneMatch: null, mayStart });',
        replace: 'const answer = await (this.#target as GroupApi).patchGroup({ group, ifMatch, body, mayStart });',
      },
    ],
    tests,
  },
  {
    name: 'shadow-knows-no-conflict',
    breaks: 'a shadow accepts a PATCH at a version that is not the present one',
    edits: [{ find: 'if (ifMatch !== shownVersion(shown.version, before)) return conflict(answer);', replace: '' }],
    tests,
  },
  {
    name: 'shadow-keeps-what-is-done',
    breaks: 'a change of a shadow stays in effect after another client has made it, and undone it',
    edits: [
      {
        find: 'members.length === pretended.members.size ? pretended : { ...pretended, members: new Map(members) }',
        replace: 'pretended',
      },
    ],
    tests,
  },
  {
    name: 'shadow-ends-by-an-old-read',
    breaks: 'a read that is older than the change of a shadow ends it',
    edits: [{ find: 'if (isOlderVersion(version, pretended.since)) return pretended;', replace: '' }],
    tests,
  },
  {
    name: 'shadow-version-goes-back',
    breaks: 'a group whose changes a shadow has forgotten has an older version than before',
    edits: [{ find: 'this.#movesOfOthers = Math.max(this.#movesOfOthers, moves + 1);', replace: '' }],
    tests,
  },
  {
    name: 'shadow-list-looks-whole',
    breaks: 'a list that may leave members out counts as whole once a shadow has changed it',
    edits: [{ find: 'const unnamed = isDoubtful ? [{}] : [];', replace: 'const unnamed: unknown[] = [];' }],
    tests,
  },
  {
    name: 'shadow-reports-as-real',
    breaks: 'reports of a shadow do not say that nothing was sent',
    edits: [{ find: 'return this.#isShadow ? shadowReport(record) : record;', replace: 'return record;' }],
    tests,
  },
];
