/** A receiver of notifications in this process, which answers as a test says. */
import type { Notifier, NotifyOutcome } from '../../src/ports.ts';

export interface ReceivedNotice {
  readonly id: string;
  readonly kind: 'held' | 'breaker_open';
  readonly text: string;
  readonly group_count: number;
  readonly removal_count: number;
  readonly groups: readonly { readonly group: string; readonly count: number; readonly digest: string }[];
  readonly since: string;
  readonly until: string | null;
  readonly openings: number;
  readonly problem: string;
}

export const FAILED: NotifyOutcome = { kind: 'failed', askedMs: null };
export const REFUSED: NotifyOutcome = { kind: 'refused', askedMs: null };

export class HandNotifier implements Notifier {
  /** Every request, in its order; of each the body as it was sent. */
  readonly bodies: string[] = [];
  /** What a test answers. */
  answer: (notice: ReceivedNotice) => NotifyOutcome | Promise<NotifyOutcome> = () => 'delivered';
  /** What is on its way. */
  inFlight = 0;
  inFlightMax = 0;

  async notify({ id, body }: { readonly id: string; readonly body: string }): Promise<NotifyOutcome> {
    const notice = JSON.parse(body) as ReceivedNotice;
    if (notice.id !== id) throw new Error('the id differs from that in the body');
    this.bodies.push(body);
    this.inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    try {
      return await this.answer(notice);
    } finally {
      this.inFlight -= 1;
    }
  }

  async close(): Promise<void> {}

  get received(): readonly ReceivedNotice[] {
    return this.bodies.map((body) => JSON.parse(body) as ReceivedNotice);
  }
}
