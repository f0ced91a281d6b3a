/** What the maps share that are tables, a file or a topic: why one cannot be opened, and groups that share a target. */
import type { GroupTargets } from '../../core/ids/id-table.ts';
import type { Logger } from '../../ports.ts';

/** The map cannot be opened; the message names what is wrong and its remedy. */
export class IdMapError extends Error {
  override readonly name = 'IdMapError';
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
