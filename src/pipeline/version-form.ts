/**
 * In which form the target takes versions. What changes them on the way (a proxy) changes those of all groups, so one
 * group finds the form out for all.
 */
import type { Snapshot } from '../core/target/plan.ts';
import { inFormOf, type Versioned } from '../core/target/version.ts';

export class VersionForm {
  /** null: none was taken yet. */
  #taken: Versioned | null = null;

  /** A PATCH under this version has succeeded. */
  noteTaken({ version, tags }: Versioned): void {
    this.#taken = { version, tags };
  }

  /** What was read, in the form that is known to be taken. */
  applyTo(read: Snapshot): Snapshot {
    return this.#taken === null ? read : (inFormOf(read, this.#taken) ?? read);
  }
}
