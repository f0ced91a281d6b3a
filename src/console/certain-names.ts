/** What names of the source certainly mean at the target now. An id map that looks up is asked, so that no older answer counts. */
import { idKey, isSameId } from '../core/change/change.ts';
import type { IdKind } from '../core/ids/resolution.ts';
import type { IdMap } from '../ports.ts';
import type { GroupReader } from './drift.ts';

export class CertainNames {
  readonly #ids: IdMap | null;
  readonly #target: Pick<GroupReader, 'lookUp'>;
  /** By kind and `idKey`; null: there is no certain answer. */
  readonly #found = new Map<string, string | null>();

  /** @param ids null: both sides have the same ids. @param target at whose pace it is asked */
  constructor(ids: IdMap | null, target: Pick<GroupReader, 'lookUp'>) {
    this.#ids = ids;
    this.#target = target;
  }

  /** @returns false: it was asked to stop before all were known */
  async ask(kind: IdKind, names: Iterable<string>): Promise<boolean> {
    if (this.#ids === null) return true;
    for (const name of names) {
      const resolution = this.#ids.known(kind, name) ?? (await this.#target.lookUp(this.#ids, kind, name));
      if (resolution === null) return false;
      this.#found.set(keyOf(kind, name), resolution.kind === 'found' ? resolution.id : null);
    }
    return true;
  }

  /** A name that was not asked for passes. @param target as the target names it */
  isNamed(kind: IdKind, name: string, target: string): boolean {
    if (this.#ids === null) return isSameId(name, target);
    const found = this.#found.get(keyOf(kind, name));
    return found === undefined || (found !== null && isSameId(found, target));
  }
}

const keyOf = (kind: IdKind, name: string): string => `${kind}/${idKey(name)}`;
