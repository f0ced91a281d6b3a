/** A Relay that a test feeds by hand, in memory: it hands batches to the handler and keeps what is committed. */
import type { LogRecord } from '../../src/ports.ts';
import type { Relay, RelayCommit, RelayHandler } from '../../src/ingest/ports.ts';

export class HandFedRelay implements Relay {
  readonly committed = new Map<number, RelayCommit>();
  readonly paused = new Set<number>();
  isOwner = true;
  /** So many of the next commits fail. */
  failingCommits = 0;
  readonly #next = new Map<number, bigint>();
  #handler: RelayHandler | undefined;

  join(handler: RelayHandler): void {
    this.#handler = handler;
  }

  /** A new assignment; partition → what was committed, and from where on it is read. */
  assign(...partitions: readonly { readonly from?: number; readonly committed?: number }[]): void {
    this.#taken().assigned(
      partitions.map(({ from = 0, committed = from }, partition) => {
        this.#next.set(partition, BigInt(from));
        return { partition, from: BigInt(from), committed: BigInt(committed) };
      }),
    );
  }

  /** The next records of a partition. @param left how many more there are to read after them */
  feed(partition: number, records: readonly Partial<LogRecord>[], left = 0): 'taken' | 'declined' {
    const from = this.#next.get(partition) ?? 0n;
    const nextOffset = from + BigInt(records.length);
    const whole = records.map((record, index) => ({
      key: null,
      value: null,
      headers: [],
      timestamp: 0,
      ...record,
      offset: from + BigInt(index),
    }));
    const batch = { partition, records: whole, nextOffset, endOffset: nextOffset + BigInt(left) };
    const verdict = this.paused.has(partition) ? 'declined' : this.#taken().records(batch);
    if (verdict === 'taken') this.#next.set(partition, nextOffset);
    return verdict;
  }

  lose(): void {
    this.#taken().lost('a test');
  }

  pause(partition: number): void {
    this.paused.add(partition);
  }

  resume(partition: number): void {
    this.paused.delete(partition);
  }

  holdsLease(): boolean {
    return this.isOwner;
  }

  async commit(commits: readonly RelayCommit[]): Promise<void> {
    if (this.failingCommits > 0) {
      this.failingCommits -= 1;
      throw new Error('REBALANCE_IN_PROGRESS');
    }
    for (const commit of commits) this.committed.set(commit.partition, commit);
  }

  async leave(): Promise<void> {
    return;
  }

  #taken(): RelayHandler {
    if (this.#handler === undefined) throw new Error('no member has joined');
    return this.#handler;
  }
}
