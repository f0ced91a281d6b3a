/**
 * Reads what `rollcall status` shows: Kafka for offsets, the consumer group, and what waits where no instance answers; running
 * instances by their admin servers.
 */
import { askStatus, type Instance } from '../adapters/admin-client.ts';
import type { KafkaLogTools } from '../adapters/kafka/tools.ts';
import { decodeCommit } from '../core/log/commit-metadata.ts';
import { NO_PAUSES } from '../core/log/pause-record.ts';
import type { TopicNames } from '../core/log/topics.ts';
import {
  firstUnfinished,
  overviewOf,
  ownersIn,
  waitingFacts,
  type KafkaFacts,
  type Overview,
  type PartitionFacts,
  type Reply,
  type WaitingFacts,
} from '../core/status/overview.ts';
import type { LogTools } from '../ports.ts';
import { within } from '../time.ts';
import { unlessStopped, type CommandContext } from './command-context.ts';
import { existingTopic } from './kafka-tools.ts';
import { readRetryTopic } from './retry-topic.ts';

type OffsetTools = Pick<KafkaLogTools, 'committedIn' | 'boundsWhereLed' | 'timestampsAt' | 'consumerGroup'>;

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
  readonly kafkaError: unknown;
}

/** One broker after the other may be tried for 30 s. */
const KAFKA_LIMIT_MS = 10_000;
/** The retry topic is read from its beginning: not at each look. */
const WAITING_FRESH_MS = 30_000;

export class StatusReader {
  readonly #sources: StatusSources;
  #waiting: { readonly of: string; readonly at: number; readonly facts: ReadonlyMap<number, WaitingFacts> } | null =
    null;

  constructor(sources: StatusSources) {
    this.#sources = sources;
  }

  /** Kafka first: of what it says, instances know at least as much. @throws ExitError where it was asked to stop. */
  async read(withAffected: boolean): Promise<FoundStatus> {
    const { instances, context } = this.#sources;
    const asked = await unlessStopped(context, this.#kafka());
    const asking = instances.map((instance) => askStatus(instance, { withAffected }, context.clock));
    const replies = await unlessStopped(context, Promise.all(asking));
    if (asked.kafka === null)
      return { overview: overviewOf({ kafka: null, replies, waiting: new Map() }), kafkaError: asked.error };
    const { kafka } = asked;
    try {
      const waiting = await unlessStopped(context, this.#waitingIn(kafka, replies));
      return { overview: overviewOf({ kafka, replies, waiting }), kafkaError: null };
    } catch (error) {
      return { overview: overviewOf({ kafka, replies, waiting: new Map() }), kafkaError: error };
    }
  }

  async #kafka(): Promise<{ readonly kafka: KafkaFacts } | { readonly kafka: null; readonly error: unknown }> {
    try {
      const read = await within(this.#sources.context.clock, KAFKA_LIMIT_MS, readKafka(this.#sources));
      if (read === 'timed_out')
        throw Object.assign(new Error(`no answer within ${KAFKA_LIMIT_MS / 1000} s`), { code: 'ETIMEDOUT' });
      return { kafka: read };
    } catch (error) {
      return { kafka: null, error };
    }
  }

  async #waitingIn(kafka: KafkaFacts, replies: readonly Reply[]): Promise<ReadonlyMap<number, WaitingFacts>> {
    const owners = ownersIn(replies, kafka.group);
    const unanswered = kafka.partitions.filter(({ partition }) => !owners.has(partition));
    const of = unanswered.map(({ partition }) => partition).join();
    const { monotonic } = this.#sources.context.clock.now();
    const known = this.#waiting;
    if (known !== null && known.of === of && monotonic - known.at < WAITING_FRESH_MS) return known.facts;
    const facts = await readWaiting(this.#sources, unanswered);
    this.#waiting = { of, at: monotonic, facts };
    return facts;
  }
}

async function readKafka({ tools, topics, groupId, context }: StatusSources): Promise<KafkaFacts> {
  const { source } = topics;
  const { partitionCount } = await existingTopic(source, { tools, context });
  // Committed offsets first: an end that is read later lies behind them.
  const committed = await tools.committedIn(groupId, source);
  const [bounds, group] = await Promise.all([tools.boundsWhereLed(source), tools.consumerGroup(groupId)]);
  const partitions = Array.from({ length: partitionCount }, (_, partition) => {
    const { offset = null, metadata = '' } = committed.get(partition) ?? {};
    const rewound = offset === null ? null : (decodeCommit(offset, metadata).mark.rewound ?? null);
    return { partition, bounds: bounds.get(partition) ?? null, committed: offset, rewound };
  });
  const members = group.members.map(({ partitions: assigned, ...member }) => ({
    ...member,
    partitions: assigned.get(source) ?? [],
  }));
  return { group: { state: group.state, members }, partitions };
}

/** Of a partition whose retry partition has no leader nothing is known. */
async function readWaiting(
  { tools, topics, context }: StatusSources,
  partitions: readonly PartitionFacts[],
): Promise<ReadonlyMap<number, WaitingFacts>> {
  if (partitions.length === 0) return new Map();
  const from = new Map(
    partitions.flatMap((facts): [number, bigint][] => {
      const offset = firstUnfinished(facts);
      return offset === null ? [] : [[facts.partition, offset]];
    }),
  );
  const timestamps = await tools.timestampsAt(topics.source, from);
  const led = await tools.boundsWhereLed(topics.retry);
  const readable = partitions.map(({ partition }) => partition).filter((partition) => led.has(partition));
  const view = await readRetryTopic({ topic: topics.retry, tools, context }, readable);
  const now = context.clock.now().wall;
  return new Map(
    readable.map((partition): [number, WaitingFacts] => {
      const { groups, pauses = NO_PAUSES } = view.partitions.get(partition) ?? {};
      const intents = [...(groups?.values() ?? [])].flatMap((waiting) => waiting.map(({ intent }) => intent));
      return [partition, waitingFacts(intents, { firstUnfinishedAt: timestamps.get(partition) ?? null, pauses, now })];
    }),
  );
}
