/**
 * A partition that does not start: its live records or its committed offset are of a source topic that is not there any
 * more. Offsets of two topics have no order, so going on would let an old change win over a newer one, and what lies below
 * the committed offset would never be read. Nor does one whose live records cannot be read: what is parked is not known.
 */
import { isOlderEpoch, stampOf } from '../core/source-history.ts';
import type { LogRecord } from '../ports.ts';
import type { Context } from './context.ts';
import { forget } from './forget.ts';
import { newPartition } from './partition.ts';
import type { Partition, Start } from './state.ts';

export interface Refusal {
  readonly problem: string;
  /**
   * What does not belong to the source: what is committed, or what waits in the retry topic; or that cannot be read, or is
   * another retry topic than the one that was used last.
   */
  readonly foreign: 'committed' | 'parked' | 'unreadable' | 'replaced';
}

export function refuse(context: Context, partition: Partition, { problem, foreign }: Refusal): void {
  const { state, log, logger, options } = context;
  const { number } = partition;
  const topic = options.topics.source;
  const remedy = remedyOf(foreign, { topic, partition: number });
  forget(context, partition, problem);
  const message = foreign === 'unreadable' ? RETRY_UNREADABLE : foreign === 'replaced' ? RETRY_OTHER : SOURCE_OTHER;
  const refusal = { text: `${problem}. ${remedy}`, isForRetry: message !== SOURCE_OTHER };
  const refused: Partition = { ...newPartition(number, options), phase: 'refused', refusal };
  refused.start = startFrom(partition);
  state.partitions.set(number, refused);
  log.pause('source', number);
  logger.error({ topic, partition: number, problem, remedy }, message);
}

/** With the position that was reached: from there on the source is unread. */
const startFrom = ({ start, ledger }: Partition): Start | null =>
  start === null ? null : { ...start, position: ledger?.next ?? start.position };

const SOURCE_OTHER = 'partition refused: the source topic was recreated, truncated or renamed';
const RETRY_UNREADABLE = 'partition refused: the retry topic holds a batch that cannot be read';
const RETRY_OTHER = 'partition refused: the retry topic is not the one that was used last';

/** A live record may be in it, whose changes would be lost. */
export const unreadableRetry = (problem: string): Refusal => ({
  problem: `the retry topic: ${problem}`,
  foreign: 'unreadable',
});

/** Both remedies are tried in test/integration/recreated-source.test.ts. */
const resetOffsets = (topic: string, partition: number): string =>
  `Stop all instances, run \`kafka-consumer-groups.sh --bootstrap-server $KAFKA_BROKERS --group \${KAFKA_GROUP_ID:-rollcall} --topic ${topic}:${partition} --reset-offsets --to-earliest --execute\` and start again; if the topic was recreated, set a new RETRY_TOPIC first (\`rollcall topics create\`), since what waits in the old one belongs to the deleted topic`;
const NEW_TOPICS =
  'Stop all instances, set a new RETRY_TOPIC and a new KAFKA_GROUP_ID, run `rollcall topics create` and start again; the source is read from its beginning, what waits in the old retry topic is left there';

function remedyOf(foreign: Refusal['foreign'], { topic, partition }: { topic: string; partition: number }): string {
  if (foreign === 'committed') return resetOffsets(topic, partition);
  return foreign === 'replaced' ? `${LAST_RETRY_TOPIC} ${NEW_TOPICS}` : NEW_TOPICS;
}

/** Positions that this source cannot have; null: none. */
export function foreignPositionProblem({ options }: Context, partition: Partition, start: Start): Refusal | null {
  if (start.committed !== null && start.committed > start.goal) {
    return { problem: 'the committed offset lies beyond the end of the source partition', foreign: 'committed' };
  }
  const { isRetryReplaced, committed } = start;
  let isBeyond = false;
  // Without a copy: there may be 200,000 of them.
  for (const intents of partition.restored.values())
    for (const { source } of intents) {
      if (source.topic !== options.topics.source || source.partition !== partition.number)
        return { problem: 'the retry partition holds intents of another topic or partition', foreign: 'parked' };
      // It may be older than what was applied while the other topic was used.
      if (isRetryReplaced && committed !== null && source.offset < committed) return OTHER_RETRY;
      isBeyond ||= source.offset >= start.goal;
    }
  return isBeyond
    ? { problem: 'the retry partition holds offsets beyond the end of the source partition', foreign: 'parked' }
    : null;
}

const OTHER_RETRY: Refusal = {
  problem: 'the last offsets were committed with another retry topic, and this one holds changes from before',
  foreign: 'replaced',
};
const LAST_RETRY_TOPIC = 'Set RETRY_TOPIC to the topic that was used last. Where that is gone:';

/** Of a record that was read: a live record, or the record before it, tells of another topic; null: neither does. */
export function foreignRecordProblem({ recordedAt, mark }: Partition, record: LogRecord): Refusal | null {
  const { offset, timestamp } = record;
  const known = recordedAt.get(offset);
  if (known !== undefined && known !== timestamp) {
    return { problem: `the live records are of another record at offset ${offset}`, foreign: 'parked' };
  }
  // What is remembered may lie ahead of what is committed, and is read again from there.
  const isBehind = mark.last === null || offset > mark.last.offset;
  return isBehind && isOlderEpoch(mark.last, stampOf(record))
    ? { problem: `the leader epoch of offset ${offset} is lower than the one before it`, foreign: 'committed' }
    : null;
}
