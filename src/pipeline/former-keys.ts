/**
 * Keys of live records that spell a group in another way than its own record does, since an older version wrote them or
 * their writer was late. Each is noted → recorded (the group's own record says the same) → tombstoned.
 */
import { idKey } from '../core/change/id-key.ts';

export class FormerKeys {
  readonly #keys = new Map<string, 'noted' | 'recorded'>();

  get size(): number {
    return this.#keys.size;
  }

  /** The group's own record is about to say what stands there. */
  note(key: string): void {
    this.#keys.set(key, 'noted');
  }

  /** The group's own record is acknowledged. @param id of the group, by `idKey`. */
  noteRecorded(id: string): void {
    for (const key of this.#keys.keys()) if (idKey(key) === id) this.#keys.set(key, 'recorded');
  }

  /** Those to be tombstoned now; each that could not be is given back. */
  take(): readonly string[] {
    const due = [...this.#keys].flatMap(([key, phase]) => (phase === 'recorded' ? [key] : []));
    for (const key of due) this.#keys.delete(key);
    return due;
  }

  giveBack(key: string): void {
    this.#keys.set(key, 'recorded');
  }
}
