/** Evidence of a group that cannot be read: it may say the opposite of all else that is known. */
import { positionText } from '../change/change.ts';
import type { KnownOfGroup, Unreadable } from './differences.ts';
import { comparePlaces, type Place, type StateFacts } from './group-facts.ts';

/** Each as a sentence. @param state the newest full state, which says all that older records could; null: there is none */
export function obstaclesOf(
  { facts, unreadable }: Pick<KnownOfGroup, 'facts' | 'unreadable'>,
  state: StateFacts | null,
): readonly string[] {
  const invalid = isReplacing(state, facts.invalid) ? null : facts.invalid;
  return [
    ...(invalid !== null
      ? [`an event of the group, at ${positionText(invalid)}, could not be read: see its dead letter`]
      : []),
    ...unreadable.flatMap((each) => (isReplaced(each, state) ? [] : [`${each.message}; ${REMEDY[each.topic]}`])),
  ];
}

const isReplacing = (state: StateFacts | null, invalid: Place | null): boolean =>
  state !== null && invalid !== null && comparePlaces(invalid, state.place) <= 0;

const isReplaced = ({ topic, partition, offset }: Unreadable, state: StateFacts | null): boolean =>
  topic === 'source' && state?.place.partition === partition && state.place.offset > offset;

const REMEDY: Readonly<Record<Unreadable['topic'], string>> = {
  source: 'it may be about the group, until a full state of the group follows it in the source topic',
  retry: 'something of the group may wait there: look at it with the version of Rollcall that wrote it',
  report: 'it may say what became of a change: look at it with the version of Rollcall that wrote it',
};
