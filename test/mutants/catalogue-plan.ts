/** Mutants of `rollcall plan` and `rollcall apply --plan`. */
import type { Mutant } from './mutant.ts';

export const planMutants: readonly Mutant[] = [
  {
    name: 'unplanned-patch-passes',
    breaks: 'a request that the plan does not hold is sent',
    edits: [
      {
        find: 'this.#versions.has(ifMatch) && this.#left.includes(JSON.stringify(body))',
        replace: 'this.#versions.has(ifMatch)',
      },
    ],
    tests: ['test/contract/apply-plan.test.ts'],
  },
  {
    name: 'held-removals-of-a-plan-leave',
    breaks: 'what a plan held is sent without its approval, where the guard would let it pass by now',
    edits: [{ find: 'isApproved && held !== null ? held.requests : []', replace: 'held?.requests ?? []' }],
    tests: ['test/contract/apply-plan.test.ts'],
  },
  {
    name: 'old-answer-moves-a-plan',
    breaks: 'a planned request whose answer shows the group before it counts as one that has changed nothing',
    edits: [
      {
        find: 'if (forms.every((form) => this.#versions.has(form))) this.#doubted.add(text);',
        replace: 'if (forms.length === 0) this.#doubted.add(text);',
      },
    ],
    tests: ['test/unit/planned-requests.test.ts'],
  },
  {
    name: 'others-version-is-the-plans',
    breaks: 'the version of an answer that shows the change of another writer is taken for that of the plan',
    edits: [
      {
        find: 'else if (outcome.seen !== null && this.#showsOthers(outcome.seen, body)) this.#hasMoved = true;',
        replace: '',
      },
    ],
    tests: ['test/unit/planned-requests.test.ts'],
  },
  {
    name: 'conflict-moves-behind',
    breaks: 'what met a conflict goes behind the others, so that its request is packed in another way',
    edits: [
      {
        find: '    list.set(intent.member, next);',
        replace: '    list.delete(intent.member);\n    list.set(intent.member, next);',
      },
    ],
    tests: ['test/unit/planned-requests.test.ts'],
  },
  {
    name: 'withheld-says-it-works',
    breaks: 'a request that was withheld is taken for a sign that the target works',
    edits: [{ find: "outcome: isWithheld(answer) ? 'not_started' : outcome.kind,", replace: 'outcome: outcome.kind,' }],
    tests: ['test/contract/rules/withheld.test.ts'],
  },
  {
    name: 'moved-group-planned-again',
    breaks: 'a group that has moved since the plan is planned again where it asks for the same request',
    edits: [{ find: 'if (!forms.some((form) => this.#versions.has(form))) {', replace: 'if (forms.length === 0) {' }],
    tests: ['test/contract/apply-plan.test.ts'],
  },
  {
    name: 'damaged-plan-taken',
    breaks: 'a plan that was damaged since it was written is applied',
    edits: [
      {
        find: 'if (last.data.sha256 !== hash.digest || last.data.groups !== groups.length)',
        replace: 'if (last.data.groups !== groups.length)',
      },
    ],
    tests: ['test/contract/apply-plan.test.ts'],
  },
  {
    name: 'deltas-with-their-full-state',
    breaks: 'a plan sends what stands on top of a full state together with what that comes to',
    edits: [
      {
        find: 'yield { intents: [...first, ...answered], at };\n    yield { intents: expanded, at };',
        replace: 'yield { intents: [...first, ...answered, ...expanded], at };',
      },
    ],
    tests: ['test/unit/plan-and-apply.test.ts'],
  },
  {
    name: 'newest-not-last',
    breaks: 'a plan sends the members of one event in the order in which the file has named them first',
    edits: [
      {
        find: 'return order === 0 ? (this.#places[a] ?? 0) - (this.#places[b] ?? 0) : order;',
        replace: 'return order;',
      },
    ],
    tests: ['test/unit/folded-changes.test.ts'],
  },
  {
    name: 'row-for-each-change',
    breaks: 'the memory of a plan grows with the changes of the file, not with its memberships',
    edits: [
      {
        find: 'const row = this.#rowOf(group, key);\n    const former = this.#rows.changeOf(row);',
        replace:
          'const former = this.#rows.changeOf(this.#rowOf(group, key));\n    const row = this.#rows.add();\n    group.standing.delete(key);\n    group.standing.set(key, row);',
      },
    ],
    tests: ['test/contract/plan-memory.test.ts'],
  },
  {
    name: 'rehearsal-counts-all',
    breaks: 'a plan goes through all pending changes of a group for each of its requests',
    edits: [
      {
        find: 'const guarded = this.#guarded;',
        replace: 'const guarded = new Set([...this.#pending].filter(isGuarded));',
      },
    ],
    tests: ['test/unit/dry-run.test.ts'],
  },
  {
    name: 'waiting-outlives-unread',
    breaks: 'a plan of the topics sends what waits beside a newer change of the member that is not read yet',
    edits: [
      {
        find: '    this.#replaceOlder(intent);\n    this.pending.set(intent.member, intent);\n  }\n\n  /** It takes the place of what is older. On top',
        replace:
          '    if (own === undefined) this.pending.set(intent.member, intent);\n  }\n\n  /** It takes the place of what is older. On top',
      },
    ],
    tests: ['test/unit/pending-by-records.test.ts'],
  },
  {
    name: 'complete-planned-again',
    breaks: 'a plan of the topics sends again what the commit metadata calls complete',
    edits: [
      {
        find: 'if (isComplete(intent.source.offset)) folding.arriveComplete(intent);',
        replace: 'if (isComplete(-1n)) folding.arriveComplete(intent);',
      },
    ],
    tests: ['test/unit/pending-by-records.test.ts'],
  },
  {
    name: 'replay-of-the-replaced',
    breaks: 'a plan of a replay sends what was given up beside the newer change that has replaced it',
    edits: [
      {
        find: '[...pending].map(([member, each]) => [member, woken.has(each) ? revived(each) : each])',
        replace:
          '[...pending, ...[...woken].map((each) => [each.member, each] as const)].map(([member, each]) => [member, woken.has(each) ? revived(each) : each])',
      },
    ],
    tests: ['test/contract/plan-topics.test.ts'],
  },
  {
    name: 'paused-is-planned',
    breaks: 'a plan of the topics shows requests of a group that is paused',
    edits: [
      {
        find: 'if (pause !== null) return { names: { group: idKey(wanted.group), members: new Map() }, group, snapshot: pause };',
        replace: '',
      },
    ],
    tests: ['test/contract/plan-topics.test.ts'],
  },
  {
    name: 'tries-all-together',
    breaks: 'a plan of the topics sends what waits for its time together with what is due',
    edits: [
      { find: '[...soon, ...timed.filter(({ notBefore }) => notBefore <= now)]', replace: '[...soon, ...timed]' },
    ],
    tests: ['test/unit/plan-and-run.test.ts'],
  },
  {
    name: 'given-up-addition-forgotten',
    breaks: 'a plan sends removals of a full state while an addition of it, which the live record holds, is given up',
    edits: [
      {
        find: 'const additions = all.filter(isAwaited);',
        replace: 'const additions = (now?.intents ?? []).filter(isAwaited);',
      },
    ],
    tests: ['test/contract/plan-topics.test.ts'],
  },
  {
    name: 'recorded-removals-after-new-ones',
    breaks: 'a plan sends what a full state comes to now before what its live record holds',
    edits: [
      {
        find: 'yield { intents: [...first, ...answered], at };\n    yield { intents: expanded, at };',
        replace: 'yield { intents: expanded, at };\n    yield { intents: [...first, ...answered], at };',
      },
    ],
    tests: ['test/contract/plan-topics.test.ts'],
  },
  {
    name: 'wait-of-its-group-counts',
    breaks: 'the time of a plan counts the wait of what goes with any answer of its group',
    edits: [
      {
        find: 'yield { intents: answered, at };',
        replace: 'yield { intents: answered, at: answered[0]?.notBefore ?? at };',
      },
    ],
    tests: ['test/contract/plan-topics.test.ts'],
  },
  {
    name: 'replay-plans-all',
    breaks: 'a plan of a replay counts what the replay does not wake',
    edits: [{ find: "which: isReplay ? ('now' as const) : ('all' as const)", replace: "which: 'all' as const" }],
    tests: ['test/contract/plan-topics.test.ts'],
  },
  {
    name: 'planned-groups-by-spelling',
    breaks: 'a plan of the topics finds a group only where `--group` spells it as the source',
    edits: [
      {
        find: 'groups === undefined ? null : new Set(groups.map(idKey));\n      this.#partitions',
        replace: 'groups === undefined ? null : new Set(groups);\n      this.#partitions',
      },
    ],
    tests: ['test/contract/plan-topics.test.ts'],
  },
  {
    name: 'foreign-waits-planned',
    breaks: 'a plan of the topics takes what waits in a retry topic of another source',
    edits: [
      { find: ': waiting.some(isForeign)', replace: ': waiting.some(isForeign) && offset !== null && offset > end' },
    ],
    tests: ['test/contract/plan-topics.test.ts'],
  },
  {
    name: 'released-removals-forgotten',
    breaks: 'a plan of the topics shows removals as held although the members that they waited for are known',
    edits: [{ find: 'unresolved: of.unresolved.get(key) ?? {}', replace: 'unresolved: {}' }],
    tests: ['test/contract/plan-topics.test.ts'],
  },
  {
    name: 'ends-before-offsets',
    breaks: 'a plan beside a running service takes the ends of the source before the committed offsets',
    edits: [
      {
        find: '  const offsets = await committedOffsets(wish.since, sources);\n  const view',
        replace:
          '  const ends = await sources.bounds(topics.source, reading.all);\n  sources = { ...sources, bounds: async () => ends };\n  const offsets = await committedOffsets(wish.since, sources);\n  const view',
      },
    ],
    tests: ['test/contract/plan-topics.test.ts'],
  },
  {
    name: 'unreadable-records-passed-over',
    breaks: 'a plan of the topics passes over live records that cannot be read',
    edits: [
      {
        find: 'return changes.unreadableCount > 0 ? EXIT.someFailed : exitCodeOf(totals);',
        replace: 'return exitCodeOf(totals);',
      },
    ],
    tests: ['test/contract/plan-topics.test.ts'],
  },
];
