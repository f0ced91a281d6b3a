/** The memory log with a tap: a test can hold a send back, or let it fail, by what is in it. */
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import type { OutRecord, SendOutcome } from '../../src/ports.ts';

export class TappedLog extends MemoryLog {
  /** Awaited before each send; with what it throws the send rejects, and nothing is written. */
  beforeSend: (records: readonly OutRecord[]) => Promise<void> = async () => undefined;
  /** Awaited after each send; with what it throws the send rejects, although everything is written. */
  afterSend: (records: readonly OutRecord[]) => Promise<void> = async () => undefined;

  override async send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    // As any answer of a broker: in a later turn of the event loop.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.beforeSend(records);
    const outcomes = await super.send(records);
    await this.afterSend(records);
    return outcomes;
  }
}
