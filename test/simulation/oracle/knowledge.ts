/** What the oracle knows of a history so far, from the topics and the target alone; nothing here shares code with `src`. */
import { impliedBy, impliedById, recordIdOf } from '../../oracle/full-states.ts';
import type { SourceRecord, WantedEvent, WantedIntent, WantedState } from '../../oracle/intents.ts';
import { wantedOf } from '../../oracle/intents.ts';
import type { Report } from '../../oracle/reports.ts';

interface Seat {
  readonly group: string;
  readonly member: string;
}

export const seatOf = ({ group, member }: Seat): string => `${group}\n${member}`;

const seatFrom = (seat: string): Seat => {
  const at = seat.indexOf('\n');
  return { group: seat.slice(0, at), member: seat.slice(at + 1) };
};

export const isSuccess = (outcome: string): boolean =>
  outcome === 'applied' || outcome === 'recovered' || outcome === 'already_synced';

export class Knowledge {
  readonly intents = new Map<string, WantedIntent>();
  readonly events = new Map<string, WantedEvent>();
  readonly states = new Map<string, WantedState>();
  /** By group, in the order of their positions. */
  readonly groupStates = new Map<string, WantedState[]>();
  /** By seat, in the order of their positions: what names the member itself. */
  readonly seats = new Map<string, WantedIntent[]>();
  /** By `partition/offset`: the ids of what the record wants. */
  readonly records = new Map<string, readonly string[]>();
  /** The final report that counts, by id. */
  readonly finals = new Map<string, Report>();
  /** When the first one of each was made, ms of the history. */
  readonly finalAt = new Map<string, number>();
  /** Full states of which something was reported by member, whether or not it is final. */
  readonly workedOut = new Set<string>();
  /** Full states whose wait was reported: their end has to be reported, too. */
  readonly toldToWait = new Set<string>();
  /** When another writer last touched a seat, ms of the history. */
  readonly foreign = new Map<string, number>();

  /** Since when a former member of a group is not in it, ms of the history, by seat. */
  readonly absentSince = new Map<string, number>();

  /** When its source record was produced, ms of the history, by id. */
  readonly producedAt = new Map<string, number>();

  /** When the target last answered 403 about a group, ms of the history. */
  readonly denied = new Map<string, number>();

  /** Seats that a PATCH was refused for which named no other. */
  readonly refusedAlone = new Set<string>();

  /** Ids of what retention may have taken unread. */
  readonly lost = new Set<string>();

  /** Ids of what has no final report yet, and is not lost. */
  readonly open = new Set<string>();

  /** By so much the wall clocks of instances may differ from that of the history, and from each other, ms. */
  clockSkewMs = 0;

  /** @param now ms of the history. */
  produced(topic: string, record: SourceRecord, { partitions, now }: { partitions: number; now: number }): void {
    const wanted = wantedOf(topic, record, partitions).filter((one) => one.kind !== 'nothing');
    this.records.set(
      `${record.partition}/${record.offset}`,
      wanted.map(({ id }) => id),
    );
    for (const one of wanted) {
      this.open.add(one.id);
      this.producedAt.set(one.id, now);
      if (one.kind === 'event') this.events.set(one.id, one);
      else if (one.kind === 'state') {
        this.states.set(one.id, one);
        append(this.groupStates, one.group, one);
      } else {
        this.intents.set(one.id, one);
        append(this.seats, seatOf(one), one);
      }
    }
  }

  /** Retention has taken the record, whose place is `partition/offset`, perhaps before it was read. */
  lose(place: string, now: number): void {
    for (const id of this.records.get(place) ?? []) {
      if (this.isFinal(id)) continue;
      this.lost.add(id);
      this.open.delete(id);
      const intent = this.intents.get(id);
      if (intent !== undefined) this.foreign.set(seatOf(intent), now);
    }
  }

  /** All of it may have been deleted unread. */
  isLost({ partition, offset }: SourceRecord): boolean {
    const ids = this.records.get(`${partition}/${offset}`) ?? [];
    return ids.length > 0 && ids.every((id) => this.lost.has(id) && !this.isFinal(id));
  }

  /** A final report. @param at when it was made, ms of the history */
  reported(report: Report, at: number): void {
    if (!this.finalAt.has(report.id)) this.finalAt.set(report.id, at);
    const known = this.finals.get(report.id);
    if (known === undefined || isAtLeast(report, known)) this.finals.set(report.id, report);
    this.open.delete(report.id);
  }

  /** What names a member, or is implied by a full state. */
  find(id: string): WantedIntent | undefined {
    return this.intents.get(id) ?? impliedById(this.states, id);
  }

  newest(seat: string): WantedIntent | undefined {
    const { group, member } = seatFrom(seat);
    const change = this.seats.get(seat)?.at(-1);
    const state = this.groupStates.get(group)?.at(-1);
    if (state === undefined || (change !== undefined && change.place > state.place)) return change;
    return impliedBy(state, member);
  }

  /** All that was ever wanted of a seat, in the order of positions. */
  line(seat: string): readonly WantedIntent[] {
    const { group, member } = seatFrom(seat);
    const implied = (this.groupStates.get(group) ?? []).map((state) => impliedBy(state, member));
    return [...(this.seats.get(seat) ?? []), ...implied].toSorted((a, b) => (a.place < b.place ? -1 : 1));
  }

  /** It is so at the target by a report: its own, or that of the full state that implies it. */
  isDone({ id, whole }: WantedIntent): boolean {
    const report = this.finals.get(id) ?? (whole && this.finals.get(whole.id));
    return report !== undefined && isSuccess(report.outcome);
  }

  /** What an effect can come from: it wants just that, and nothing that is done is newer. */
  causesOf(seat: string, op: 'add' | 'remove'): readonly WantedIntent[] {
    const line = this.line(seat);
    const done = line.findLast((intent) => this.isDone(intent));
    return line.filter((intent) => intent.op === op && (done === undefined || intent.place >= done.place));
  }

  isFinal(id: string): boolean {
    return this.finals.has(id);
  }

  /** Another writer wrote after it was produced: what was read of it then may not be so any more. */
  wasTouched({ id, ...seat }: { id: string; group: string; member: string }): boolean {
    return (
      (this.foreign.get(seatOf(seat)) ?? -1) >= (this.producedAt.get(id) ?? this.producedAt.get(recordIdOf(id)) ?? 0)
    );
  }
}

function isAtLeast(report: Report, known: Report): boolean {
  if (report.epoch !== known.epoch) return report.epoch > known.epoch;
  return Date.parse(report.reported_at) >= Date.parse(known.reported_at);
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const known = lists.get(key);
  if (known === undefined) lists.set(key, [item]);
  else known.push(item);
}
