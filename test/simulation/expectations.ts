/** What directed scenarios expect at an instant. */
import { topics } from './instance.ts';
import { seatOf } from './oracle/knowledge.ts';
import { leftAtRest } from './oracle/memory-oracle.ts';
import type { Event } from './script.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';
import { groupName } from './world.ts';

/** What all instances hold together, and how many records there are. */
export interface Baseline {
  /** By name of the collection. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly live: number;
  readonly reports: number;
}

/** What a final report takes at most where nothing fails, and connections are slow at times. */
const USUAL_MS = 7_000;

export function expectFinal(world: World, { group, member }: Extract<Event, { readonly kind: 'expect_final' }>): void {
  world.look();
  const { knowledge, timeline } = world;
  const newest = knowledge.newest(seatOf({ group: groupName(group), member: world.nameOf(member) }));
  const since = knowledge.producedAt.get(newest?.id ?? '') ?? Infinity;
  if (newest !== undefined && timeline.now - since > USUAL_MS && !knowledge.isFinal(newest.id))
    throw new Violation('gets-on', `${newest.id} is not final yet`);
}

export function expectRest(world: World): void {
  world.look();
  const left = leftIn(world);
  if (left.length > 0) throw new Violation('bounded', left.join(', '));
}

/** What is in memory and ought not to be, when all is quiet. */
export function leftIn({ instances, topicOracle, settings }: World): readonly string[] {
  const running = instances.flatMap((instance) => instance ?? []);
  // One that is cut off may hold what it does not know that it has lost.
  if (running.some(({ link }) => link.isCut)) return [];
  const sizes = running.map(({ pipeline }) => pipeline.sizes());
  return leftAtRest(sizes, topicOracle.live, settings);
}

export function expectUnchanged(world: World, limits: Extract<Event, { readonly kind: 'expect_unchanged' }>): void {
  const now = baselineOf(world);
  const { baseline } = world;
  world.baseline ??= now;
  if (baseline === null) return;
  for (const [name, size] of now.sizes) {
    const before = baseline.sizes.get(name) ?? 0;
    if (size > before) throw new Violation('bounded', `nothing has come in, and ${before} ${name} have become ${size}`);
  }
  for (const kind of ['live', 'reports'] as const) {
    const written = now[kind] - baseline[kind];
    if (written > limits[kind])
      throw new Violation('bounded', `nothing has come in, and ${written} records were written: ${kind}`);
  }
}

function baselineOf(world: World): Baseline {
  const all = world.instances.flatMap((instance) => instance?.pipeline.sizes() ?? []);
  const sizes = new Map<string, number>();
  for (const [name, size] of all.flatMap((each) => Object.entries(each)))
    sizes.set(name, (sizes.get(name) ?? 0) + size);
  return { sizes, live: world.records(topics.retry).length, reports: world.records(topics.report).length };
}
