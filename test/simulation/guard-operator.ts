/** An operator who approves, or refuses, what the removal guard holds: by the digest that he has read in the retry topic. */
import { headerOf, intentsOf, textOf } from '../oracle/live-records.ts';
import { topics } from './instance.ts';
import type { Event } from './script.ts';
import type { World } from './world.ts';
import { groupName } from './world.ts';

interface Seen {
  readonly partition: number;
  readonly digest: string | null;
}

export function decide(
  world: World,
  { kind, group, isOld }: Extract<Event, { readonly kind: 'approve' | 'reject' }>,
): void {
  const { settings, chance, counter, broker } = world;
  const seen = digestsOf(world, groupName(group % settings.groups));
  const newest = seen.at(-1);
  // What is held may have changed since.
  const old = seen.filter(({ digest }) => digest !== null && digest !== newest?.digest);
  const chosen = isOld === true && old.length > 0 ? chance.pick(old) : newest;
  if (chosen === undefined || chosen.digest === null) return;
  counter.count(`operator: ${kind}${chosen === newest ? 's what is held' : 's what was held before'}`);
  const key = `\u0000rollcall.request.${chance.uuid()}`;
  const value = JSON.stringify({ v: 1, digest: chosen.digest, author: 'operator' });
  const headers = [['rollcall-type', Buffer.from(kind)] as const];
  broker.append([{ topic: topics.retry, partition: chosen.partition, key, value, headers }]);
}

/** What its live records have held, as they lie there, one after the other. */
function digestsOf(world: World, group: string): readonly Seen[] {
  const records = world.records(topics.retry).filter(({ key }) => textOf(key) === group);
  return records
    .filter((record) => headerOf(record, 'rollcall-type') === 'pending')
    .map(({ value, partition }) => {
      const intents = value === null ? [] : intentsOf(group, value);
      return { partition, digest: intents.find(({ held }) => held !== null)?.held?.digest ?? null };
    });
}
