/** What the oracle knows of a history so far, from the topics and the target alone; nothing here shares code with `src`. */
import type { SourceRecord, WantedEvent, WantedIntent } from '../../oracle/intents.ts';
import { wantedOf } from '../../oracle/intents.ts';
import type { Report } from '../../oracle/reports.ts';

export const seatOf = ({ group, member }: { group: string; member: string }): string => `${group}\n${member}`;

export const isSuccess = (outcome: string): boolean =>
  outcome === 'applied' || outcome === 'recovered' || outcome === 'already_synced';

export class Knowledge {
  readonly intents = new Map<string, WantedIntent>();
  readonly events = new Map<string, WantedEvent>();
  /** By seat, in the order of their positions. */
  readonly seats = new Map<string, WantedIntent[]>();
  /** By `partition/offset`: the ids of what the record wants. */
  readonly records = new Map<string, readonly string[]>();
  /** The final report that counts, by id. */
  readonly finals = new Map<string, Report>();
  /** When somebody else last touched a seat, ms of the history. */
  readonly foreign = new Map<string, number>();

  /** When its source record was produced, ms of the history, by id. */
  readonly producedAt = new Map<string, number>();

  /** When the target last answered 403 about a group, ms of the history. */
  readonly denied = new Map<string, number>();

  /** @param now ms of the history. */
  produced(topic: string, record: SourceRecord, { partitions, now }: { partitions: number; now: number }): void {
    const wanted = wantedOf(topic, record, partitions).filter((one) => one.kind !== 'nothing');
    this.records.set(
      `${record.partition}/${record.offset}`,
      wanted.map(({ id }) => id),
    );
    for (const one of wanted) {
      if (one.kind === 'event') this.events.set(one.id, one);
      else {
        this.intents.set(one.id, one);
        this.producedAt.set(one.id, now);
        const seat = this.seats.get(seatOf(one));
        if (seat === undefined) this.seats.set(seatOf(one), [one]);
        else seat.push(one);
      }
    }
  }

  newest(seat: string): WantedIntent | undefined {
    return this.seats.get(seat)?.at(-1);
  }

  isFinal(id: string): boolean {
    return this.finals.has(id);
  }

  /** Somebody else wrote after it was produced: what was read of it then may not be so any more. */
  wasTouched({ id, ...seat }: { id: string; group: string; member: string }): boolean {
    return (this.foreign.get(seatOf(seat)) ?? -1) >= (this.producedAt.get(id) ?? 0);
  }

  get isAllFinal(): boolean {
    return this.finals.size >= this.intents.size + this.events.size;
  }
}
