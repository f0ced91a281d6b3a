/** A mutant: the service with one of its rules broken on purpose, to see whether the simulation, or a test, notices. */
import type { Scenario } from '../simulation/scenarios.ts';
import type { Edit } from './selector.ts';

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
