/**
 * Room core/drift: what differs between source and target of a group, what the evidence says of it, and what repairs or undoes it.
 * Not here: reading topics and target (console), what a full state removes (core/group).
 *
 * What is known of the members of one group, in any order of reading: of each member the newest change that names it, how that ended,
 * and the newest full state. Older changes are forgotten, since a group may have 100,000 members and each of them many changes.
 */
import { distinctIds, idKey, readIntentId, type ChangeEvent, type Op } from '../change/change.ts';
import type { KeptIds } from '../change/kept-ids.ts';
import { UNCHANGING } from '../explain/evidence.ts';
import { isDone } from '../explain/verdict.ts';
import type { ReportedSource } from '../report/former-source.ts';
import type { ReportRecord } from '../report/report.ts';
import { isFailure, operationId } from '../report/summary.ts';
import { REFUSED } from '../group/guard.ts';
import { comparePlaces, isFormerPlace, placeIn, type Place } from './place.ts';

/** What a report says of a change. */
export interface ReportedOutcome {
  /** `done`: the target had it then. `failed`, `refused`: it was given up, or an operator has refused it. Else it waits. */
  readonly kind: 'done' | 'failed' | 'refused' | 'parked' | 'held';
  /** Epoch ms. */
  readonly at: number;
  readonly epoch: number;
  /** Of the member at the target, by `idKey`; null: the report names none. */
  readonly target: string | null;
  /** As `target`, of the group. */
  readonly group: string | null;
}

/** The last report of each sort; null: there is none. */
interface LastReports {
  final: ReportedOutcome | null;
  waits: ReportedOutcome | null;
}

/** The newest change that names the member. */
export interface MemberFacts extends LastReports {
  place: Place;
  /** null: not known, since its record is gone and no report says it. */
  op: Op | null;
  /** As the source spells the member; null: as its key. */
  spelling: string | null;
}

/** The reports are of the state as a whole. */
export interface StateFacts extends LastReports {
  place: Place;
  /** By `idKey`, as the source spells them; null: not known, since the record is gone. */
  members: ReadonlyMap<string, string> | null;
  deleted: boolean;
  /** A report is of a change of one member that the state has come to. */
  hasCome: boolean;
}

export class GroupFacts {
  /** As the source spells it first. */
  readonly spelling: string;
  readonly #ids: KeptIds;
  readonly #members = new Map<string, MemberFacts>();
  #state: StateFacts | null = null;
  #invalid: Place | null = null;
  #newest: Place | null = null;
  #isNamedBefore = false;
  #eventCount = 0;
  readonly #partitions = new Set<number>();
  /** By the target's group and member, who it was by the source. All of them by `idKey`. */
  readonly #reported = new Map<string, Map<string, string>>();
  /** Of the inner maps. */
  #reportedCount = 0;
  #lastGroup: { readonly group: string; readonly at: number } | null = null;
  #lastVersion: { readonly version: string; readonly at: number; readonly group: string | null } | null = null;

  constructor(spelling: string, ids: KeptIds) {
    this.spelling = ids.kept(spelling);
    this.#ids = ids;
  }

  /** By `idKey`. */
  get members(): ReadonlyMap<string, Readonly<MemberFacts>> {
    return this.#members;
  }

  /** The newest. */
  get state(): Readonly<StateFacts> | null {
    return this.#state;
  }

  /** Where the newest event lies that could not be read; null: all could. */
  get invalid(): Place | null {
    return this.#invalid;
  }

  /** Where the newest event of the present source topic lies that something is known of; null: nothing is. */
  get newest(): Place | null {
    return this.#newest;
  }

  /** Reports, or changes that wait, of a former source topic are about the group. */
  get isNamedBefore(): boolean {
    return this.#isNamedBefore;
  }

