/** Which names of the source and of the target mean the same, of groups or of members. By `idKey`. */
import { idKey } from '../change/change.ts';

/** All names of one group, or of one member. */
export interface NamesOf {
  /** By the source; the one that was asked for, where nothing more is known. */
  readonly sources: ReadonlySet<string>;
  /** Every one, that of the target included. */
  readonly all: ReadonlySet<string>;
  /** As the target spells it; null: not known. */
  readonly target: string | null;
}

export class KnownNames {
  readonly #targets = new Map<string, string>();

  /** As a report, or the id map, says. */
  note(source: string, target: string): void {
    this.#targets.set(idKey(source), target);
  }

  /** null: not known. */
  targetOf(source: string): string | null {
    return this.#targets.get(idKey(source)) ?? null;
  }

  /** @param name by the source or by the target. */
  namesOf(name: string): NamesOf {
    const asked = idKey(name);
    const own = this.#targets.get(asked) ?? null;
    const isTarget = own === null && [...this.#targets.values()].some((target) => idKey(target) === asked);
    const target = own ?? (isTarget ? name : null);
    const sources = new Set(isTarget ? [] : [asked]);
    if (target !== null)
      for (const [source, other] of this.#targets) if (idKey(other) === idKey(target)) sources.add(source);
    return { sources, all: new Set([...sources, asked, ...(target === null ? [] : [idKey(target)])]), target };
  }
}
