/**
 * Room core/drift: what differs between what the source wants of a group and what the target shows, and what the evidence says of it.
 * Not here: reading topics and target (console), what a full state removes (core/group).
 *
 * What is known of the members of one group, in any order of reading: of each member the newest change that names it, how that ended,
 * and the newest full state. Older changes are forgotten, since a group may have 100,000 members and each of them many changes.
 */
import {
  comparePositions,
  distinctIds,
  idKey,
  readIntentId,
  type ChangeEvent,
  type ChangeSource,
  type Op,
  type Position,
} from '../change/change.ts';
import type { KeptIds } from '../change/kept-ids.ts';
import { UNCHANGING } from '../explain/evidence.ts';
import { isDone } from '../explain/verdict.ts';
import type { ReportRecord } from '../report/report.ts';
import { isFailure, operationId } from '../report/summary.ts';

/** Where an event lies, and since when. */
export type Place = Position & Pick<ChangeSource, 'timestamp'>;

/** A final report. */
export interface Ending {
  /** The target had it then; false: it was given up. */
  readonly isDone: boolean;
  /** Epoch ms. */
  readonly at: number;
  readonly epoch: number;
}

/** The newest change that names the member. */
export interface MemberFacts {
  place: Place;
  /** null: not known, since its record is gone and no report says it. */
  op: Op | null;
  /** null: no report says that it has ended. */
  ending: Ending | null;
  /** As the source spells the member; null: as its key. */
  spelling: string | null;
}

export interface StateFacts {
  place: Place;
  /** By `idKey`, as the source spells them; null: not known, since the record is gone. */
  members: ReadonlyMap<string, string> | null;
  deleted: boolean;
  /** Of the state as a whole; null: no report says so. */
  ending: Ending | null;
}

export class GroupFacts {
  /** As the source spells it first. */
  readonly spelling: string;
  readonly #ids: KeptIds;
  readonly #members = new Map<string, MemberFacts>();
  #state: StateFacts | null = null;
  #invalid: Place | null = null;
  #newest: Place | null = null;
  #eventCount = 0;
  #lastVersion: { readonly version: string; readonly at: number } | null = null;

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

  /** Where the newest event lies that something is known of; null: nothing is. */
  get newest(): Place | null {
    return this.#newest;
  }

  /** How many events of it were read: more of them later, and it has moved. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Of the group after Rollcall's last request, as far as reports say; null: they do not. */
  get lastVersion(): string | null {
    return this.#lastVersion?.version ?? null;
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

  takeReport(record: ReportRecord): void {
    const id = readIntentId(operationId(record));
    if (id === null || UNCHANGING.has(record.outcome)) return;
    const place = { ...id.position, timestamp: record.source.timestamp };
    this.#note(place);
    if (record.outcome === 'invalid') {
      if (this.#invalid === null || comparePlaces(place, this.#invalid) > 0) this.#invalid = place;
      return;
    }
    this.#noteVersion(record);
    const name = record.source_member ?? id.member ?? record.member;
    const facts = name === null ? this.#stateAt(place) : this.#factsAt(name, place);
    if (facts !== null) facts.ending = newerOf(facts.ending, endingOf(record));
    if (facts !== null && 'op' in facts && (record.op === 'add' || record.op === 'remove')) facts.op ??= record.op;
    if (record.superseded_by !== null) this.#noteWinner(record.superseded_by, place);
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
  #noteWinner(id: string, { timestamp }: Place): void {
    const winner = readIntentId(id);
    if (winner === null) return;
    const place = { ...winner.position, timestamp };
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
    const facts = { place, op: null, ending: null, spelling: key === name ? null : this.#ids.kept(name) };
    this.#members.set(key, facts);
    return facts;
  }

  /** null: a newer one is known. */
  #stateAt(place: Place): StateFacts | null {
    const order = this.#state === null ? 1 : comparePlaces(place, this.#state.place);
    if (order < 0) return null;
    if (this.#state === null || order > 0) this.#state = { place, members: null, deleted: false, ending: null };
    return this.#state;
  }

  #note(place: Place): void {
    if (this.#newest === null || comparePlaces(place, this.#newest) > 0) this.#newest = place;
  }

  #noteVersion({ request, reported_at: reportedAt }: ReportRecord): void {
    const version = request?.etag_after ?? null;
    const at = Date.parse(reportedAt);
    if (version !== null && at >= (this.#lastVersion?.at ?? -Infinity)) this.#lastVersion = { version, at };
  }
}

/** Positive: `a` is newer. Where a key has moved between partitions the times of the records say so. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.partition === b.partition) return comparePositions(a, b);
  return a.timestamp - b.timestamp || a.partition - b.partition;
}

/** null: it has not ended, or a newer change has taken its place. */
function endingOf(record: ReportRecord): Ending | null {
  const { final, epoch, reported_at: reportedAt } = record;
  if (!isDone(record) && !(final && isFailure(record))) return null;
  return { isDone: isDone(record), at: Date.parse(reportedAt), epoch };
}

/** What was given up may have been tried again, so the newest report counts. */
function newerOf(known: Ending | null, ending: Ending | null): Ending | null {
  if (known === null || ending === null) return known ?? ending;
  return (ending.epoch - known.epoch || ending.at - known.at) >= 0 ? ending : known;
}
