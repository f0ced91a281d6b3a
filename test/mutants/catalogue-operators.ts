/** Mutants of what operators name, by the id of the identity provider or of Genesys Cloud. */
import type { Mutant } from './mutant.ts';

const named = ['test/contract/meant-ids.test.ts'];

export const operatorMutants: readonly Mutant[] = [
  {
    name: 'one-id-two-groups',
    breaks: 'an id that is one group at the identity provider and another in Genesys Cloud is taken for both',
    edits: [{ find: 'if (isSource && others.size > 0 && !isSameTarget)', replace: 'if (others.size < 0)' }],
    tests: named,
  },
  {
    name: 'one-id-of-several-groups',
    breaks: 'an id of Genesys Cloud that several groups of the source have is taken for all of them',
    edits: [{ find: "{ kind: sources.size > 1 ? 'shared' : 'one', sources }", replace: "{ kind: 'one', sources }" }],
    tests: named,
  },
  {
    name: 'held-two-groups-decided',
    breaks: 'a decision about what is held names two groups by one id',
    edits: [
      {
        find: "demandOneMeaning(decision, { command: 'held', waiting, ids })",
        replace: 'void [demandOneMeaning, ids]',
      },
    ],
    tests: named,
  },
  {
    name: 'held-without-id-map',
    breaks: 'a decision by an id does not look into the id map for the other one that it names',
    edits: [{ find: "{ command: 'held', waiting, ids }", replace: "{ command: 'held', waiting, ids: ids && null }" }],
    tests: named,
  },
  {
    name: 'waiting-by-source-id-only',
    breaks: 'what waits is found by the id of the identity provider alone',
    edits: [{ find: 'sources: sources.add(key)', replace: 'sources: new Set([key])' }],
    tests: named,
  },
  {
    name: 'unknown-id-is-nothing',
    breaks: 'of an id that is not known it is said that nothing waits',
    edits: [{ find: 'if (ids === null) return [name];', replace: 'if (ids !== undefined) return [name];' }],
    tests: named,
  },
  {
    name: 'replay-planned-by-source-id',
    breaks: 'a plan of a replay finds groups and members by other ids than the replay',
    edits: [{ find: 'if (wish.replay === null) return wish;', replace: 'if (ids !== undefined) return wish;' }],
    tests: ['test/contract/plan-topics.test.ts'],
  },
];
