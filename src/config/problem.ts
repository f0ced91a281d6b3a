/** What is wrong with a configuration: all of it at once, and never a secret's value. */
export interface Problem {
  readonly variable: string;
  readonly problem: string;
  /** A value that would do. */
  readonly example: string;
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(line).join('\n'));
    this.problems = problems;
  }
}

const line = ({ variable, problem, example }: Problem): string =>
  `${variable} ${problem}; example: ${variable}=${example}`;

/** A name that is nearly a known one is probably meant to be it. */
export function misspelled(present: readonly string[], known: readonly string[]): string[] {
  const taken = new Set(known);
  return present
    .filter((name) => !taken.has(name))
    .flatMap((name) => {
      const meant = known.find(
        (candidate) => candidate.length >= LENGTH_MIN && editDistance(name, candidate) <= EDITS_MAX,
      );
      return meant === undefined ? [] : [`${name} is not a variable of Rollcall; ${meant} is`];
    });
}

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
