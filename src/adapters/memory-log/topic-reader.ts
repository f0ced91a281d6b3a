/** Reads every partition of a topic outside any consumer group, in chunks, so that other work has its turns between them. */
import type { ReadProgress } from '../../core/log/reading.ts';
import type { ReadOptions, TopicRecord } from '../../ports.ts';
import type { MemoryTopic } from './memory-topic.ts';

const chunkRecordsMax = 500;

/** The ends are those of the call, not of the first record that is asked for. */
export function readTopic(
  topic: MemoryTopic,
  { from, follow, signal, partitions, onProgress = () => undefined }: ReadOptions,
): AsyncIterable<TopicRecord> {
  const all = Array.from({ length: topic.description.partitionCount }, (_, partition) => partition);
  const cursors = all
    .filter((partition) => partitions?.includes(partition) ?? true)
    .map((partition): Cursor => {
      const log = topic.partition(partition);
      const start = from === 'beginning' ? log.start : from === 'end' ? log.end : log.firstSince(from.since);
      return { partition, start, position: start, until: follow ? null : log.end };
    });
  return readFrom(topic, cursors, { signal, onProgress });
}

interface Cursor {
  readonly partition: number;
  readonly start: bigint;
  position: bigint;
  readonly until: bigint | null;
}

async function* readFrom(
  topic: MemoryTopic,
  cursors: readonly Cursor[],
  { signal, onProgress }: Required<Pick<ReadOptions, 'signal' | 'onProgress'>>,
): AsyncGenerator<TopicRecord> {
  const follows = cursors.some(({ until }) => until === null);
  while (!signal.aborted) {
    const change = follows ? nextAppend(topic, signal) : null;
    try {
      onProgress(progressOf(cursors));
      const chunk = cursors.flatMap((cursor) => nextChunk(topic, cursor));
      yield* untilAborted(chunk, signal);
      if (chunk.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
      else if (change === null) return;
      else await change.come;
    } finally {
      change?.stopListening();
    }
  }
}

function progressOf(cursors: readonly Cursor[]): ReadProgress {
  let [passed, total] = [0, 0];
  for (const { start, position, until } of cursors) {
    if (until === null) continue;
    total += Number(until - start);
    passed += Number((position < until ? position : until) - start);
  }
  return { passed, total };
}

function nextChunk(topic: MemoryTopic, cursor: Cursor): readonly TopicRecord[] {
  const { partition, position, until } = cursor;
  const { records, nextOffset } = topic.partition(partition).read(position, chunkRecordsMax);
  cursor.position = nextOffset;
  return records.filter(({ offset }) => until === null || offset < until).map((record) => ({ ...record, partition }));
}

function* untilAborted(chunk: readonly TopicRecord[], signal: AbortSignal): Generator<TopicRecord> {
  for (const record of chunk) {
    if (signal.aborted) return;
    yield record;
  }
}

interface NextAppend {
  /** Resolves at the next change, or when the signal aborts. */
  readonly come: Promise<void>;
  /** Nothing of it stays with the topic or the signal: a long read has many of them. */
  stopListening(): void;
}

function nextAppend(topic: MemoryTopic, signal: AbortSignal): NextAppend {
  let done: () => void = () => undefined;
  const come = new Promise<void>((resolve) => (done = resolve));
  const stopListeningToTopic = topic.onAppend(done);
  signal.addEventListener('abort', done);
  const stopListening = (): void => {
    stopListeningToTopic();
    signal.removeEventListener('abort', done);
  };
  return { come, stopListening };
}
