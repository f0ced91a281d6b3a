/** A table of ids that all instances follow: users and groups have the same names on both sides, but for rows that are set. */
import { IdClaims } from '../../../src/core/ids/id-table.ts';
import type { SureResolution } from '../../../src/core/ids/resolution.ts';
import type { IdMap } from '../../../src/ports.ts';
import type { Host } from './host.ts';

/** Until the report of what was refused then is written. */
const JUST_BEFORE_MS = 30_000;

export class IdTable {
  readonly #users = new Map<string, string>();
  readonly #groups = new IdClaims();
  readonly #listeners: (() => void)[] = [];
  readonly #targets = new Map<string, string>();
  /** When a group last shared its target, ms of the history. */
  readonly #sharedAt = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** From now on the source's name means this user of the target. */
  setUser(user: string, target: string): void {
    this.#users.set(user, target);
    this.#changed();
  }

  /** From now on the source's group means this one of the target; two rows may name one for a while. */
  setGroup(group: string, target: string): void {
    for (const each of this.#targets.keys()) if (this.#isShared(each)) this.#sharedAt.set(each, this.#now());
    this.#targets.set(group, target);
    const row = { type: 'group', source_id: group, genesys_id: target };
    this.#groups.take(Buffer.from(group), Buffer.from(JSON.stringify(row)));
    this.#changed();
  }

  /** It shares its target now, or has done so just before. */
  wasShared(group: string): boolean {
    return this.#isShared(group) || this.#now() - (this.#sharedAt.get(group) ?? -Infinity) < JUST_BEFORE_MS;
  }

  #isShared(group: string): boolean {
    const own = this.#targets.get(group);
    return [...this.#targets].some(([other, target]) => other !== group && target === own);
  }

  for(host: Host): IdMap {
    const known = (kind: 'user' | 'group', id: string): SureResolution =>
      kind === 'group'
        ? this.#groups.resolve(kind, id)
        : { kind: 'found', id: this.#users.get(id) ?? id, isActive: true };
    return {
      known,
      lookUp: async (kind, id) => known(kind, id),
      onChange: (listener) => void this.#listeners.push(() => host.run(listener)),
      close: async () => undefined,
    };
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
