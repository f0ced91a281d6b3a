/** A table of ids that all instances follow: everybody has the same name at the target, but for rows that are corrected. */
import type { SureResolution } from '../../../src/core/resolution.ts';
import type { IdMap } from '../../../src/ports.ts';
import type { Host } from './host.ts';

export class IdTable {
  readonly #users = new Map<string, string>();
  readonly #listeners: (() => void)[] = [];

  /** From now on the source's name means this user of the target. */
  correct(user: string, target: string): void {
    this.#users.set(user, target);
    for (const listener of this.#listeners) listener();
  }

  for(host: Host): IdMap {
    const known = (kind: 'user' | 'group', id: string): SureResolution => ({
      kind: 'found',
      id: (kind === 'user' ? this.#users.get(id) : null) ?? id,
      isActive: true,
    });
    return {
      known,
      lookUp: async (kind, id) => known(kind, id),
      onChange: (listener) => void this.#listeners.push(() => host.run(listener)),
      close: async () => undefined,
    };
  }
}
