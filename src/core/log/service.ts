/** Which service a running instance belongs to: instances of one consumer group and source topic share its work. */
import { z } from 'zod';

export const ServiceNames = z.object({
  consumer_group: z.string().meta({ description: 'KAFKA_GROUP_ID; of a shadow with `-shadow`' }),
  source_topic: z.string().meta({ description: 'SOURCE_TOPIC' }),
});

export type ServiceNames = z.infer<typeof ServiceNames>;

export const isSameService = (one: ServiceNames, other: ServiceNames): boolean =>
  one.consumer_group === other.consumer_group && one.source_topic === other.source_topic;
