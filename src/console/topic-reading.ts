/** How far a topic is read that is read on again and again, each time to the ends that it has by then. */
import type { Unreadable } from '../core/drift/differences.ts';
import type { ReadProgress } from '../core/log/reading.ts';
import type { LogTools, TopicRecord } from '../ports.ts';
import { endIfStopped, readProgress, showProgress, type CommandContext } from './command-context.ts';
import { existingTopic } from './kafka-tools.ts';
import type { UnreadableRecords } from './unreadable-records.ts';

export interface Reading {
  readonly kind: Unreadable['topic'];
  readonly topic: string;
  /** Epoch ms: nothing older is needed. null: all is. */
  readonly since: number | null;
  /** null: not read yet. */
  partitionCount: number | null;
  partitions: readonly number[];
  /** By partition, what is read next. */
  readonly offsets: Map<number, bigint>;
}

export interface ReadingSources {
  readonly tools: LogTools;
  /** A reading ends with an error where `stop` aborts. */
  readonly context: Pick<CommandContext, 'stderr' | 'clock' | 'stop'>;
}

export const notRead = (kind: Unreadable['topic'], topic: string, since: number | null = null): Reading => ({
  kind,
  topic,
  since,
  partitionCount: null,
  partitions: [],
  offsets: new Map(),
});

/** @throws ExitError where the topic is missing. */
export async function openReading(reading: Reading, sources: ReadingSources): Promise<void> {
  const { partitionCount } = await existingTopic(reading.topic, sources);
  reading.partitionCount = partitionCount;
  reading.partitions = Array.from({ length: partitionCount }, (_, partition) => partition);
}

/** From where the last reading ended to the ends that there are now. @throws ExitError where it was asked to stop. */
export async function* readOn(
  reading: Reading,
  { tools, context }: ReadingSources,
  unreadable: Pick<UnreadableRecords, 'noteBatch'>,
): AsyncGenerator<TopicRecord> {
  const { kind, topic, since, partitions, offsets } = reading;
  let read: ReadProgress = { passed: 0, total: 0 };
  const onProgress = (progress: ReadProgress): void => void (read = progress);
  const end = showProgress(context.stderr, context.clock, () => readProgress(read, topic));
  const from = since !== null && offsets.size === 0 ? { since } : { offsets: new Map(offsets) };
  const options = { from, partitions, follow: false, signal: context.stop, unreadable: 'tell', onProgress } as const;
  try {
    for await (const record of tools.read(topic, options)) {
      const { partition, offset } = record;
      if (record.unreadable === undefined) yield record;
      else unreadable.noteBatch({ topic: kind, partition, offset, message: `${topic}: ${record.unreadable.message}` });
      // What could not be taken is read again.
      offsets.set(partition, offset + 1n);
    }
  } finally {
    end();
  }
  endIfStopped(context, `before the end of ${topic}`);
}
