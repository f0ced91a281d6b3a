/** Which part of a topic is read, and how far that is. */

export interface ReadRange {
  /** `end`: only what is written from now on. `since`: from the first record on with this timestamp (epoch ms) or a later one. */
  readonly from: 'beginning' | 'end' | { readonly since: number };
  /** Absent: all. */
  readonly partitions?: readonly number[];
}

/** Offsets of all partitions that are read, holes included. */
export interface ReadProgress {
  readonly passed: number;
  readonly total: number;
}
