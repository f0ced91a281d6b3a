/** Sends the change events while the faults happen, so that there is always something to do until the last of them. */
import type { Changes } from './changes.ts';
import type { ChaosHarness } from './chaos-harness.ts';
import { rest } from './waiting.ts';

const TICK_MS = 100;
const AT_ONCE_MAX = 500;
const RETRY_MS = 300;

export class Load {
  sent = 0;
  /** Batches that were not acknowledged and came again: some of their events may be there twice. */
  repeatedBatches = 0;
  readonly #harness: ChaosHarness;
  readonly #changes: Changes;
  readonly #total: number;
  /** How long the faults will take, as far as is known; 0 when they are over. */
  readonly #leftMs: () => number;

  constructor(harness: ChaosHarness, changes: Changes, { total, leftMs }: { total: number; leftMs: () => number }) {
    this.#harness = harness;
    this.#changes = changes;
    this.#total = total;
    this.#leftMs = leftMs;
  }

  async run(isOver: () => boolean): Promise<void> {
    while (this.sent < this.#total && !isOver()) {
      const due = Math.ceil(((this.#total - this.sent) * TICK_MS) / Math.max(TICK_MS, this.#leftMs()));
      const size = Math.min(due, AT_ONCE_MAX, this.#total - this.sent);
      await Promise.all([this.#send(size, isOver), rest(TICK_MS)]);
      this.sent += size;
    }
  }

  async #send(size: number, isOver: () => boolean): Promise<void> {
    const { tools, topics } = this.#harness;
    const records = this.#changes
      .batch(size)
      .map((record) => ({ topic: topics.source, partition: null, headers: [], ...record }));
    while (!isOver()) {
      try {
        const outcomes = await tools.send(records);
        if (outcomes.every((outcome) => outcome === 'written')) return;
      } catch {
        // Sent again.
      }
      this.repeatedBatches += 1;
      await rest(RETRY_MS);
    }
  }
}
