/** What Rollcall's own requests have changed within some time, as their reports say. */
import { idKey, positionText, readIntentId, type Op } from '../change/change.ts';
import type { ReportedSource } from '../report/former-source.ts';
import type { ReportRecord } from '../report/report.ts';
import { operationId } from '../report/summary.ts';
import { comparePlaces, isFormerPlace, operationKey, placeIn, type Place } from './place.ts';

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
  /**
   * false: it was found so after failed tries, and no report says whether one of those has made it so; or it was sent although the target
   * may have left the member out of its list, so that it may have changed nothing.
   */
  readonly isSure: boolean;
  /**
   * The opposite was asked for just before, and no report says whether a request has made it so: the answer was lost, or an instance ended
   * before it could report. So it is not known what the member was before it.
   */
  readonly followsUnsure: boolean;
  /** Of the first such report, epoch ms, and its id. */
  readonly at: number;
  readonly report: string;
}

/** A change of a member that a request may have made, though no report says so. */
interface PossibleChange {
  readonly op: Op;
  readonly place: Place;
}

/** Of one member of one group, both as the target names them. */
interface ChangesOfMember {
  /** By the `operationKey`. */
  readonly applied: Map<string, Found>;
  /** As above. */
  readonly possible: Map<string, PossibleChange>;
  /** Keys of operations that were applied, or found so, before the time. */
  readonly settled: Set<string>;
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
  /** By `idKey` of the group as the source names it, by the names of group and member at the target. */
  readonly #groups = new Map<string, Map<string, ChangesOfMember>>();
  /** By the places of their events. */
  readonly #events = new Map<string, Made | null>();
  /** By `idKey` of the group as the source names it, the first report that was too large to name its member. */
  readonly #cut = new Map<string, string>();

  constructor(window: Window) {
    this.#window = window;
  }

