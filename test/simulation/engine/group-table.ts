/** A table of groups that all instances follow: rows may give two groups of the source one group of the target for a while. */
import { IdClaims } from '../../../src/core/id-claims.ts';
import type { SureResolution } from '../../../src/core/resolution.ts';
import type { IdMap } from '../../../src/ports.ts';
import type { Host } from './host.ts';

export class GroupTable {
  readonly #claims = new IdClaims();
  readonly #listeners: (() => void)[] = [];

  /** From now on the source's group means this one of the target. */
  set(group: string, target: string): void {
    const row = { type: 'group', source_id: group, genesys_id: target };
    this.#claims.take(Buffer.from(group), Buffer.from(JSON.stringify(row)));
    for (const listener of this.#listeners) listener();
  }

  /** Users have the same names on both sides. */
  for(host: Host): IdMap {
    const known = (kind: 'user' | 'group', id: string): SureResolution =>
      kind === 'group' ? this.#claims.resolve(kind, id) : { kind: 'found', id, isActive: true };
    return {
      known,
      lookUp: async (kind, id) => known(kind, id),
      onChange: (listener) => void this.#listeners.push(() => host.run(listener)),
      close: async () => undefined,
    };
  }
}
