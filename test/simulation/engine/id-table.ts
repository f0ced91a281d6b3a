/** A table of ids that all instances follow: users and groups have the same names on both sides, but for rows that are set. */
import { IdClaims } from '../../../src/core/id-claims.ts';
import type { SureResolution } from '../../../src/core/resolution.ts';
import type { IdMap } from '../../../src/ports.ts';
import type { Host } from './host.ts';

export class IdTable {
  readonly #users = new Map<string, string>();
  readonly #groups = new IdClaims();
  readonly #listeners: (() => void)[] = [];

  /** From now on the source's name means this user of the target. */
  setUser(user: string, target: string): void {
    this.#users.set(user, target);
    this.#changed();
  }

  /** From now on the source's group means this one of the target; two rows may name one for a while. */
  setGroup(group: string, target: string): void {
    const row = { type: 'group', source_id: group, genesys_id: target };
    this.#groups.take(Buffer.from(group), Buffer.from(JSON.stringify(row)));
    this.#changed();
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
