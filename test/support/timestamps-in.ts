/** What Kafka's tools say of the times of records (`KafkaLogTools.timestampsAt`), over a memory log. */
import type { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import type { LookSources } from '../../src/console/source-look.ts';

export const timestampsIn =
  (broker: MemoryBroker): LookSources['timestampsAt'] =>
  async (topic, from) =>
    new Map(
      [...from].flatMap(([partition, offset]) => {
        const [first] = broker.topic(topic).partition(partition).read(offset, 1).records;
        return first === undefined ? [] : [[partition, first.timestamp]];
      }),
    );
