/** An operator who replays what is dead, and who has the source read again. */
import { rewound } from '../../src/core/log/rewind.ts';
import type { WantedIntent } from '../oracle/intents.ts';
import { placeText } from '../oracle/places.ts';
import { isFailure } from '../oracle/reports.ts';
import { topics } from './instance.ts';
import type { Event } from './script.ts';
import type { World } from './world.ts';

interface Request {
  readonly partition: number;
  readonly group: string;
  readonly dead: readonly Named[];
}

type Named = Pick<WantedIntent, 'name' | 'place'>;

export function replay(world: World, { by }: Extract<Event, { readonly kind: 'replay' }>): void {
  if (by === 'an old list') return world.replays.forEach((again) => again());
  for (const request of by === 'reports' ? reportedAsFailed(world) : markedAsDead(world)) send(world, request);
}

function markedAsDead({ topicOracle }: World): readonly Request[] {
  return [...topicOracle.live.entries()].flatMap(([partition, live]) =>
    [...live.groups].map(([group, { intents }]) => {
      const dead = [...intents.values()].filter((intent) => intent.dead !== null);
      return { partition, group, dead };
    }),
  );
}

/** As soon as a report is there, whether or not the live record says so yet. */
function reportedAsFailed({ knowledge }: World): readonly Request[] {
  return [...knowledge.finals.values()].flatMap(({ id, outcome }) => {
    if (!isFailure(outcome)) return [];
    const state = knowledge.states.get(id);
    const wanted = state === undefined ? knowledge.find(id) : { ...state, name: '' };
    return wanted === undefined ? [] : [{ partition: wanted.partition, group: wanted.group, dead: [wanted] }];
  });
}

function send(world: World, { partition, group, dead }: Request): void {
  if (dead.length === 0) return;
  world.counter.count('operator: woken', dead.length);
  const append = (): void => {
    const pending = dead.map(({ name, place }) => ({
      member: name === '' ? null : name,
      topic: topics.source,
      partition,
      offset: placeText(place),
    }));
    const key = `\u0000rollcall.request.${world.random.uuid()}`;
    const value = JSON.stringify({ v: 1, group, pending });
    const headers = [['rollcall-type', Buffer.from('replay')] as const];
    world.broker.append([{ topic: topics.retry, partition, key, value, headers }]);
  };
  world.replays.push(append);
  append();
}

/** As `rollcall rewind`, which the brokers refuse while the group has members. */
export function rewind(
  { broker, settings, counter }: World,
  { back }: Extract<Event, { readonly kind: 'rewind' }>,
): void {
  const group = broker.group('rollcall');
  if (group.memberIds.length > 0) return counter.count('operator: rewind refused');
  for (let partition = 0; partition < settings.partitions; partition++) {
    const { start } = broker.topic(topics.source).partition(partition);
    const { offset, metadata } = group.committed(partition);
    const since = offset === null || offset < BigInt(back) ? 0n : offset - BigInt(back);
    const move = rewound({ partition, offset, metadata, since, start }, { author: 'operator', reason: null, at: 0 });
    if (move === null) continue;
    counter.count('operator: rewound');
    group.commitWithoutMembers([{ partition, offset: move.to, metadata: move.metadata }]);
  }
}
