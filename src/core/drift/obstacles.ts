/** Evidence of a group that cannot be read: it may say the opposite of all else that is known. */
import { positionText } from '../change/change.ts';
import type { KnownOfGroup, Unreadable } from './differences.ts';
import { comparePlaces, isFormerPlace, type Place } from './place.ts';

/**
 * Each as a sentence. @param from what the source says up to there does not matter, such as where the newest full state lies; null: all
 * does. @param sourceRemedy of a batch of the source
 */
export function obstaclesOf(
  { facts: { invalid }, unreadable }: Pick<KnownOfGroup, 'facts' | 'unreadable'>,
  from: Place | null,
  sourceRemedy = REMEDY.source,
): readonly string[] {
  const remedies = { ...REMEDY, source: sourceRemedy };
  return [
    ...(invalid !== null && (from === null || comparePlaces(invalid, from) > 0)
      ? [`an event of the group, at ${positionText(invalid)}, could not be read: see its dead letter`]
      : []),
    ...unreadable.flatMap((each) => (isBefore(each, from) ? [] : [`${each.message}; ${remedies[each.topic]}`])),
  ];
}

const isBefore = ({ topic, partition, offset }: Unreadable, from: Place | null): boolean =>
  topic === 'source' && from?.partition === partition && !isFormerPlace(from) && from.offset > offset;

const REMEDY: Readonly<Record<Unreadable['topic'], string>> = {
  source: 'it may be about the group, until a full state of the group follows it in the source topic',
  retry: 'something of the group may wait there: look at it with the version of Rollcall that wrote it',
  report: 'it may say what became of a change: look at it with the version of Rollcall that wrote it',
};
