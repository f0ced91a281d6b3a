/** Several names of the source for one member of the target: an id map may know more than one. */
import { WHOLE_GROUP, idKey, type Intent } from '../../core/change/change.ts';
import type { SureResolution } from '../../core/ids/resolution.ts';
import type { Members } from './members.ts';

export class Aliases {
  readonly #members: Members;
  /** The target's name, by `idKey` → the source's names that were met. */
  readonly #names = new Map<string, readonly string[]>();
  /** A name of the source → the target's names that it was met for: a table may have been corrected. */
  readonly #targets = new Map<string, readonly string[]>();
  /** A name → others whose intents it replaced; they must have left the live record before its own is complete. */
  readonly #replaced = new Map<string, Set<string>>();
  /** What look-ups said of those that the pending full state names. */
  readonly #resolutions = new Map<string, SureResolution>();
  /** Names that were pending without a target when they were looked at last. */
  readonly #unresolved = new Set<string>();

  constructor(members: Members) {
    this.#members = members;
  }

  /** Entries of all kinds. */
  get size(): number {
    return this.#names.size + this.#targets.size + this.#replaced.size + this.#resolutions.size + this.#unresolved.size;
  }

  /** From now on this name stands for the member of the target, too; or for one that is not known yet. */
  note({ member, target }: Pick<Intent, 'member' | 'target'>): void {
    if (target === null) {
      this.#unresolved.add(member);
      return;
    }
    const key = idKey(target);
    const known = this.#names.get(key) ?? [];
    if (known.includes(member)) return;
    this.#names.set(key, [...known, member]);
    this.#targets.set(member, [...(this.#targets.get(member) ?? []), key]);
  }

  /**
   * Drops names that are resolved by now, up to the first that is not. Answers whether there is one: a name that waits to be
   * resolved, or is given up, may mean any member of the target.
   */
  tidyUnresolved(): boolean {
    for (const name of this.#unresolved) {
      if (this.#members.get(name)?.pending?.target === null) return true;
      this.#unresolved.delete(name);
    }
    return false;
  }

  /** Nothing is known of this name any more, so it stands for no member. */
  forget(name: string): void {
    for (const target of this.#targets.get(name) ?? []) {
      const others = (this.#names.get(target) ?? []).filter((other) => other !== name);
      if (others.length > 0) this.#names.set(target, others);
      else this.#names.delete(target);
    }
    this.#targets.delete(name);
    this.#replaced.delete(name);
    this.#unresolved.delete(name);
    if (name === WHOLE_GROUP) this.#resolutions.clear();
  }

  /** Other names under which the same member of the target is pending. */
  pendingAs({ member, target }: Pick<Intent, 'member' | 'target'>): readonly string[] {
    const key = target === null ? null : idKey(target);
    const names = key === null ? undefined : this.#names.get(key);
    if (names === undefined) return [];
    return names.filter((name) => name !== member && idKey(this.#members.get(name)?.pending?.target ?? '') === key);
  }

  /** What another name has in the live record must have left it before the intent that replaced it is complete. */
  noteReplaced(by: string, name: string): void {
    this.#replaced.set(by, (this.#replaced.get(by) ?? new Set()).add(name));
  }

  get hasReplaced(): boolean {
    return this.#replaced.size > 0;
  }

  replacedBy(name: string): ReadonlySet<string> {
    return this.#replaced.get(name) ?? NONE;
  }

  /** All that it has replaced is complete. */
  endReplaced(name: string): void {
    this.#replaced.delete(name);
  }

  resolutionOf(name: string): SureResolution | undefined {
    return this.#resolutions.get(name);
  }

  get resolvedNames(): Iterable<string> {
    return this.#resolutions.keys();
  }

  noteResolution(name: string, resolution: SureResolution): void {
    this.#resolutions.set(name, resolution);
  }

  /** The full state that names them is worked out. */
  clearResolutions(): void {
    this.#resolutions.clear();
  }
}

const NONE: ReadonlySet<string> = new Set();
