/**
 * What the live records of a partition say, as it is read up to the own fence: of each group the record that counts. Taken over
 * when the partition is loaded; what only a newer version understands stays, to be written again with each record.
 */
import type { Intent } from '../core/change/change.ts';
import type { FinalMark } from '../core/log/final-mark.ts';

/** What one live record says of its group. */
export interface RestoredRecord {
  readonly intents: readonly Intent[];
  readonly marks: readonly FinalMark[];
}

interface LiveState {
  readonly group: string;
  readonly intents: readonly Intent[];
  readonly finals?: readonly FinalMark[] | undefined;
  readonly foreign?: readonly unknown[] | undefined;
}

const NOTHING: readonly FinalMark[] = [];

export class RestoredRecords {
  readonly #records = new Map<string, RestoredRecord>();
  readonly #foreign = new Map<string, readonly unknown[]>();
  #recordedAt: ReadonlyMap<bigint, number> = new Map();

  /** Records, and timestamps of source records. */
  get size(): number {
    return this.#records.size + this.#recordedAt.size;
  }

  /** Another record of the group counts now. */
  take({ group, intents, finals, foreign }: LiveState): void {
    this.#records.set(group, { intents, marks: finals ?? NOTHING });
    if (foreign === undefined) this.#foreign.delete(group);
    else this.#foreign.set(group, foreign);
  }

  /** By the group, in any spelling. */
  get records(): ReadonlyMap<string, RestoredRecord> {
    return this.#records;
  }

  *intents(): Iterable<Intent> {
    for (const { intents } of this.#records.values()) yield* intents;
  }

  /** They are taken over. @param recordedAt offset → timestamp of the source records that the intents came from. */
  end(recordedAt: ReadonlyMap<bigint, number>): void {
    this.#records.clear();
    this.#recordedAt = recordedAt;
  }

  /** Of a source record that a restored intent came from; undefined: none did. */
  timestampAt(offset: bigint): number | undefined {
    return this.#recordedAt.get(offset);
  }

  /** The source is read beyond them. */
  forgetTimestamps(): void {
    this.#recordedAt = new Map();
  }

  /** Entries that only a newer version understands. */
  foreignOf(group: string): readonly unknown[] {
    return this.#foreign.get(group) ?? [];
  }

  get foreignGroups(): Iterable<string> {
    return this.#foreign.keys();
  }

  /** A live record of the group stands under another spelling of it. */
  takeOverForeign(group: string, key: string): void {
    const entries = this.#foreign.get(key);
    if (entries !== undefined) this.#foreign.set(group, [...this.foreignOf(group), ...entries]);
    this.#foreign.delete(key);
  }
}
