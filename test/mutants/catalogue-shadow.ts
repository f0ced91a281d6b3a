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
        find: 'for (const key of shownByTarget(this, shown)) this.#members.delete(key);',
        replace: '',
      },
    ],
    tests,
  },
  {
    name: 'shadow-ends-by-an-old-read',
    breaks: 'a read that is older than the change of a shadow ends it',
    edits: [{ find: 'members.size === 0 || isOlderVersion(group.version, since)', replace: 'members.size === 0' }],
    tests,
  },
  {
    name: 'shadow-outlives-its-group',
    breaks: 'changes of a shadow stay on top of a group that was deleted and created again',
    edits: [{ find: 'if (known !== undefined) this.#resized(known, () => known.noteGone());', replace: '' }],
    tests,
  },
  {
    name: 'shadow-since-falls',
    breaks: 'a PATCH over a read that lags behind lets older reads end the changes of a shadow',
    edits: [{ find: 'since !== null && isOlderVersion(version, since) ? since : version', replace: 'version' }],
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
    name: 'shadow-names-the-real-one',
    breaks: 'commands that a shadow names are about the real service',
    edits: [{ find: "text.replaceAll(COMMAND, 'rollcall --shadow ')", replace: 'text' }],
    tests: ['test/unit/printed-commands.test.ts'],
  },
  {
    name: 'shadow-believes-the-other-kind',
    breaks: 'status and explain of a shadow take what a real instance answers, and the other way round',
    edits: [
      { find: 'if ((shadow === true) !== isShadow)', replace: 'if (isShadow && shadow === undefined && !isShadow)' },
    ],
    tests: ['test/contract/admin-client.test.ts'],
  },
  {
    name: 'shadow-shares-a-topic',
    breaks: 'a shadow writes to a topic of the real service',
    edits: [{ find: 'real[other] === named[name]', replace: 'real[other] === name' }],
    tests: ['test/unit/config.test.ts'],
  },
  {
    name: 'shadow-shows-its-versions',
    breaks: 'reports of a shadow name versions that the target does not have',
    edits: [{ find: 'request: request && { ...request, etag_before: null, etag_after: null }', replace: 'request' }],
    tests: ['test/contract/diff.test.ts'],
  },
  {
    name: 'shadow-reports-as-real',
    breaks: 'reports of a shadow do not say that nothing was sent',
    edits: [{ find: 'return this.#isShadow ? shadowReport(record) : record;', replace: 'return record;' }],
    tests,
  },
];
