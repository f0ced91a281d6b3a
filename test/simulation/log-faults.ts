/** What a history does to the log itself: to the offsets of its consumer group, to its source, to what its topics take. */
import type { SaltedRandom } from '../support/random.ts';
import { topics } from './instance.ts';
import type { World } from './world.ts';

export type LogFault =
  /** The coordinator moves to a broker that lags behind: commits, and perhaps generations, go back. */
  | { readonly kind: 'fall_back'; readonly commits: number; readonly generations: number }
  /** A transaction of the source is aborted or ends: its offsets hold no record for readers. */
  | { readonly kind: 'abort'; readonly partition: number; readonly count: number }
  /** Retention deletes what is committed, and so many records behind it. */
  | { readonly kind: 'delete_head'; readonly partition: number; readonly unread: number }
  /** The topic is compacted for a while, so it refuses records without a key however often they are sent. */
  | { readonly kind: 'compact_output'; readonly topic: 'report' | 'deadLetter'; readonly forMs: number };

export function drawLogFault(random: SaltedRandom, kind: LogFault['kind']): LogFault {
  const partition = random.int(0, 2);
  switch (kind) {
    case 'fall_back':
      return { kind, commits: random.int(0, 6), generations: random.pick([0, 0, 1, 3]) };
    case 'abort':
      return { kind, partition, count: random.int(1, 3) };
    case 'delete_head':
      return { kind, partition, unread: 0 };
    case 'compact_output':
      return { kind, topic: random.pick(['report', 'deadLetter']), forMs: random.pick([3_000, 20_000]) };
  }
}

/** A partition beyond the last one is the first one. */
export function applyLogFault(world: World, fault: LogFault): void {
  const { broker, settings, timeline } = world;
  world.look();
  switch (fault.kind) {
    case 'fall_back':
      return fallBack(world, fault);
    case 'abort':
      return broker.skipOffsets(topics.source, fault.partition % settings.partitions, fault.count);
    case 'delete_head':
      return deleteHead(world, fault);
    case 'compact_output': {
      const topic = broker.topic(topics[fault.topic]);
      topic.alter('cleanup.policy', 'compact');
      return void timeline.after(fault.forMs, () => topic.alter('cleanup.policy', 'delete'));
    }
  }
}

/** At least the first generation, and the first commit, stay: all of them gone is a group that is recreated. */
function fallBack(
  { broker, commits }: World,
  { commits: back, generations }: Extract<LogFault, { readonly kind: 'fall_back' }>,
): void {
  const group = broker.group('rollcall');
  const older = commits.flatMap((own) => own[Math.max(0, own.length - 1 - back)] ?? []);
  group.fallBack({ generation: Math.max(1, group.generation - generations), commits: older });
}

function deleteHead(world: World, { partition, unread }: Extract<LogFault, { readonly kind: 'delete_head' }>): void {
  const number = partition % world.settings.partitions;
  const committed = world.broker.group('rollcall').committed(number).offset ?? 0n;
  const end = world.sourceEnd(number);
  const start = committed + BigInt(unread) < end ? committed + BigInt(unread) : end;
  if (start > committed) world.lose(number, committed, start);
  world.broker.deleteRecordsBefore(topics.source, number, start);
}
