/** What Rollcall's own requests have changed within some time, as their reports say. */
import { idKey, positionText, readIntentId, type Op } from '../change/change.ts';
import type { ReportRecord } from '../report/report.ts';
import { operationId } from '../report/summary.ts';
import { comparePlaces, type Place } from './group-facts.ts';

/** Of one member, by one event. */
export interface AppliedChange {
  /** As the source names the member; as the target does, where a full state has removed whom the source has never named. */
  readonly name: string;
  /** As the target names the member, and the group, then. */
  readonly target: string;
  readonly group: string;
  readonly op: Op;
  readonly place: Place;
  /** Who has approved it; null: it needed no approval. */
  readonly approvedBy: string | null;
  /** false: it was found so after failed tries, and no report says whether one of those has made it so. */
  readonly isSure: boolean;
  /** Of the first such report, epoch ms, and its id. */
  readonly at: number;
  readonly report: string;
}

/** Epoch ms. */
export interface Window {
  readonly since: number;
  /** Not in it any more. */
  readonly until: number;
}

/** Of an event whose record was read. */
export interface Made {
  /** null: the record does not say. */
  readonly by: string | null;
}

export class AppliedChanges {
  readonly #window: Window;
  /** By `idKey` of the group, by the id of the operation. */
  readonly #groups = new Map<string, Map<string, AppliedChange>>();
  /** By the places of their events. */
  readonly #events = new Map<string, Made | null>();

  constructor(window: Window) {
    this.#window = window;
  }

  /** By `idKey`, as the source names them. */
  get groups(): readonly string[] {
    return [...this.#groups.keys()].toSorted();
  }

  /** In any order, and any number of times. @param group as the source names it */
  takeReport(record: ReportRecord, group: string): void {
    const change = changeIn(record);
    if (change === null || change.at < this.#window.since || change.at >= this.#window.until) return;
    const changes = this.#groups.get(idKey(group)) ?? new Map<string, AppliedChange>();
    this.#groups.set(idKey(group), changes);
    const known = changes.get(change.report);
    // A report is repeated where an instance ends before it commits; then the next one has found the change made.
    if (known === undefined || isBetter(change, known)) changes.set(change.report, change);
    const at = positionText(change.place);
    if (!this.#events.has(at)) this.#events.set(at, null);
  }

  /** Of an event of the source. @param actorOf is asked only where a report is about the event */
  takeEvent(place: Place, actorOf: () => string | null): void {
    const at = positionText(place);
    if (this.#events.get(at) === null) this.#events.set(at, { by: actorOf() });
  }

  /** Who made the event; null: its record is gone, or could not be read. */
  madeBy({ place }: Pick<AppliedChange, 'place'>): Made | null {
    return this.#events.get(positionText(place)) ?? null;
  }

  /** Who made or approved changes, each once. */
  get authors(): readonly string[] {
    const approving = [...this.#groups.values()]
      .flatMap((changes) => [...changes.values()])
      .map((each) => each.approvedBy);
    const making = [...this.#events.values()].map((made) => made?.by ?? null);
    return [...new Set([...making, ...approving])].filter((author) => author !== null);
  }

  /** By the members' names at the target, by `idKey`; of each in the order of the source. */
  ofGroup(group: string): ReadonlyMap<string, readonly AppliedChange[]> {
    const members = new Map<string, AppliedChange[]>();
    const changes = [...(this.#groups.get(group)?.values() ?? [])];
    for (const change of changes.toSorted((a, b) => comparePlaces(a.place, b.place))) {
      const ofMember = members.get(idKey(change.target)) ?? [];
      members.set(idKey(change.target), ofMember);
      ofMember.push(change);
    }
    return members;
  }
}

const isBetter = (change: AppliedChange, known: AppliedChange): boolean =>
  change.isSure === known.isSure ? change.at < known.at : change.isSure;

/** null: it does not say that something was changed. */
function changeIn(record: ReportRecord): AppliedChange | null {
  const { outcome, final, op, group, member: target, request, approval = null } = record;
  const id = readIntentId(operationId(record));
  if (!final || (outcome !== 'applied' && outcome !== 'recovered') || (op !== 'add' && op !== 'remove')) return null;
  if (id === null || group === null || target === null) return null;
  return {
    name: record.source_member ?? id.member ?? target,
    target,
    group,
    op,
    place: { ...id.position, timestamp: record.source.timestamp },
    approvedBy: approval?.author ?? null,
    isSure: outcome === 'applied' || (request?.patch_id ?? null) !== null,
    at: Date.parse(record.reported_at),
    report: operationId(record),
  };
}
