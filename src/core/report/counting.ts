/**
 * What stands of changes while they are counted (breakdown.ts): in memory here, about 0.6 kB for each with its PATCHes; in a temporary
 * file where there is an index (adapters/record-index/counting.ts).
 */
import type { ReportRecord } from './report.ts';
import type { Standing } from './summary.ts';

/** Of the record that counts. */
export interface CountedChange extends Standing, Pick<ReportRecord, 'held_since'> {
  readonly outcome: string;
  readonly conflicts: number;
  readonly reason: string | null;
  readonly lagMs: number | null;
  readonly sourceGroup: string | null;
  readonly group: string | null;
  /** Numbers of those of all its records. */
  readonly patches: readonly number[];
}

export interface CountingStore {
  /** @param id of the operation */
  get(id: string): CountedChange | undefined;
  set(id: string, change: CountedChange): void;
  /** In any order. */
  changes(): Iterable<CountedChange>;
  /** The number of the PATCH with this id. Its time is the earliest that it is noted with, epoch ms. */
  notePatch(id: string, time: number): number;
  patchTime(patch: number): number;
  /** Empty ones; those before are gone. */
  tallies(): Tallies;
}

/** By the number of a row. */
export interface Tallies {
  addLag(row: number, lagMs: number): void;
  addRequest(row: number, patch: number): void;
  /** Of distinct ones. */
  requestCount(row: number): number;
  /** By nearest rank, in the order of the percents; null: there are none. */
  percentiles(row: number, percents: readonly number[]): readonly (number | null)[];
}

/** From 1 on; 0: there are none. */
export const nearestRank = (percent: number, count: number): number => Math.ceil((percent / 100) * count);

export class CountingInMemory implements CountingStore {
  readonly #changes = new Map<string, CountedChange>();
  /** By id, in the order of their numbers. */
  readonly #patches = new Map<string, number>();
  readonly #patchTimes: number[] = [];

  get(id: string): CountedChange | undefined {
    return this.#changes.get(id);
  }

  set(id: string, change: CountedChange): void {
    this.#changes.set(id, change);
  }

  changes(): Iterable<CountedChange> {
    return this.#changes.values();
  }

  notePatch(id: string, time: number): number {
    const number = this.#patches.get(id) ?? this.#patches.size;
    this.#patches.set(id, number);
    this.#patchTimes[number] = Math.min(this.#patchTimes[number] ?? time, time);
    return number;
  }

  patchTime(patch: number): number {
    return this.#patchTimes[patch] ?? 0;
  }

  tallies(): Tallies {
    return new TalliesInMemory();
  }
}

class TalliesInMemory implements Tallies {
  readonly #lagsMs = new Map<number, number[]>();
  readonly #requests = new Map<number, Set<number>>();

  addLag(row: number, lagMs: number): void {
    const lagsMs = this.#lagsMs.get(row);
    if (lagsMs === undefined) this.#lagsMs.set(row, [lagMs]);
    else lagsMs.push(lagMs);
  }

  addRequest(row: number, patch: number): void {
    const requests = this.#requests.get(row);
    if (requests === undefined) this.#requests.set(row, new Set([patch]));
    else requests.add(patch);
  }

  requestCount(row: number): number {
    return this.#requests.get(row)?.size ?? 0;
  }

  percentiles(row: number, percents: readonly number[]): readonly (number | null)[] {
    const lagsMs = Float64Array.from(this.#lagsMs.get(row) ?? []).toSorted();
    return percents.map((percent) => lagsMs[nearestRank(percent, lagsMs.length) - 1] ?? null);
  }
}
