/** Who made the events that brought what is held, as their records in the source topic say. */
import type { ChangeSource } from '../core/change/change.ts';
import { errorText } from '../core/text/visible.ts';
import { actorsIn } from '../formats/actor.ts';
import type { TopicRecord } from '../ports.ts';
import { endIfStopped, type CommandContext } from './command-context.ts';
import { groupedBy, type RetryTopic } from './retry-topic.ts';

export interface HeldEvents {
  /** By the event that is asked about; null: its record does not say. */
  readonly actors: ReadonlyMap<ChangeSource, string | null>;
  /** Their records were looked for, and are not in the topic any more, or cannot be read. */
  readonly missing: ReadonlySet<ChangeSource>;
}

interface Found extends HeldEvents {
  /** Why more is not known. */
  readonly problem: string | null;
}

/** None was looked for. */
export const NO_EVENTS: HeldEvents = { actors: new Map(), missing: new Set() };

/** Each partition is read where an asked event lies, once for each that lies further away than one answer of its broker. */
export async function actorsOf(
  events: readonly ChangeSource[],
  { tools, context }: Pick<RetryTopic, 'tools' | 'context'>,
): Promise<Found> {
  const actors = new Map<ChangeSource, string | null>();
  const missing = new Set<ChangeSource>();
  let problem: string | null = null;
  for (const [topic, asked] of groupedBy(events, (event) => event.topic)) {
    try {
      const searched = new SearchedEvents(asked, actors);
      while (searched.isOpen && !context.stop.aborted) await searched.read(tools.read(topic, searched.next(context)));
      for (const event of asked.filter((each) => !actors.has(each))) missing.add(event);
    } catch (error) {
      problem = `who made the events is not known, since ${topic} cannot be read: ${errorText(error)}`;
    }
  }
  endIfStopped(context, 'before the source was read');
  return { actors, missing, problem };
}

class SearchedEvents {
  /** By partition, in the order of their offsets. */
  readonly #open: Map<number, ChangeSource[]>;
  readonly #actors: Map<ChangeSource, string | null>;

  constructor(events: readonly ChangeSource[], actors: Map<ChangeSource, string | null>) {
    const sorted = events.toSorted((a, b) => Number(a.offset - b.offset));
    this.#open = new Map([...groupedBy(sorted, ({ partition }) => partition)].map(([at, of]) => [at, [...of]]));
    this.#actors = actors;
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** From the first event of each partition on. */
  next({ stop }: Pick<CommandContext, 'stop'>) {
    const offsets = new Map([...this.#open].map(([partition, [first]]) => [partition, first?.offset ?? 0n]));
    const options = { follow: false, signal: stop, unreadable: 'tell', leaderless: 'leave_out' } as const;
    return { ...options, from: { offsets }, partitions: [...offsets.keys()] };
  }

  /** Until the first event of each partition is passed, or is not there. */
  async read(records: AsyncIterable<TopicRecord>): Promise<void> {
    const reading = new Set(this.#open.keys());
    for await (const record of records) {
      if (this.#take(record)) reading.delete(record.partition);
      if (reading.size === 0) return;
    }
    for (const partition of reading) this.#open.delete(partition);
  }

  /** Whether the first event that was asked for is behind it. */
  #take(record: TopicRecord): boolean {
    const events = this.#open.get(record.partition);
    if (events === undefined) return true;
    const before = events.length;
    while (events[0] !== undefined && events[0].offset <= record.offset) {
      const event = events.shift();
      if (event?.offset === record.offset) this.#note(event, record);
    }
    if (events.length === 0) this.#open.delete(record.partition);
    return events.length < before;
  }

  #note(event: ChangeSource, { value }: TopicRecord): void {
    this.#actors.set(event, actorsIn(value, event.index === null ? 1 : 2)(event.eventId));
  }
}
