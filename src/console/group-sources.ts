/** Opens what is read of groups: the topics, the target and the id map. */
import type { KafkaLogTools } from '../adapters/kafka/tools.ts';
import type { Config } from '../config/config.ts';
import type { Part } from '../config/variables.ts';
import type { SourceFormat } from '../core/change/change.ts';
import type { Need } from '../core/log/authorization.ts';
import type { TopicNames } from '../core/log/topics.ts';
import type { GroupApi, IdMap, LogTools } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import { commandLog, withLogTools } from './kafka-tools.ts';
import { openSourceTopicFormat } from './source-format.ts';
import { openIdMap } from './id-map.ts';
import type { LookSources } from './source-look.ts';
import { withTarget } from './target.ts';
import type { ReadingSources } from './topic-reading.ts';

const PARTS = ['format', 'ids', 'genesys'] as const;

export interface GroupSources extends Pick<ReadingSources, 'bounds'> {
  readonly tools: LogTools;
  readonly topics: TopicNames;
  readonly format: SourceFormat;
  /** By partition of the source, the next offset of the consumer group. */
  readonly committed: () => Promise<ReadonlyMap<number, bigint>>;
  /** By partition, the offset of the oldest record that is left. */
  readonly starts: (topic: string, partitions: readonly number[]) => Promise<ReadonlyMap<number, bigint>>;
  /** Of a topic; null: the brokers do not say. */
  readonly topicId: (topic: string) => Promise<string | null>;
  readonly api: GroupApi;
  /** null: the source has the target's own ids. */
  readonly ids: IdMap | null;
  readonly context: CommandContext;
}

type OpenConfig<P extends Part> = Config<'kafka' | 'topics' | (typeof PARTS)[number] | P>;

/** How far the consumer group has come, and where topics begin and end. */
export function placesIn(
  tools: KafkaLogTools,
  { topics, kafka }: Config<'kafka' | 'topics'>,
): Pick<GroupSources, 'committed' | 'starts' | 'bounds' | 'topicId'> & Pick<LookSources, 'timestampsAt'> {
  const bounds: GroupSources['bounds'] = async (topic, partitions) =>
    new Map((await tools.boundsOfAll(topic, partitions)).map((each) => [each.partition, each]));
  return {
    committed: () => tools.committedOffsets(kafka.groupId, topics.source),
    starts: async (topic, partitions) =>
      new Map([...(await bounds(topic, partitions))].map(([partition, { start }]) => [partition, start])),
    bounds,
    timestampsAt: (topic, from) => tools.timestampsAt(topic, from),
    topicId: (topic) => tools.topicId(topic),
  };
}

type OpenSources = GroupSources & Pick<LookSources, 'timestampsAt'> & { readonly tools: KafkaLogTools };

/** @param parts beside those that are opened here. @param needs what is named where Kafka does not permit the work. */
export async function withGroupSources<P extends Part>(
  context: CommandContext,
  parts: readonly P[],
  work: (sources: OpenSources, config: OpenConfig<P>) => Promise<void>,
  needs: (topics: TopicNames, groupId: string) => readonly Need[],
): Promise<void> {
  await withLogTools(
    context,
    [...PARTS, ...parts],
    async (config: OpenConfig<P>, tools) => {
      const logger = commandLog(context, config);
      const format = await openSourceTopicFormat(config.format);
      const { topics } = config;
      const places = placesIn(tools, config);
      await withTarget({ context, config, logger }, async (api) => {
        const { ids, close } = await openIdMap(config, { context, api, logger });
        try {
          await work({ tools, topics, format, ...places, api, ids, context }, config);
        } finally {
          await close();
        }
      });
    },
    ({ topics, kafka }) => needs(topics, kafka.groupId),
  );
}
