/** An operator who pauses everything or a group, resumes it, or lets a group go ahead: by a request to each partition. */
import { topics } from './instance.ts';
import type { Event } from './script.ts';
import type { World } from './world.ts';
import { groupName } from './world.ts';

type Asked = Extract<Event, { readonly kind: 'pause' | 'resume' | 'apply_now' }>;

export function askForPause(world: World, { kind, group }: Pick<Asked, 'kind' | 'group'>): void {
  const { settings, random, broker, counter, timeline } = world;
  // By then everything was resumed.
  if (kind === 'pause' && timeline.now >= settings.durationMs) return;
  const name = group === null ? null : groupName(group % settings.groups);
  counter.count(`operator: ${kind} of ${name === null ? 'all' : 'a group'}`);
  const reason = kind === 'apply_now' ? {} : { reason: kind === 'pause' ? 'r' : null };
  for (let partition = 0; partition < settings.partitions; partition++) {
    const key = `\u0000rollcall.request.${random.uuid()}`;
    const value = JSON.stringify({ v: 1, group: name, author: `operator-${counter.counts.size}`, ...reason });
    broker.append([{ topic: topics.retry, partition, key, value, headers: [['rollcall-type', Buffer.from(kind)]] }]);
  }
  world.look();
}

/** So that everything can come to rest. */
export function resumeAll(world: World): void {
  if (!world.topicOracle.pauses.isUsed) return;
  askForPause(world, { kind: 'resume', group: null });
  for (let group = 0; group < world.settings.groups; group++) askForPause(world, { kind: 'resume', group });
}
