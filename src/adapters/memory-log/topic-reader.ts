/** Reads every partition of a topic outside any consumer group, in chunks, so that other work has its turns between them. */
import type { ReadOptions, TopicRecord } from '../../ports.ts';
import type { MemoryTopic } from './memory-topic.ts';

const chunkRecordsMax = 500;

/** The ends are those of the call, not of the first record that is asked for. */
export function readTopic(topic: MemoryTopic, { from, follow, signal }: ReadOptions): AsyncIterable<TopicRecord> {
  const positions = Array.from({ length: topic.description.partitionCount }, (_, partition) => {
    const { start, end } = topic.partition(partition);
    return { partition, position: from === 'end' ? end : start, until: follow ? null : end };
  });
  return readFrom(topic, positions, signal);
}

interface Position {
  readonly partition: number;
  position: bigint;
  readonly until: bigint | null;
}

async function* readFrom(
  topic: MemoryTopic,
  positions: readonly Position[],
  signal: AbortSignal,
): AsyncGenerator<TopicRecord> {
  while (!signal.aborted) {
    const changed = changeOf(topic, signal);
    const chunk = positions.flatMap((cursor) => nextChunk(topic, cursor));
    for (const record of chunk) {
      if (signal.aborted) return;
      yield record;
    }
    if (chunk.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    else if (positions.some(({ until }) => until === null)) await changed;
    else return;
  }
}

function nextChunk(topic: MemoryTopic, cursor: Position): readonly TopicRecord[] {
  const { partition, position, until } = cursor;
  const { records, nextOffset } = topic.partition(partition).read(position, chunkRecordsMax);
  cursor.position = nextOffset;
  return records.filter(({ offset }) => until === null || offset < until).map((record) => ({ ...record, partition }));
}

/** Resolves at the next change after the call, or when `signal` aborts. */
function changeOf(topic: MemoryTopic, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stopListening();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const stopListening = topic.onAppend(done);
    signal.addEventListener('abort', done);
  });
}
