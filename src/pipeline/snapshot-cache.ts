/** Groups of the target as last seen, bounded by the member ids they hold in all. */
import { LRUCache } from 'lru-cache';
import type { Snapshot } from '../core/plan.ts';

export type SnapshotCache = LRUCache<string, Snapshot>;

export const newSnapshotCache = (membersMax: number): SnapshotCache =>
  new LRUCache<string, Snapshot>({ maxSize: membersMax, sizeCalculation: ({ members }) => members.size + 1 });
