/** An index of topics of the memory log, for one command. */
import type { RecordIndex } from '../../src/adapters/record-index/record-index.ts';
import type { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { openRecordIndex } from '../../src/console/indexing.ts';
import { native } from '../../src/formats/native/native.ts';
import type { LogTools } from '../../src/ports.ts';
import type { TestContext } from './command-context.ts';

interface Indexed {
  readonly broker: MemoryBroker;
  readonly tools: LogTools;
  readonly topics: { readonly source: string; readonly report: string };
  readonly context: TestContext;
  readonly formatConfig?: unknown;
}

/** Brought up to date. */
export const anIndex = (
  folder: string,
  { broker, formatConfig = 'native', ...sources }: Indexed,
): Promise<RecordIndex> =>
  openRecordIndex(folder, {
    ...sources,
    format: native,
    formatConfig,
    bounds: async (topic, partitions) =>
      new Map(partitions.map((partition) => [partition, broker.topic(topic).partition(partition)])),
  });
