/** How far each partition is passed on, and what of that has yet to be committed. */
import type { RelayCommit } from '../ports.ts';
import type { Item } from './items.ts';

export class Done {
  readonly #commits = new Map<number, RelayCommit>();

  clear(): void {
    this.#commits.clear();
  }

  /** These are acknowledged, and so are all before them in their partitions. */
  add(items: readonly Item[]): void {
    for (const { partition, last } of items) {
      if (last === null) continue;
      const timestamp = Math.max(last.timestamp, this.#commits.get(partition)?.timestamp ?? 0);
      this.#commits.set(partition, { partition, offset: last.offset + 1n, last, timestamp });
    }
  }

  uncommitted(): readonly RelayCommit[] {
    return [...this.#commits.values()];
  }

  /** Where more has been done meanwhile, that stays. */
  committed(commits: readonly RelayCommit[]): void {
    for (const commit of commits) {
      if (this.#commits.get(commit.partition) === commit) this.#commits.delete(commit.partition);
    }
  }
}
