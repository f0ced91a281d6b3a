/**
 * Reads what `rollcall status` shows: running instances by their admin servers, and Kafka for offsets, the consumer group, and what
 * waits where no instance answers.
 */
import { askStatus, type Instance } from '../adapters/admin-client.ts';
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import type { KafkaLogTools } from '../adapters/kafka/tools.ts';
import { earlier, noneWaits, noteAge, standing } from '../core/change/pending.ts';
import {
  overviewOf,
  ownersIn,
  type KafkaFacts,
  type Overview,
  type PartitionFacts,
  type WaitingFacts,
} from '../core/status/overview.ts';
import type { TopicNames } from '../core/log/topics.ts';
import type { LogTools } from '../ports.ts';
import { unlessStopped, type CommandContext } from './command-context.ts';
import { existingTopic } from './kafka-tools.ts';
import { findWaiting, type WaitingIntent } from './retry-topic.ts';

type OffsetTools = Pick<KafkaLogTools, 'committedOffsets' | 'boundsWhereLed' | 'timestampsAt' | 'consumerGroup'>;

export interface StatusSources {
  readonly tools: LogTools & OffsetTools;
  readonly topics: TopicNames;
  readonly groupId: string;
  readonly instances: readonly Instance[];
  readonly context: CommandContext;
}

export interface FoundStatus {
  readonly overview: Overview;
  /** Why Kafka could not be asked; null: it was. */
  readonly kafkaProblem: string | null;
}

/** @throws ExitError where the source topic is missing, Kafka refuses the credentials, or it was asked to stop. */
export async function readStatus(sources: StatusSources, withAffected: boolean): Promise<FoundStatus> {
  const { instances, context } = sources;
  const asking = instances.map((instance) => askStatus(instance, { withAffected }, context.clock));
  const replies = await unlessStopped(context, Promise.all(asking));
  try {
    const { kafka, committed } = await unlessStopped(context, readKafka(sources));
    const owners = ownersIn(replies);
    const unanswered = kafka.partitions.map(({ partition }) => partition).filter((partition) => !owners.has(partition));
    const waiting = await readWaiting(sources, unanswered, committed);
    return { overview: overviewOf({ kafka, replies, waiting }), kafkaProblem: null };
  } catch (error) {
    const { retriable, message } = explainKafkaError(error);
    const isAnswered = replies.some(({ answer }) => answer !== null);
    if (!retriable || !isAnswered) throw error;
    return { overview: overviewOf({ kafka: null, replies, waiting: new Map() }), kafkaProblem: message };
  }
}

interface KafkaRead {
  readonly kafka: KafkaFacts;
  /** By partition, where the consumer group goes on; a partition without a commit begins at its start. */
  readonly committed: ReadonlyMap<number, bigint>;
}

async function readKafka({ tools, topics, groupId, context }: StatusSources): Promise<KafkaRead> {
  const { source } = topics;
  const { partitionCount } = await existingTopic(source, { tools, context });
  // Committed offsets first: an end that is read later lies behind them.
  const committed = await tools.committedOffsets(groupId, source);
  const [bounds, group] = await Promise.all([tools.boundsWhereLed(source), tools.consumerGroup(groupId)]);
  const from = new Map([...bounds].map(([partition, { start }]) => [partition, committed.get(partition) ?? start]));
  const partitions = Array.from({ length: partitionCount }, (_, partition): PartitionFacts => {
    const [end, next] = [bounds.get(partition)?.end, from.get(partition)];
    return { partition, unfinished: end === undefined || next === undefined ? null : Math.max(0, Number(end - next)) };
  });
  const members = group.members.map(({ clientId, host, partitions: assigned }) => ({
    clientId,
    host,
    partitions: assigned.get(source) ?? [],
  }));
  return { kafka: { group: { state: group.state, members }, partitions }, committed: from };
}

/** What Kafka says of partitions that no instance has answered for. */
async function readWaiting(
  { tools, topics, context }: StatusSources,
  partitions: readonly number[],
  committed: ReadonlyMap<number, bigint>,
): Promise<ReadonlyMap<number, WaitingFacts>> {
  if (partitions.length === 0) return new Map();
  const from = new Map([...committed].filter(([partition]) => partitions.includes(partition)));
  const timestamps = await unlessStopped(context, tools.timestampsAt(topics.source, from));
  const found = await findWaiting({ topic: topics.retry, tools, context }, {}, partitions);
  const now = context.clock.now().wall;
  const facts = partitions.map((partition): [number, WaitingFacts] => {
    const waiting = found.filter(({ intent }) => intent.source.partition === partition);
    return [partition, factsOf(waiting, timestamps.get(partition) ?? null, now)];
  });
  return new Map(facts);
}

/** @param firstUnfinishedAt the timestamp of the first record that is not finished, epoch ms; null: there is none */
function factsOf(waiting: readonly WaitingIntent[], firstUnfinishedAt: number | null, now: number): WaitingFacts {
  const known = noneWaits();
  const counts = { unapplied: 0, held: 0, waiting: 0, dead: 0 };
  for (const { intent } of waiting) {
    noteAge(known, intent, now);
    counts[standing(intent, now)] += 1;
  }
  const oldest = { ...known, unapplied: earlier(known.unapplied, firstUnfinishedAt) };
  const { unapplied, held, waiting: slow, dead } = counts;
  return { parked: unapplied + held + slow, held, waiting: slow, dead, oldest };
}
