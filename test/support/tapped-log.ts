/**
 * The memory log with a tap: a test can hold a send back, or let it fail, by what is in it. A record with the header
 * `test-unreadable` stands for a batch that cannot be read, for the reason that it names.
 */
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import type { UnreadableBatch } from '../../src/core/log/reading.ts';
import { header } from '../../src/core/log/wire-intent.ts';
import type { ChangeLogHandler, LogRecord, OutRecord, SendOutcome } from '../../src/ports.ts';

export class TappedLog extends MemoryLog {
  /** Awaited before each send; with what it throws the send rejects, and nothing is written. */
  beforeSend: (records: readonly OutRecord[]) => Promise<void> = async () => undefined;
  /** Awaited after each send; with what it throws the send rejects, although everything is written. */
  afterSend: (records: readonly OutRecord[]) => Promise<void> = async () => undefined;

  override async join(handler: ChangeLogHandler): Promise<void> {
    await super.join({
      joining: () => handler.joining(),
      assigned: (assignment) => handler.assigned(assignment),
      heartbeat: (heartbeat) => handler.heartbeat(heartbeat),
      records: (batch) => handler.records({ ...batch, records: batch.records.map(asRead) }),
      offsetOutOfRange: (topic, partition) => handler.offsetOutOfRange(topic, partition),
      lost: (reason) => handler.lost(reason),
      failed: (error) => handler.failed(error),
    });
  }

  override async send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    // As any answer of a broker: in a later turn of the event loop.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.beforeSend(records);
    const outcomes = await super.send(records);
    await this.afterSend(records);
    return outcomes;
  }
}

function asRead(record: LogRecord): LogRecord {
  const code = header(record.headers, 'test-unreadable');
  if (code === null) return record;
  const unreadable = { code: code as UnreadableBatch['code'], message: `The batch up to ${record.offset} is bad` };
  // Its batch knows other times than that of its last record.
  return { ...record, timestamp: record.timestamp + 1, key: null, value: null, headers: [], unreadable };
}