  /** How many events of it were read: more of them later, and it has moved. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** About so much memory is taken by what is known of memberships (docs/reference.md, Compare). */
  get keptBytes(): number {
    const ofState = (this.#state?.members?.size ?? 0) * OF_STATE_BYTES;
    return this.#members.size * CHANGED_BYTES + ofState + this.#reportedCount * REPORTED_BYTES;
  }

  /** Of the source, that have something of the group. */
  get partitions(): ReadonlySet<number> {
    return this.#partitions;
  }

  /** By `idKey`, the group at the target that the last report names; null: none does. */
  get lastGroup(): string | null {
    return this.#lastGroup?.group ?? null;
  }

  /** Of a group of the target after Rollcall's last request, as far as reports say; null: they do not. */
  lastVersionOf(target: string): string | null {
    const { version, group } = this.#lastVersion ?? { version: null, group: null };
    return group === null || group === idKey(target) ? version : null;
  }

  /** By the target's names, whom reports have named in a group of the target: who it was by the source. All by `idKey`. */
  reportedIn(target: string): ReadonlyMap<string, string> {
    return this.#reported.get(idKey(target)) ?? NONE_REPORTED;
  }

  /** @param source shared by all members of the event. */
  takeEvent(event: ChangeEvent, source: Place): void {
    this.#eventCount += 1;
    this.#note(source);
    if (event.kind === 'state') return this.#takeState(event.members, event.deleted, source);
    // In both lists of one event: it is removed.
    for (const [op, names] of [['add', event.add] as const, ['remove', event.remove] as const]) {
      for (const name of names) {
        const facts = this.#factsAt(name, source);
        if (facts === null) continue;
        facts.op = op;
        // One place is kept for all of them.
        facts.place = source;
      }
    }
  }

  /** An event of the group that cannot be read. */
  takeInvalid(source: Place): void {
    this.#eventCount += 1;
    this.#note(source);
    this.#noteInvalid(source);
  }

  takeReport(record: ReportRecord, of: ReportedSource = 'present'): void {
    const id = readIntentId(operationId(record));
    if (id === null || UNCHANGING.has(record.outcome)) return;
    const place = placeIn(record, id.position, of);
    this.#note(place);
    if (record.outcome === 'invalid') return this.#noteInvalid(place);
    this.#noteVersion(record);
    const name = record.source_member ?? id.member ?? record.member;
    const facts = name === null ? this.#stateAt(place) : this.#factsAt(name, place);
    // What waited of a former topic is not tried any more.
    if (facts !== null && (record.final || !isFormerPlace(place))) this.#noteOutcome(facts, record);
    if (name !== null) this.#noteReported(name, record, place);
    if (facts !== null && 'op' in facts && (record.op === 'add' || record.op === 'remove')) facts.op ??= record.op;
    if (record.superseded_by !== null) this.#noteWinner(record.superseded_by, place);
  }

  /** One of a former topic is older than all that counts. */
  #noteInvalid(place: Place): void {
    if (isFormerPlace(place)) return;
    if (this.#invalid === null || comparePlaces(place, this.#invalid) > 0) this.#invalid = place;
  }

  #noteOutcome(reports: LastReports, record: ReportRecord): void {
    const kind = kindOf(record);
    if (kind === null) return;
    const { epoch, reported_at: reportedAt, member, group } = record;
    const [target, ofGroup] = [member, group].map((id) => (id === null ? null : this.#ids.kept(idKey(id))));
    const outcome = { kind, at: Date.parse(reportedAt), epoch, target: target ?? null, group: ofGroup ?? null };
    const sort = record.final ? 'final' : 'waits';
    // What was given up may have been tried again, so the newest report counts.
    if (isNewerReport(outcome, reports[sort])) reports[sort] = outcome;
    // Offsets that went back: a later owner has read the change again, and found that it has to wait.
    if (reports.final !== null && reports.waits !== null && reports.waits.epoch > reports.final.epoch)
      reports.final = null;
  }

  /** Whom a report names at the target is none whom others have added, whatever the source's name means later. */
  #noteReported(name: string, { group, member }: ReportRecord, place: Place): void {
    if (this.#state !== null && comparePlaces(this.#state.place, place) === 0) this.#state.hasCome = true;
    // A name that the source and the target share is kept as it is.
    if (group === null || member === null || idKey(member) === idKey(name)) return;
    const reported = this.#reported.get(idKey(group)) ?? new Map<string, string>();
    this.#reported.set(this.#ids.kept(idKey(group)), reported);
    const before = reported.size;
    reported.set(this.#ids.kept(idKey(member)), this.#ids.kept(idKey(name)));
    this.#reportedCount += reported.size - before;
  }

  /** A state that is replaced has named its members all the same. */
  #takeState(names: readonly string[], deleted: boolean, source: Place): void {
    const former = this.#state;
    const state = this.#stateAt(source);
    if (state === null) {
      for (const name of names) this.#noteNamed(name, source);
      return;
    }
    const members = new Map<string, string>();
    for (const [key, name] of distinctIds(names)) members.set(this.#ids.kept(key), this.#ids.kept(name));
    state.members = members;
    state.deleted = deleted;
    if (former === null || former === state || former.members === null) return;
    for (const [key, name] of former.members) if (!members.has(key)) this.#noteNamed(name, former.place);
  }

  #noteNamed(name: string, place: Place): void {
    const facts = this.#factsAt(name, place);
    if (facts !== null) facts.op ??= 'add';
  }

  /** A report names what has superseded it; the newer one may be known by nothing else. */
  #noteWinner(id: string, loser: Place): void {
    const winner = readIntentId(id);
    if (winner === null) return;
    const place = { ...loser, ...winner.position };
    if (winner.member === null) this.#stateAt(place);
    else this.#factsAt(winner.member, place);
  }

  /** null: a newer change of the member is known. */
  #factsAt(name: string, place: Place): MemberFacts | null {
    const key = this.#ids.kept(idKey(name));
    const known = this.#members.get(key);
    const order = known === undefined ? 1 : comparePlaces(place, known.place);
    if (known !== undefined && order === 0) return known;
    if (order < 0) return null;
    const facts = { place, op: null, final: null, waits: null, spelling: key === name ? null : this.#ids.kept(name) };
    this.#members.set(key, facts);
    return facts;
  }

  /** null: a newer one is known. */
  #stateAt(place: Place): StateFacts | null {
    const order = this.#state === null ? 1 : comparePlaces(place, this.#state.place);
    if (order < 0) return null;
    if (this.#state === null || order > 0)
      this.#state = { place, members: null, deleted: false, hasCome: false, final: null, waits: null };
    return this.#state;
  }

  /** A change of a former source topic waits. */
  noteFormer(): void {
    this.#isNamedBefore = true;
  }

  #note(place: Place): void {
    if (isFormerPlace(place)) return this.noteFormer();
    this.#partitions.add(place.partition);
    if (this.#newest === null || comparePlaces(place, this.#newest) > 0) this.#newest = place;
  }

  #noteVersion({ request, reported_at: reportedAt, group: target }: ReportRecord): void {
    const group = target === null ? null : this.#ids.kept(idKey(target));
    const version = request?.etag_after ?? null;
    const at = Date.parse(reportedAt);
    if (group !== null && at >= (this.#lastGroup?.at ?? -Infinity)) this.#lastGroup = { group, at };
    if (version !== null && at >= (this.#lastVersion?.at ?? -Infinity)) this.#lastVersion = { version, at, group };
  }
}

/** null: a newer change has taken its place, or only a newer version knows the outcome. */
function kindOf(record: ReportRecord): ReportedOutcome['kind'] | null {
  const { final, outcome, reason } = record;
  if (!final) return outcome === 'held' ? 'held' : outcome === 'retry_scheduled' ? 'parked' : null;
  if (isDone(record)) return 'done';
  if (!isFailure(record)) return null;
  return reason?.code === REFUSED ? 'refused' : 'failed';
}

export const isNewerReport = (report: ReportedOutcome, than: ReportedOutcome | null): boolean =>
  than === null || (report.epoch - than.epoch || report.at - than.at) >= 0;

/** Of one that has changed since the last full state, of one that the full state names, and of one that a report names at the target. */
const CHANGED_BYTES = 250;
const OF_STATE_BYTES = 30;
const REPORTED_BYTES = 50;

const NONE_REPORTED: ReadonlyMap<string, string> = new Map();
