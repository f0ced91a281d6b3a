/** What the topics hold, brought together by id. A group lies in one partition, so offsets order its intents. */
import { deadLettersOf, type DeadLetters } from './dead-letters.ts';
import { impliedBy } from './full-states.ts';
import type { SourceRecord, WantedEvent, WantedIntent, WantedState } from './intents.ts';
import { wantedOf } from './intents.ts';
import { liveIntents, type LiveIntent, type TopicRecord } from './live-records.ts';
import { placeText } from './places.ts';
import { countingReports, type Report } from './reports.ts';

export interface Topics {
  /** The source topic. */
  readonly topic: string;
  readonly source: readonly SourceRecord[];
  /** Parsed JSON, in the topic's order. */
  readonly reports: readonly unknown[];
  readonly retry: readonly TopicRecord[];
  readonly deadLetters: readonly TopicRecord[];
  /** By source partition. */
  readonly sourceEnds: ReadonlyMap<number, bigint>;
}

export interface Facts {
  readonly intents: ReadonlyMap<string, WantedIntent>;
  readonly events: ReadonlyMap<string, WantedEvent>;
  readonly states: ReadonlyMap<string, WantedState>;
  /** By `seat`: of what names the member itself. */
  readonly newest: ReadonlyMap<string, WantedIntent>;
  /** By group. */
  readonly newestState: ReadonlyMap<string, WantedState>;
  readonly reports: readonly Report[];
  /** By id. */
  readonly counting: ReadonlyMap<string, Report>;
  /** By id. */
  readonly live: ReadonlyMap<string, LiveIntent>;
  /** Of the retry topic, each in its order. */
  readonly retryPartitions: ReadonlyMap<number, readonly TopicRecord[]>;
  readonly deadLetters: DeadLetters;
}

export function factsOf({ topic, source, sourceEnds, reports: parsed, retry, deadLetters }: Topics): Facts {
  const wanted = source.flatMap((record) => wantedOf(topic, record, sourceEnds.size));
  const intents = wanted.filter((one) => one.kind === 'intent');
  const events = wanted.filter((one) => one.kind === 'event');
  const newest = new Map<string, WantedIntent>();
  for (const intent of intents) {
    const known = newest.get(seat(intent));
    if (known === undefined || known.place < intent.place) newest.set(seat(intent), intent);
  }
  const states = wanted.filter((one) => one.kind === 'state');
  const newestState = new Map<string, WantedState>();
  for (const state of states) {
    if ((newestState.get(state.group)?.place ?? -1n) < state.place) newestState.set(state.group, state);
  }
  const retryPartitions = byPartition(retry);
  const live = new Map<string, LiveIntent>();
  for (const [partition, records] of retryPartitions) {
    for (const intent of [...liveIntents(records).values()].flat()) {
      const position = `${topic}/${partition}/${placeText(intent.place)}`;
      live.set(intent.member === '' ? position : `${position}/${intent.name}`, intent);
    }
  }
  const reports = parsed as readonly Report[];
  return {
    intents: new Map(intents.map((intent) => [intent.id, intent])),
    events: new Map(events.map((event) => [event.id, event])),
    states: new Map(states.map((state) => [state.id, state])),
    newest,
    newestState,
    reports,
    counting: countingReports(reports),
    live,
    retryPartitions,
    deadLetters: deadLettersOf(deadLetters),
  };
}

/** Whom it concerns in which group; ids hold no control characters. */
export const seat = ({ group, member }: Pick<WantedIntent, 'group' | 'member'>): string => `${group}\n${member}`;

/** What counts for a seat: the newest change of its member, or the full state that is newer. */
export function newestOf(
  facts: Facts,
  { group, member }: Pick<WantedIntent, 'group' | 'member'>,
): WantedIntent | undefined {
  const state = facts.newestState.get(group);
  const change = facts.newest.get(seat({ group, member }));
  if (state === undefined || (change !== undefined && change.place > state.place)) return change;
  return impliedBy(state, member);
}

function byPartition(records: readonly TopicRecord[]): ReadonlyMap<number, readonly TopicRecord[]> {
  const partitions = new Map<number, TopicRecord[]>();
  for (const record of records) {
    const known = partitions.get(record.partition);
    if (known === undefined) partitions.set(record.partition, [record]);
    else known.push(record);
  }
  for (const own of partitions.values()) own.sort((a, b) => (a.offset < b.offset ? -1 : 1));
  return partitions;
}
