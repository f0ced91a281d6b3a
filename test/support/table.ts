import type { SureResolution } from '../../src/core/ids/resolution.ts';
import { rowsAbout, type IdRow } from '../../src/core/ids/id-table.ts';
import type { IdMap } from '../../src/ports.ts';

/** An id map that is a table, and can be written. */
export class Table implements IdMap {
  readonly rows = new Map<string, SureResolution>();
  #listener: () => void = () => undefined;

  set(kind: 'user' | 'group', id: string, target: string, isActive = true): this {
    this.rows.set(`${kind}/${id}`, { kind: 'found', id: target, isActive });
    this.#listener();
    return this;
  }

  known(kind: 'user' | 'group', id: string): SureResolution {
    return this.rows.get(`${kind}/${id}`) ?? { kind: 'unmapped' };
  }

  rowsAbout(kind: 'user' | 'group', name: string): readonly IdRow[] {
    const rows = [...this.rows].flatMap(([id, row]) =>
      id.startsWith(`${kind}/`) && row.kind === 'found'
        ? [{ sourceId: id.slice(kind.length + 1), target: row.id }]
        : [],
    );
    return rowsAbout(() => rows, name);
  }

  lookUp = async (kind: 'user' | 'group', id: string): Promise<SureResolution> => this.known(kind, id);
  close = async (): Promise<void> => undefined;

  onChange(listener: () => void): void {
    this.#listener = listener;
  }
}
