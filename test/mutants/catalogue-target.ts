/** Mutants of how the target is spoken to: versions, dialect, limits, tokens. */
import type { Mutant } from './mutant.ts';

export const targetMutants: readonly Mutant[] = [
  {
    name: 'if-match',
    rule: 'if-match',
    breaks: 'a PATCH is sent without If-Match',
    edits: [
      {
        file: 'src/adapters/genesys/group-api.ts',
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
        file: 'src/core/plan.ts',
        find: "({ op: 'remove', path: memberFilter(targetOf(intent)) })",
        replace: "({ op: 'remove', path: 'members' })",
      },
    ],
  },
  {
    name: 'too-many-members',
    breaks: 'a PATCH names as many members as are due',
    edits: [
      {
        file: 'src/pipeline/apply.ts',
        find: 'membersMax: context.options.membersPerPatchMax,',
        replace: 'membersMax: 1_000,',
      },
    ],
  },
  {
    name: 'retry-after',
    breaks: 'a 429 closes the gate for nobody',
    edits: [
      {
        file: 'src/adapters/genesys/group-api.ts',
        find: 'if (answer.status === 429) this.gate.closeFor(answer.retryAfterMs ?? 0);',
        replace: '',
      },
      {
        file: 'src/pipeline/tally.ts',
        find: "if (outcome.kind === 'throttled') api.gate.closeFor(throttledMs(outcome.retryAfterMs));",
        replace: 'void throttledMs;',
      },
    ],
  },
  {
    name: 'token-never-renewed',
    breaks: 'a token that the target refuses is not renewed',
    edits: [
      {
        file: 'src/adapters/genesys/group-api.ts',
        find: "if (answer.kind !== 'response' || answer.status !== 401) return answer;",
        replace: 'if (answer) return answer;',
      },
      {
        file: 'src/pipeline/breaker.ts',
        find: 'const refused = await api.renewToken();',
        replace: 'const refused = null;',
      },
    ],
  },
];
