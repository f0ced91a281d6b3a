/** Groups of the target as last seen, bounded by the member ids they hold in all. */
import { LRUCache } from 'lru-cache';
import type { Snapshot } from '../core/target/plan.ts';
import type { Group } from './group.ts';

export type SnapshotCache = LRUCache<string, Snapshot>;

export const newSnapshotCache = (membersMax: number): SnapshotCache =>
  new LRUCache<string, Snapshot>({ maxSize: membersMax, sizeCalculation: ({ members }) => members.size + 1 });

/** By the target's name: under an id map a group may come to mean another one, and its snapshot must not. */
export const cacheKey = ({ id, target }: Pick<Group, 'id' | 'target'>): string => target ?? id;