  /** By `idKey`, as the source names them, those of which something was applied. */
  get groups(): readonly string[] {
    const hasChanges = (members: ReadonlyMap<string, ChangesOfMember>): boolean =>
      [...members.values()].some(({ applied }) => applied.size > 0);
    return [...this.#groups].flatMap(([group, members]) => (hasChanges(members) ? [group] : [])).toSorted();
  }

  /**
   * In any order, and any number of times; also of some time before the window, since what was tried then may have been applied without a
   * report. @param group as the source names it
   */
  takeReport(record: ReportRecord, group: string, of: ReportedSource = 'present'): void {
    if (isCut(record) && (isChanged(record) || isPossible(record)) && !this.#cut.has(idKey(group)))
      this.#cut.set(idKey(group), operationId(record));
    const said = namedIn(record, of);
    if (said === null) return;
    const { since, until } = this.#window;
    const change = changeIn(record, said);
    const at = Date.parse(record.reported_at);
    const isDone = change !== null || record.outcome === 'already_synced';
    if (at < since && isDone) this.#of(group, said).settled.add(operationKey(said.id, said.place));
    else if (change === null && isPossible(record))
      this.#of(group, said).possible.set(operationKey(said.id, said.place), { op: said.op, place: said.place });
    else if (change !== null && at < until) this.#takeChange(change, this.#of(group, said));
  }

  #takeChange(change: Found, { applied }: ChangesOfMember): void {
    const key = operationKey(change.report, change.place);
    const known = applied.get(key);
    // A report is repeated where an instance ends before it commits; then the next one has found the change made.
    if (known === undefined || isBetter(change, known)) applied.set(key, change);
    if (isFormerPlace(change.place)) return;
    const at = positionText(change.place);
    if (!this.#events.has(at)) this.#events.set(at, null);
  }

  #of(group: string, { group: groupTarget, target }: Named): ChangesOfMember {
    const members = this.#groups.get(idKey(group)) ?? new Map<string, ChangesOfMember>();
    this.#groups.set(idKey(group), members);
    // An event that is read again may mean others by then.
    const key = JSON.stringify([idKey(groupTarget), idKey(target)]);
    const known = members.get(key) ?? { applied: new Map(), possible: new Map(), settled: new Set() };
    members.set(key, known);
    return known;
  }

  /** Id of a report of the group that was too large to name its member, of whom it is not known what was applied; null: there is none. */
  cutReport(group: string): string | null {
    return this.#cut.get(idKey(group)) ?? null;
  }

  /** All of them, each of another group. */
  get cutReports(): readonly string[] {
    return [...this.#cut.values()];
  }

  /** Of an event of the source. @param actorOf is asked only where a report is about the event */
  takeEvent(place: Place, actorOf: () => string | null): void {
    const at = positionText(place);
    if (this.#events.get(at) === null) this.#events.set(at, { by: actorOf() });
  }

  /** Who made the event; null: its record is gone, or could not be read. */
  madeBy({ place }: Pick<AppliedChange, 'place'>): Made | null {
    if (isFormerPlace(place)) return null;
    return this.#events.get(positionText(place)) ?? null;
  }

  /** Who made or approved changes, each once. */
  get authors(): readonly string[] {
    const approving = [...this.#groups.values()]
      .flatMap((members) => [...members.values()])
      .flatMap(({ applied }) => [...applied.values()].map((each) => each.approvedBy));
    const making = [...this.#events.values()].map((made) => made?.by ?? null);
    return [...new Set([...making, ...approving])].filter((author) => author !== null);
  }

  /** Of each member who has any; of each in the order of the source. */
  ofGroup(group: string): readonly (readonly AppliedChange[])[] {
    const members = [...(this.#groups.get(idKey(group))?.values() ?? [])];
    return members.filter(({ applied }) => applied.size > 0).map(inOrder);
  }
}

function inOrder({ applied, possible, settled }: ChangesOfMember): readonly AppliedChange[] {
  const changes = [...applied.values()].toSorted((a, b) => comparePlaces(a.place, b.place));
  const unsure = [...possible].flatMap(([id, each]) => (applied.has(id) || settled.has(id) ? [] : [each]));
  return changes.map((change, index): AppliedChange => {
    const former = changes[index - 1];
    const isJustBefore = ({ op, place }: PossibleChange): boolean =>
      op !== change.op &&
      comparePlaces(place, change.place) < 0 &&
      (former === undefined || comparePlaces(place, former.place) > 0);
    return { ...change, followsUnsure: unsure.some(isJustBefore) };
  });
}

type Found = Omit<AppliedChange, 'followsUnsure'>;

/** The one that says more for certain; of two that say as much the first. */
const isBetter = (change: Found, known: Found): boolean =>
  change.isSure === known.isSure ? change.at < known.at : change.isSure;

/** Of a report about a change of one member. */
interface Named extends PossibleChange {
  /** Of the operation. */
  readonly id: string;
  readonly name: string;
  readonly group: string;
  readonly target: string;
}

/** null: it names no member of a group. */
function namedIn(record: ReportRecord, of: ReportedSource): Named | null {
  const { op, group, member: target } = record;
  const id = readIntentId(operationId(record));
  if (id === null || group === null || target === null || (op !== 'add' && op !== 'remove')) return null;
  const name = record.source_member ?? id.member ?? target;
  const place = placeIn(record, id.position, of);
  return { id: operationId(record), name, group, target, op, place };
}

/** Its broker took only its smallest form (`smallerReport`). */
const isCut = ({ op, member, source_member: name = null }: ReportRecord): boolean =>
  op !== null && member === null && name === null;

/** Where source and target have the same ids, the id of a report that was cut and its key name the member and the group. */
export const namedByItself = (record: ReportRecord, group: string): ReportRecord =>
  isCut(record) ? { ...record, group, member: readIntentId(operationId(record))?.member ?? null } : record;

/** null: it does not say that something was changed. */
function changeIn(record: ReportRecord, { id, ...named }: Named): Found | null {
  const { outcome, request, approval = null } = record;
  if (!isChanged(record)) return null;
  return {
    ...named,
    approvedBy: approval?.author ?? null,
    isSure: (outcome === 'applied' || (request?.patch_id ?? null) !== null) && request?.unseen !== true,
    at: Date.parse(record.reported_at),
    report: id,
  };
}

/** It says that the change was made. */
const isChanged = ({ final, outcome }: ReportRecord): boolean =>
  final && (outcome === 'applied' || outcome === 'recovered');

/**
 * A request may have made the change: of this report, or of an instance that ended before it could report it, which also goes for what
 * its successor has found replaced.
 */
const isPossible = ({ outcome }: ReportRecord): boolean => POSSIBLE.has(outcome);

const POSSIBLE: ReadonlySet<string> = new Set([
  'retry_scheduled',
  'superseded',
  'already_synced',
  'failed',
  'permanent_failure',
]);
