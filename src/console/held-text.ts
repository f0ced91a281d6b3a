/** What is held, as it is printed: by cause, each set with its size, the event that brought it, and some of its members. */
import { offsetText, positionText, sourceMember, type ChangeSource } from '../core/change/change.ts';
import { heldText } from '../core/group/guard.ts';
import { percentOf } from '../core/group/held-set.ts';
import { timeText } from '../core/report/reporting.ts';
import { countedLarge, numberText } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import type { HeldEvents } from './held-events.ts';
import type { HeldIntent } from '../core/change/pending.ts';
import { isWhole, wholeOf, type HeldCause, type HeldSet, type SelectedPart } from './held-sets.ts';
import { groupedBy } from './retry-topic.ts';

const SAMPLE_MAX = 5;

/** `digest` and `prefix` are null of a part, which no digest of the list names. `causes` are those of the set. */
export function partLine(part: SelectedPart, looked: HeldEvents) {
  const { set, intents } = part;
  return {
    digest: isWhole(part) ? set.digest : null,
    prefix: isWhole(part) ? set.prefix : null,
    group: set.group,
    partition: set.partition,
    by: set.by,
    since: timeText(set.since),
    count: intents.length,
    group_size: set.groupSize,
    percent: percentOf(intents.length, set.groupSize),
    causes: set.causes.map(({ by, intents: { length }, newest, eventCount }) => ({
      by,
      count: length,
      percent: percentOf(length, set.groupSize),
      event: eventLine(newest, looked),
      event_count: eventCount,
    })),
    sample: intents.slice(0, SAMPLE_MAX).map(sourceMember),
  };
}

const eventLine = (event: ChangeSource, { actors, missing }: HeldEvents) => ({
  topic: event.topic,
  partition: event.partition,
  offset: offsetText(event),
  event_id: event.eventId,
  timestamp: timeText(event.timestamp),
  actor: actors.get(event) ?? null,
  is_retained: missing.has(event) ? false : actors.has(event) ? true : null,
});

/** Sets with the same causes stand together; those of which most is held stand first. A set is never divided: a digest names all of it. */
export function* listText(sets: readonly HeldSet[], looked: HeldEvents): Generator<string> {
  const sections = [...groupedBy(sets, ({ by }) => by.toSorted().join()).values()];
  for (const section of sections.toSorted((a, b) => removalsIn(b) - removalsIn(a))) {
    const [{ by } = { by: [] }] = section;
    const parts = section.map(wholeOf);
    yield `${by.map((each) => `${each}: ${heldText(each)}`).join('; ')} (${removalsText(parts)})\n`;
    for (const part of parts)
      yield partText(part) + part.set.causes.map((cause) => causeText(part.set, cause, looked)).join('');
  }
}

const removalsIn = (sets: readonly Pick<HeldSet, 'intents'>[]): number =>
  sets.reduce((sum, { intents }) => sum + intents.length, 0);

/** `1,204 removals of 3 groups`. */
export const removalsText = (parts: readonly SelectedPart[]): string =>
  `${countedLarge(removalsIn(parts), 'removal')} of ${countedLarge(new Set(parts.map(({ set }) => set.group)).size, 'group')}`;

/** With the digits that name its set; those of a part would name more than is shown. */
export function partText(part: SelectedPart): string {
  const { set, intents } = part;
  const name = isWhole(part) ? set.prefix : `${numberText(intents.length)} of ${numberText(set.intents.length)} held`;
  return `${name}  group ${set.group}  ${sizeText(intents.length, set.groupSize)}  held since ${timeText(set.since)}\n`;
}

function sizeText(count: number, groupSize: number | null): string {
  const percent = percentOf(count, groupSize);
  return percent === null || groupSize === null
    ? countedLarge(count, 'removal')
    : `${countedLarge(count, 'removal')}, of ${countedLarge(groupSize, 'member')} when first held (${percent} %)`;
}

function causeText({ causes }: HeldSet, { by, intents, ...events }: HeldCause, looked: HeldEvents): string {
  const share = causes.length === 1 ? '' : `${numberText(intents.length)} by ${by}: `;
  return `    ${share}${eventText(events, looked)}\n    ${sampleText(intents)}\n`;
}

function eventText({ newest, eventCount }: Pick<HeldCause, 'newest' | 'eventCount'>, looked: HeldEvents): string {
  const actor = looked.actors.get(newest) ?? null;
  const name = newest.eventId === null ? positionText(newest) : `${visible(newest.eventId)} at ${positionText(newest)}`;
  const by = actor === null ? '' : ` by ${visible(actor)}`;
  const others = eventCount === 1 ? '' : `, the newest of ${numberText(eventCount)} events`;
  const gone = looked.missing.has(newest) ? '; its record is gone or cannot be read, so who made it is not known' : '';
  return `event ${name}${by}, ${timeText(newest.timestamp)}${others}${gone}`;
}

function sampleText(intents: readonly HeldIntent[]): string {
  const names = intents.slice(0, SAMPLE_MAX).map(sourceMember).join(', ');
  const left = intents.length - SAMPLE_MAX;
  return left > 0 ? `${names} and ${numberText(left)} more` : names;
}
