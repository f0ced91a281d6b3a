/** What stands of one member, or of the newest full state, before it is compared: the newest change, and what became of it. */
import { idKey, positionText, type Op } from '../change/change.ts';
import type { WaitingChange } from '../explain/verdict.ts';
import type { KnownOfGroup, Named, Undone, Unmet, WaitingOfGroup } from './differences.ts';
import type { ReportedOutcome, StateFacts } from './group-facts.ts';
import { comparePlaces, isFormerPlace, type Place } from './place.ts';

/** Of one member, by the target's name. */
export interface Standing {
  readonly name: string;
  readonly place: Place;
  readonly op: Op | null;
  /** By its last final report; null: there is none, or it is about another name at the target. */
  readonly final: ReportedOutcome | null;
  readonly waiting: WaitingChange['state'] | null;
  /** Reports are about another name at the target, which the id map gave then. */
  readonly isElsewhere: boolean;
  /** The record of the full state that decides is the place. */
  readonly isState: boolean;
}

export const NOTHING_REPORTED = { final: null, waiting: null, isElsewhere: false, isState: false } as const;

/** No report of its own says so: the full state is finished, and came to nothing for the member. */
export const AS_STATE_SAYS: ReportedOutcome = { kind: 'done', at: 0, epoch: 0, target: null, group: null };

export const waitingStates = (waiting: readonly WaitingOfGroup[]): readonly WaitingOfGroup[] =>
  waiting.filter(({ intent }) => intent.op === 'state');

/** The source has deleted the group, and nothing since then may want a member. */
export function isGoneInSource({ facts, waiting }: Pick<KnownOfGroup, 'facts' | 'waiting'>): boolean {
  const state = newestState(facts.state, waitingStates(waiting));
  if (state?.deleted !== true) return false;
  const isLater = (place: Place, op: Op | 'state' | null): boolean =>
    op !== 'remove' && comparePlaces(place, state.place) > 0;
  return !(
    [...facts.members.values()].some(({ place, op }) => isLater(place, op)) ||
    waiting.some(({ intent: { source, op } }) => isLater(source, op)) ||
    (facts.invalid !== null && isLater(facts.invalid, null))
  );
}

/** The newer one; of one event the removal counts, and a name of the source before one of the target. */
export function newerStanding(a: Standing, b: Standing, key: string): Standing {
  const order = comparePlaces(a.place, b.place);
  if (order !== 0) return order > 0 ? a : b;
  const [isTargetA, isTargetB] = [a, b].map(({ name }) => idKey(name) === key);
  if (isTargetA !== isTargetB && idKey(a.name) !== idKey(b.name)) return isTargetA === true ? b : a;
  if (a.op !== b.op && a.op !== null && b.op !== null) return a.op === 'remove' ? a : b;
  // The live record, which is noted later, says more than a report of what waits.
  return { ...a, op: a.op ?? b.op, final: a.final ?? b.final, waiting: b.waiting ?? a.waiting };
}

/** A full state that waits may be newer than what is left of the source. */
export function newestState(known: Readonly<StateFacts> | null, waiting: readonly WaitingOfGroup[]): StateFacts | null {
  let newest: StateFacts | null = known;
  for (const { intent } of waiting) {
    const { source: place, whole } = intent;
    const order = newest === null ? 1 : comparePlaces(place, newest.place);
    if (order < 0 || (order === 0 && newest?.members !== null)) continue;
    const members = new Map((whole?.members ?? []).map((name) => [idKey(name), name]));
    const reports = order > 0 || newest === null ? NO_REPORTS : newest;
    const { final, waits, hasCome } = reports;
    newest = { place, members, deleted: whole?.deleted === true, hasCome, final, waits };
  }
  return newest;
}

const NO_REPORTS = { final: null, waits: null, hasCome: false } as const;

export const isAt = (place: Place, other: Place | undefined): boolean =>
  other !== undefined && comparePlaces(place, other) === 0;

const reportOf = ({ place, name, isState }: Standing): string =>
  isState ? positionText(place) : `${positionText(place)}/${name}`;

export function undoneBy(standing: Standing): Pick<Undone, 'event' | 'report' | 'reported_at'> {
  const { final, place } = standing;
  const isReported = final !== null && final !== AS_STATE_SAYS;
  return {
    event: positionText(place),
    report: isReported ? reportOf(standing) : null,
    reported_at: isReported ? new Date(final.at).toISOString() : null,
  };
}

/** @param op what is wanted. */
export function unmetBy(standing: Standing | null, op: Op): Omit<Unmet, keyof Named> {
  if (standing !== null && standing.op !== null && standing.op !== op) {
    const { place } = standing;
    if (isFormerPlace(place)) return { evidence: 'no_report', report: null };
    const said = { event: positionText(place), event_at: new Date(place.timestamp).toISOString() };
    return { evidence: 'source_says_otherwise', report: null, ...said };
  }
  const kind = standing?.final?.kind;
  if (standing === null || (kind !== 'failed' && kind !== 'refused')) return { evidence: 'no_report', report: null };
  return { evidence: kind, report: reportOf(standing) };
}
