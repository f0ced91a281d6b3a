/** What is held, as it is printed: by cause, each set with its size, the event that brought it, and some of its members. */
import { offsetText, positionText, sourceMember, type ChangeSource } from '../core/change/change.ts';
import { heldText } from '../core/group/guard.ts';
import { percentOf } from '../core/group/held-set.ts';
import { timeText } from '../core/report/reporting.ts';
import { countedLarge, numberText } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import type { HeldActors } from './held-events.ts';
import { causesOf, type HeldIntent, type HeldChoice, type HeldSet } from './held-sets.ts';
import { groupedBy } from './retry-topic.ts';

const SAMPLE_MAX = 5;

type Actors = HeldActors['actors'];

export const setLine = ({ intents, since, groupSize, newest, eventCount, ...set }: HeldSet, actors: Actors) => ({
  ...set,
  since: timeText(since),
  count: intents.length,
  group_size: groupSize,
  percent: percentOf(intents.length, groupSize),
  causes: causesOf(intents).map(([by, of]) => ({
    by,
    count: of.length,
    percent: percentOf(of.length, groupSize),
  })),
  event: eventLine(newest, actors),
  event_count: eventCount,
  sample: intents.slice(0, SAMPLE_MAX).map(sourceMember),
});

const eventLine = (event: ChangeSource, actors: Actors) => ({
  topic: event.topic,
  partition: event.partition,
  offset: offsetText(event),
  event_id: event.eventId,
  timestamp: timeText(event.timestamp),
  actor: actors.get(event) ?? null,
});

/** Under each cause the sets that it holds something of; the cause that holds most stands first. */
export function* listText(sets: readonly HeldSet[], actors: Actors): Generator<string> {
  const parts = sets.flatMap((set) => causesOf(set.intents).map(([by, intents]) => ({ by, part: { set, intents } })));
  const causes = [...groupedBy(parts, ({ by }) => by)].map(([by, of]) => ({ by, parts: of.map(({ part }) => part) }));
  for (const cause of causes.toSorted((a, b) => removalsIn(b.parts) - removalsIn(a.parts))) {
    yield `${cause.by}: ${heldText(cause.by)} (${removalsText(cause.parts)})\n`;
    for (const part of cause.parts) yield partText(part) + detailsText(part, actors);
  }
}

const removalsIn = (parts: readonly HeldChoice[]): number =>
  parts.reduce((sum, { intents }) => sum + intents.length, 0);

/** `1,204 removals of 3 groups`. */
export const removalsText = (parts: readonly HeldChoice[]): string =>
  `${countedLarge(removalsIn(parts), 'removal')} of ${countedLarge(new Set(parts.map(({ set }) => set)).size, 'group')}`;

/** With the digits that name its set. */
export const partText = ({ set, intents }: HeldChoice): string =>
  `${set.prefix}  group ${set.group}  ${sizeText(intents.length, set.groupSize)}  held since ${timeText(set.since)}\n`;

function sizeText(count: number, groupSize: number | null): string {
  const percent = percentOf(count, groupSize);
  return percent === null || groupSize === null
    ? countedLarge(count, 'removal')
    : `${numberText(count)} of ${numberText(groupSize)} members (${percent} %)`;
}

const detailsText = ({ set, intents }: HeldChoice, actors: Actors): string =>
  `    ${eventText(set, actors)}\n    ${sampleText(intents)}\n`;

function eventText({ newest, eventCount }: HeldSet, actors: Actors): string {
  const actor = actors.get(newest) ?? null;
  const name = newest.eventId === null ? positionText(newest) : `${visible(newest.eventId)} at ${positionText(newest)}`;
  const by = actor === null ? '' : ` by ${visible(actor)}`;
  const others = eventCount === 1 ? '' : `, the newest of ${numberText(eventCount)} events`;
  return `event ${name}${by}, ${timeText(newest.timestamp)}${others}`;
}

function sampleText(intents: readonly HeldIntent[]): string {
  const names = intents.slice(0, SAMPLE_MAX).map(sourceMember).join(', ');
  const left = intents.length - SAMPLE_MAX;
  return left > 0 ? `${names} and ${numberText(left)} more` : names;
}
