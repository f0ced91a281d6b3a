/** A mutant: the service with one of its rules broken on purpose, to see whether the simulation, or a test, notices. */
import type { Scenario } from '../simulation/dramas.ts';

export interface Edit {
  /** From the root of the project. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  /** As in spec/broken.txt; absent: a rule that only the code has. */
  readonly rule?: string;
  /** What goes wrong, as a sentence about the broken service. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  /** Where it shows; absent: all, in turn. */
  readonly scenario?: Scenario;
  /** Tests that notice it, of what the simulation does not play; absent: the simulation does. */
  readonly tests?: readonly string[];
  /** Why the simulation cannot notice: the other rules make this one unnecessary. */
  readonly superfluous?: string;
}

export function applied({ file, find, replace }: Edit, text: string): string {
  const count = text.split(find).length - 1;
  if (count !== 1) throw new Error(`the mutant no longer fits: ${count} times in ${file}: ${find}`);
  return text.replace(find, () => replace);
}
