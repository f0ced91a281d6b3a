/** What is wrong with a configuration: all problems together, and never a secret's value. */
export interface Problem {
  readonly variable: string;
  readonly problem: string;
  /** A value that would do. */
  readonly example: string;
}

export const problem = (variable: string, text: string, example: string | number): Problem => ({
  variable,
  problem: text,
  example: String(example),
});

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];
  /** Names that were probably meant to be others; one of them may be what is missing. */
  readonly warnings: readonly string[];

  constructor(problems: readonly Problem[], warnings: readonly string[] = []) {
    super([...problems.map(line), ...warnings].join('\n'));
    this.problems = problems;
    this.warnings = warnings;
  }
}

const line = ({ variable, problem: text, example }: Problem): string =>
  `${variable} ${text}; example: ${variable}=${example}`;

/**
 * A name that is nearly a known one, in other letters or behind the program's own name, is probably meant to be it; what
 * begins as only names of ours do is probably a mistake.
 */
export function misspelled(present: readonly string[], known: readonly string[]): string[] {
  const taken = new Set(known);
  return present
    .filter((name) => !taken.has(name))
    .flatMap((name) => {
      const meant = meantBy(name, known, taken);
      if (meant !== undefined) return [`${name} is not a variable of Rollcall; ${meant} is`];
      return OWN_PREFIXES.test(name) ? [`${name} is not a variable of Rollcall`] : [];
    });
}

function meantBy(name: string, known: readonly string[], taken: ReadonlySet<string>): string | undefined {
  const plain = name
    .toUpperCase()
    .replaceAll(/[.-]/g, '_')
    .replace(/^ROLLCALL_/, '');
  if (taken.has(plain)) return plain;
  const near = known
    .filter((candidate) => candidate.length >= LENGTH_MIN)
    .map((candidate) => ({ candidate, edits: editDistance(plain, candidate) }))
    .filter(({ edits }) => edits <= EDITS_MAX)
    .toSorted((one, other) => one.edits - other.edits);
  return near[0]?.candidate;
}

/** Not KAFKA_: the brokers' own tools have variables that begin so. */
const OWN_PREFIXES = /^(?:ROLLCALL|GENESYS|INGEST|GUARD|DEBEZIUM|ID_MAP|SCIM_EVENTS)_/;

/** Shorter names are too near to those of other programs. */
const LENGTH_MIN = 9;
const EDITS_MAX = 2;

/** Levenshtein: insertions, deletions and replacements of one character. */
function editDistance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > EDITS_MAX) return Number.POSITIVE_INFINITY;
  let above = [...Array(to.length + 1).keys()];
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = at(above, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, at(above, column) + 1, at(current, column - 1) + 1));
    }
    above = current;
  }
  return at(above, to.length);
}

const at = (row: readonly number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY;
