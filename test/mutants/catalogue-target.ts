/** Mutants of how the target is spoken to: versions, dialect, limits, tokens. */
import type { Mutant } from './mutant.ts';

export const targetMutants: readonly Mutant[] = [
  {
    name: 'conflict-never-of-a-member',
    tests: ['test/contract/rules/isolation.test.ts'],
    breaks: 'a bad member for whom a version is called stale that has not moved takes all others with it',
    edits: [
      {
        find: 'if (mayBeOfMember && isUnmoved &&',
        replace: 'if (false &&',
      },
    ],
  },
  {
    name: 'conflicts-not-in-a-row',
    tests: ['test/contract/rules/isolation.test.ts'],
    breaks: 'conflicts are counted on although something has landed between them',
    edits: [{ find: 'this.#conflicts = 0;\n    this.#refused = null;', replace: 'this.#refused = null;' }],
  },
  {
    name: 'unreadable-reference-passed-over',
    tests: ['test/unit/membership.test.ts'],
    breaks: 'a list counts as whole although it names members who cannot be identified',
    edits: [{ find: '      isWhole = false;\n', replace: '' }],
  },
  {
    name: 'nested-group-without-a-type',
    tests: ['test/unit/membership.test.ts'],
    breaks: 'a full state of users removes a nested group that has no type',
    edits: [{ find: '!GROUPS_ENDPOINT.test($ref)', replace: 'true' }],
  },
  {
    name: 'if-match',
    rule: 'if-match',
    breaks: 'a PATCH is sent without If-Match',
    edits: [
      {
        find: "'content-type': scimType, 'if-match': ifMatch }",
        replace: "'content-type': scimType }",
      },
    ],
  },
  {
    name: 'bare-remove',
    breaks: 'a removal names the attribute, not the member',
    edits: [
      {
        find: "({ op: 'remove', path: memberFilter(spellingOf(intent, snapshot)) })",
        replace: "({ op: 'remove', path: 'members' })",
      },
    ],
  },
  {
    name: 'too-many-members',
    breaks: 'a PATCH names as many members as are due',
    edits: [
      {
        find: 'membersMax: owners.options.membersPerPatchMax,',
        replace: 'membersMax: 1_000,',
      },
    ],
  },
  {
    name: 'retry-after',
    breaks: 'a 429 closes no gate',
    edits: [
      {
        find: 'if (isThrottled) this.gate.throttled(sentAt, answer.retryAfterMs);',
        replace: '',
      },
    ],
  },
  {
    name: 'token-never-renewed',
    breaks: 'a token that the target refuses is not renewed',
    edits: [
      {
        find: "if (answer.kind !== 'response' || answer.status !== 401) return answer;",
        replace: 'if (answer) return answer;',
      },
      {
        find: 'const refused = await api.ensureToken();\n  counts.requestsInFlight.add(-1);',
        replace: 'const refused = null;\n  counts.requestsInFlight.add(-1);',
      },
    ],
  },
  {
    name: 'doubtful-taken-for-whole',
    breaks: 'a read without a list of members shows a group without members',
    edits: [
      {
        find: 'isDoubtful: !isWhole }',
        replace: 'isDoubtful: false }',
      },
    ],
    scenario: 'odd',
  },
  {
    name: 'two-spellings-two-members',
    breaks: 'a UUID in another letter case is another member',
    edits: [
      {
        find: 'id.length === UUID_LENGTH && UPPER.test(id) && UUID.test(id) ? id.toLowerCase() : id',
        replace: 'UUID_LENGTH > 0 && UPPER.test(id) && UUID.test(id) ? id : id',
      },
    ],
    scenario: 'odd',
  },
  {
    name: 'doubtful-state-is-done',
    breaks: 'a full state is called done on a read that shows no members',
    edits: [
      {
        find: '  if (snapshot.isDoubtful) return endUnseen(owners, group, state);\n',
        replace: '',
      },
    ],
    scenario: 'odd',
  },
  {
    name: 'newer-before-the-second-look',
    breaks: 'a newer change lands before the second look of the full state that it stands on, which takes it back',
    edits: [
      {
        find: "return step.snapshot.isDoubtful ? 'stop' : 'go_on';",
        replace: "return 'go_on';",
      },
    ],
    scenario: 'odd',
  },
  {
    name: 'unseen-in-doubt',
    breaks:
      'in doubt a change is final by a request that may have changed nothing, since the read did not show the member',
    edits: [
      {
        find: "const sendable = doubt === null ? untried : untried.filter((intent) => sightOf(intent, snapshot) === 'not_so');",
        replace: 'const sendable = untried;',
      },
    ],
    scenario: 'odd',
  },
  {
    name: 'not-halved-at-409',
    breaks: 'a PATCH that is refused with 409 (uniqueness) is not halved, and all of its members are given up',
    edits: [
      {
        find: '= [401, 405, 408, 415, 429];',
        replace: '= [401, 405, 408, 409, 415, 429];',
      },
    ],
    scenario: 'isolated',
  },
  {
    name: '500-not-halved',
    breaks: 'a 5xx is never about a member, so that all members of a PATCH are given up for one',
    edits: [
      {
        find: "return status < 500 ? 'member' : 'unclear';",
        replace: "return status < 500 ? 'member' : 'request';",
      },
    ],
    scenario: 'isolated',
  },
  {
    name: 'unseparated-is-given-up',
    breaks: 'what a search for bad members has not separated uses up its tries, and is given up untested',
    edits: [
      {
        find: "(search === 'ended' ? parkUntested : decideRetry)(options.retry, facts)",
        replace: 'decideRetry(options.retry, facts)',
      },
    ],
    scenario: 'isolated',
  },
  {
    name: 'bound-without-reset',
    breaks:
      'a landing does not start the count of refusals again, so that a search with several bad members ends early',
    edits: [
      {
        find: 'export const afterLanding = ({ max }: Search): Search => ({ inRow: 0, max });',
        replace: 'export const afterLanding = (search: Search): Search => search;',
      },
    ],
    scenario: 'isolated',
  },
  {
    name: 'the-others-with-it',
    breaks: 'what is found alone takes along all that its group still has to send',
    edits: [
      {
        find: "fail(owners, group, { ...refused, intents: part, search: 'found' });",
        replace: "fail(owners, group, { ...refused, intents: refused.tried, search: 'found' });",
      },
    ],
    scenario: 'isolated',
  },
  {
    name: 'never-one-alone',
    breaks: 'where many are bad the halves go on, so that good members among them wait for many rounds',
    edits: [
      {
        find: 'if (search.max > 0 && search.inRow >= search.max / 2)',
        replace: 'if (false)',
      },
    ],
    scenario: 'isolated',
  },
];
