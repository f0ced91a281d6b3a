/** What instances hold in memory when all is quiet: nothing but what live records keep, however much they have seen. */
import type { Sizes } from '../../../src/pipeline/sizes.ts';
import { Violation } from '../violation.ts';
import type { LiveView } from './live-view.ts';

/** Those of live records, and what the next sweep drops. */
const kept: ReadonlySet<string> = new Set(['groups', 'members', 'recordOrders', 'removals'] satisfies (keyof Sizes)[]);

/** @param sizes of all instances that run. Together they own every partition. */
export function checkMemory(sizes: readonly Sizes[], live: readonly LiveView[]): void {
  const left = sizes.flatMap((each) => Object.entries(each).filter(([name, size]) => size > 0 && !kept.has(name)));
  if (left.length > 0) fail(`left at rest: ${left.map(([name, size]) => `${size} ${name}`).join(', ')}`);
  const recorded = live.flatMap(({ groups }) => [...groups.values()].filter(({ intents }) => intents.size > 0));
  const sum = (sizeOf: (each: Sizes) => number): number => sizes.reduce((total, each) => total + sizeOf(each), 0);
  const groups = sum((each) => each.groups);
  if (groups !== recorded.length) fail(`${groups} groups in memory at rest, ${recorded.length} in live records`);
  const members = sum((each) => each.members);
  const intents = recorded.reduce((total, each) => total + each.intents.size, 0);
  if (members !== intents) fail(`${members} members in memory at rest, ${intents} in live records`);
  const orders = sum((each) => each.recordOrders);
  if (orders > groups) fail(`the order of ${orders} live records is kept, of ${groups} groups`);
}

function fail(detail: string): never {
  throw new Violation('bounded', detail);
}
