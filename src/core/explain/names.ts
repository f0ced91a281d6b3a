/** Which names of the source and of the target mean the same, of groups or of members. By `idKey`. */
import { idKey } from '../change/change.ts';

/** All names of one group, or of one member. */
export interface NamesOf {
  /** By the source; the one that was asked for, where nothing more is known. */
  readonly sources: ReadonlySet<string>;
  /** Every one, that of the target included, unless the source means another one by that. */
  readonly all: ReadonlySet<string>;
  /** As the target spells it; null: not known. */
  readonly target: string | null;
}

export class KnownNames {
  readonly #targets = new Map<string, string>();
  /** Target → sources: a group may have 100,000 members. */
  readonly #sources = new Map<string, Set<string>>();
  /** By source, of those that were noted with a time. */
  readonly #times = new Map<string, number>();

  /**
   * As a report, or the id map, says.
   * @param at when; what was said before does not count beside it. Absent: what is noted last counts
   */
  note(source: string, target: string, at?: number): void {
    const name = idKey(source);
    if (at !== undefined) {
      if (at < (this.#times.get(name) ?? -Infinity)) return;
      this.#times.set(name, at);
    }
    const former = this.#targets.get(name);
    if (former !== undefined) this.#sources.get(idKey(former))?.delete(name);
    this.#targets.set(name, target);
    const sources = this.#sources.get(idKey(target)) ?? new Set();
    this.#sources.set(idKey(target), sources.add(name));
  }

  /** About so much memory they take. */
  get keptBytes(): number {
    return this.#targets.size * NAME_BYTES;
  }

  /** null: not known. */
  targetOf(source: string): string | null {
    return this.#targets.get(idKey(source)) ?? null;
  }

  /** @param name by the source or by the target. */
  namesOf(name: string): NamesOf {
    const asked = idKey(name);
    const own = this.#targets.get(asked) ?? null;
    const isTarget = own === null && (this.#sources.get(asked)?.size ?? 0) > 0;
    const target = own ?? (isTarget ? name : null);
    const known = target === null ? [] : (this.#sources.get(idKey(target)) ?? []);
    const sources = new Set([...(isTarget ? [] : [asked]), ...known]);
    const all = new Set([...sources, asked]);
    if (target !== null && this.#isFree(target)) all.add(idKey(target));
    return { sources, all, target };
  }

  /** Those of the source that mean the target's own `name`, where the source means another one by it; empty: it does not. */
  otherMeaningOf(name: string): readonly string[] {
    return this.#isFree(name) ? [] : [...(this.#sources.get(idKey(name)) ?? [])].toSorted();
  }

  /** The source means no other one by this name of the target. */
  #isFree(target: string): boolean {
    const meant = this.#targets.get(idKey(target));
    return meant === undefined || idKey(meant) === idKey(target);
  }
}

/** Of a name of the source, with that of the target. */
const NAME_BYTES = 320;
