/**
 * What full states want (protocol.md 5.3), without any code of `src`: each is an implied intent for every member that there
 * is, an add of those whom it names and a removal of everybody else.
 */
import { keyOf, type WantedIntent, type WantedState } from './intents.ts';

/** An intent that a full state implies; its report, if there is one, has the id of the state and the member. */
export const impliedBy = (state: WantedState, member: string): WantedIntent => ({
  kind: 'intent',
  id: `${state.id}/${state.names.get(member) ?? member}`,
  group: state.group,
  member,
  name: state.names.get(member) ?? member,
  op: state.members.has(member) ? 'add' : 'remove',
  partition: state.partition,
  place: state.place,
  whole: state,
});

/** The record that an id is about: `topic/partition/offset`. No topic's name holds a slash. */
export const recordIdOf = (id: string): string => id.split('/', 3).join('/');

/** The member of an id; '' for the record as a whole. */
const memberOfId = (id: string): string => id.slice(recordIdOf(id).length + 1);

/** What the id is about, if a full state implies it; undefined: none does. */
export function impliedById(states: ReadonlyMap<string, WantedState>, id: string): WantedIntent | undefined {
  const state = states.get(recordIdOf(id));
  const member = memberOfId(id);
  return state === undefined || member === '' ? undefined : impliedBy(state, keyOf(member));
}

/** An empty group: whatever the limits of the guard, an operator decides. */
export const isAlwaysHeld = ({ whole }: WantedIntent): boolean => whole?.members.size === 0;
