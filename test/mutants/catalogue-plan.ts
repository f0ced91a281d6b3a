/** Mutants of `rollcall plan` and `rollcall apply --plan`. */
import type { Mutant } from './mutant.ts';

export const planMutants: readonly Mutant[] = [
  {
    name: 'unplanned-patch-passes',
    breaks: 'a request that the plan does not hold is sent',
    edits: [
      {
        find: 'this.#bodies.indexOf(JSON.stringify(body), this.#next) !== -1) return null;',
        replace: 'JSON.stringify(body) !== null) return null;',
      },
    ],
    tests: ['test/contract/apply-plan.test.ts'],
  },
  {
    name: 'moved-group-planned-again',
    breaks: 'a group that has moved since the plan is planned again where it asks for the same request',
    edits: [{ find: 'if (!forms.some((form) => this.#versions.has(form))) {', replace: 'if (forms.length === 0) {' }],
    tests: ['test/contract/apply-plan.test.ts'],
  },
  {
    name: 'edited-plan-taken',
    breaks: 'a plan that was edited since it was written is applied',
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
        find: '  if (!isDoubtful) rehearsal.run(deltas);\n',
        replace:
          '  if (!isDoubtful) return (rehearsal.run([...deltas, ...intents.filter(isKnown)], isUnresolved), false);\n',
      },
    ],
    tests: ['test/unit/plan-and-apply.test.ts'],
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
];
