/** What instances hold in memory when all is quiet: nothing but what live records keep, however much they have seen. */
import type { Sizes } from '../../../src/pipeline/stats.ts';
import type { Settings } from '../settings.ts';
import type { LiveView } from './live-view.ts';

/** Those of live records, those whose writing has failed, and what the next sweep drops. */
const kept: ReadonlySet<string> = new Set([
  'digests',
  'groups',
  'members',
  'aliases',
  'ownRecords',
  'recordOrders',
  'removals',
  'unresolved',
] satisfies (keyof Sizes)[]);

/**
 * What is in memory and ought not to be.
 * @param sizes of all instances that run. Together they own every partition.
 */
export function leftAtRest(
  sizes: readonly Sizes[],
  live: readonly LiveView[],
  { retryRecordMaxBytes }: Pick<Settings, 'retryRecordMaxBytes'>,
): readonly string[] {
  const left = sizes.flatMap((each) => Object.entries(each).filter(([name, size]) => size > 0 && !kept.has(name)));
  const found = left.map(([name, size]) => `left at rest: ${size} ${name}`);
  const recorded = live.flatMap(({ groups }) => [...groups.values()].filter(({ intents }) => intents.size > 0));
  const sum = (sizeOf: (each: Sizes) => number): number => sizes.reduce((total, each) => total + sizeOf(each), 0);
  const groups = sum((each) => each.groups);
  if (groups !== recorded.length) found.push(`${groups} groups in memory at rest, ${recorded.length} in live records`);
  const members = sum((each) => each.members);
  const intents = recorded.reduce((total, each) => total + each.intents.size, 0);
  if (members !== intents) found.push(`${members} members in memory at rest, ${intents} in live records`);
  const all = live.flatMap((each) => [...each.groups.values()]);
  // Each of its names at the target that it was met under, both ways.
  const names = 4 * intents + all.reduce((total, { marks }) => total + marks, 0);
  if (sum((each) => each.aliases) > names) found.push('names of members are left that no live record holds');
  const orders = sum((each) => each.recordOrders);
  const named = all.filter(({ names }) => names > 0);
  const inRecords = recorded.length + named.filter(({ intents }) => intents.size === 0).length;
  if (orders > inRecords) found.push(`the order of ${orders} live records is kept, of ${inRecords} groups`);
  const waiting = recorded.filter(({ intents }) => [...intents.values()].some(({ isOfState }) => isOfState));
  const unresolved = waiting.length + named.reduce((total, { names }) => total + names, 0);
  // Where a record has no room, memory alone keeps the names.
  const isRecorded = retryRecordMaxBytes >= 1_000_000;
  if (isRecorded && sum((each) => each.unresolved) > unresolved)
    found.push(`more unknown members than the ${unresolved} in live records`);
  return found;
}
