/**
 * What look-ups by name found for the groups of the source, and which of them has a group of the target that look-ups
 * find for several: the one that was met first, until it is not used for an hour, or its look-up finds another group or
 * none. The full states of two groups would undo each other, so the changes of the others wait, and are shown in the
 * log and by `doctor`.
 */
import { idKey } from '../../core/change/id-key.ts';
import type { GroupTargets } from '../../core/ids/id-table.ts';
import type { Logger } from '../../ports.ts';
import { ExpiringCache } from './asking.ts';

export interface FoundGroup {
  readonly id: string;
  /** The name that the target returned with it. */
  readonly displayName: string;
}

export class GroupClaims {
  readonly #keepMs: number;
  /** By the source's name. */
  readonly #found: ExpiringCache<FoundGroup>;
  /** By `idKey` of the target: the source's name that has it. */
  readonly #owners: ExpiringCache<string>;

  /** Each claim is kept for `keepMs` after its last use. */
  constructor(claimsMax: number, keepMs: number) {
    this.#keepMs = keepMs;
    this.#found = new ExpiringCache(claimsMax);
    this.#owners = new ExpiringCache(claimsMax);
  }

  get size(): number {
    return Math.max(this.#found.size, this.#owners.size);
  }

  /** A look-up has found the group for this name. `now` in monotonic ms. @returns the other name that has it; null: none. */
  claim(name: string, group: FoundGroup, now: number): string | null {
    const target = idKey(group.id);
    if (this.#targetOf(name, now) !== target) this.release(name, now);
    const owner = this.#owners.get(target, now);
    if (owner !== null && owner !== name && this.#targetOf(owner, now) === target) return owner;
    this.#keep(name, group, now);
    return null;
  }

  /** What the name has; that counts as a use of it. null: nothing. */
  use(name: string, now: number): FoundGroup | null {
    const group = this.#found.get(name, now);
    if (group !== null) this.#keep(name, group, now);
    return group;
  }

  /** The name has no group any more, or another one. */
  release(name: string, now: number): void {
    const target = this.#targetOf(name, now);
    if (target !== null && this.#owners.get(target, now) === name) this.#owners.delete(target);
    this.#found.delete(name);
  }

  #targetOf(name: string, now: number): string | null {
    const group = this.#found.get(name, now);
    return group === null ? null : idKey(group.id);
  }

  #keep(name: string, group: FoundGroup, now: number): void {
    this.#found.set(name, group, now + this.#keepMs);
    this.#owners.set(idKey(group.id), name, now + this.#keepMs);
  }
}

export type SharedTargets = ReturnType<GroupTargets['shared']>;

const NAMED_MAX = 10;

interface Shared {
  readonly target: string;
  readonly sourceIds: readonly string[];
}

/** A few of them, so that a table that is wrong as a whole does not fill the log. */
export function firstShared(shared: SharedTargets): readonly Shared[] {
  const first: Shared[] = [];
  for (const { target, sourceIds } of shared) {
    if (first.length === NAMED_MAX) break;
    first.push({ target, sourceIds: sourceIds.slice(0, NAMED_MAX) });
  }
  return first;
}

/** Warns of each target once for as long as it is shared. */
export class SharedTargetWarnings {
  readonly #where: object;
  readonly #logger: Logger;
  #warned: ReadonlySet<string> = new Set();

  /** @param where fields that name the table: its path or topic. */
  constructor(where: object, logger: Logger) {
    this.#where = where;
    this.#logger = logger;
  }

  /** @param shared as the table says now. */
  warn(shared: SharedTargets): void {
    const first = firstShared(shared);
    for (const { target, sourceIds } of first) {
      if (this.#warned.has(target)) continue;
      this.#logger.warn(
        { ...this.#where, genesysId: target, groups: sourceIds },
        'several groups of the id table have one genesys_id: their changes wait until one of the rows is left',
      );
    }
    this.#warned = new Set(first.map(({ target }) => target));
  }
}
