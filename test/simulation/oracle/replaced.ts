/** What has taken the place of something that a live record still holds, and will not be read again. */
import type { WantedIntent, WantedState } from '../../oracle/intents.ts';
import type { LiveIntent } from '../../oracle/live-records.ts';
import type { Knowledge } from './knowledge.ts';
import { seatOf } from './knowledge.ts';
import type { LiveView } from './live-view.ts';

interface Around {
  readonly knowledge: Knowledge;
  /** Of the partition of the live record. */
  readonly view: LiveView | undefined;
  /** It is newer than what the record holds, and committed. */
  readonly isCommitted: (place: bigint) => boolean;
}

/** undefined: nothing has. */
export function replacing(older: LiveIntent, around: Around): WantedIntent | WantedState | undefined {
  const { knowledge, isCommitted } = around;
  if (older.member === '') return newerState(older, around) ?? newerChange(older, around);
  return newerState(older, around) ?? knowledge.seats.get(seatOf(older))?.find(({ place }) => isCommitted(place));
}

/** Where the full state itself is in the record, a restore lets it take the place of what is older. */
function newerState({ group, member }: LiveIntent, { knowledge, view, isCommitted }: Around): WantedState | undefined {
  const recorded = member === '' ? undefined : view?.find(group, '')?.place;
  return knowledge.groupStates.get(group)?.find(({ place }) => isCommitted(place) && place !== recorded);
}

/** A full state is expanded again after a restore, under what stands on it there; a dead one is gone with what is newer. */
function newerChange({ group, dead }: LiveIntent, { knowledge, view, isCommitted }: Around): WantedIntent | undefined {
  const newest = [...knowledge.seats.values()].flatMap((seat) => (seat[0]?.group === group ? (seat.at(-1) ?? []) : []));
  return newest.find(
    ({ member, place }) => isCommitted(place) && (dead !== null || view?.find(group, member)?.place !== place),
  );
}
