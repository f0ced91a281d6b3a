/** An index of topics of the memory log, for one command. */
import type { RecordIndex } from '../../src/adapters/record-index/record-index.ts';
import type { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { withRecordIndex, type IndexReading, type IndexSources } from '../../src/console/indexing.ts';
import { native } from '../../src/formats/native/native.ts';
import type { LogTools } from '../../src/ports.ts';
import type { TestContext } from './command-context.ts';

export interface Indexed {
  readonly broker: MemoryBroker;
  readonly tools: LogTools;
  readonly topics: { readonly source: string; readonly report: string };
  readonly context: TestContext;
  readonly format?: SourceFormat;
  readonly reading?: IndexReading;
}

export const topicIdIn = (broker: MemoryBroker) => async (topic: string) => broker.topic(topic).id;

export const boundsIn =
  (broker: MemoryBroker): IndexSources['bounds'] =>
  async (topic, partitions) =>
    new Map(partitions.map((partition) => [partition, broker.topic(topic).partition(partition)]));

/** Brought up to date. */
export const withAnIndex = <T>(
  folder: string,
  { broker, ...sources }: Indexed,
  work: (index: RecordIndex) => Promise<T>,
): Promise<T> =>
  withRecordIndex(
    folder,
    {
      format: native,
      reading: { format: 'native', reader: '1' },
      ...sources,
      topicId: topicIdIn(broker),
      bounds: boundsIn(broker),
    },
    work,
  );
