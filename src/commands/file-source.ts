/** A file of changes as a source topic: line n is the record at offset n, in the one partition of `apply`. */
import type { MemoryBroker } from '../adapters/memory-log/memory-broker.ts';
import type { Position } from '../core/position.ts';
import type { Topics } from '../pipeline/options.ts';
import type { Host } from './host.ts';
import { readLines } from './lines.ts';

export const FILE_TOPICS: Topics = {
  source: 'apply',
  retry: 'apply.retry',
  deadLetter: 'apply.dead-letter',
  report: 'apply.reports',
};

export const FILE_SOURCE: Pick<Position, 'topic' | 'partition'> = { topic: FILE_TOPICS.source, partition: 0 };

/** Nobody waits hours for a file: what may yet be provisioned is given up at the first failure, unless it is asked for. */
export const fileEnvironment = (environment: Host['environment']): Host['environment'] => ({
  SLOW_RETRY_SCHEDULE_MS: '',
  ...environment,
});

/** Blank lines leave holes, so that each offset is the number of its line. */
export async function fillSource(broker: MemoryBroker, file: string, host: Pick<Host, 'stdin'>): Promise<void> {
  const { topic, partition } = FILE_SOURCE;
  for await (const { bytes } of readLines(file, host)) {
    if (bytes === null) broker.topic(topic).partition(partition).skip(1);
    else broker.append([{ topic, partition, key: null, value: bytes, headers: [] }]);
  }
}
