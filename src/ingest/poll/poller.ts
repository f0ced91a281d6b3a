/**
 * Room ingest/poll: providers that are asked for what is new: pages, cursors.
 * Not here: HTTP and credentials (adapters/idp).
 *
 * Asks an identity provider for what is new, over and over. One page at a time: its changes are written to the ingest topic
 * and acknowledged, then the cursor. A crash between the two makes the page come again; nothing is skipped.
 */
import { isChange, isUnread, type SourceEvent } from '../../core/change/change.ts';
import { IdpTrouble } from '../../core/ids/idp-failure.ts';
import { pause, unlessAborted } from '../../time.ts';
import type { Clock, Logger, OutRecord } from '../../ports.ts';
import { deadLettersFor, deliverNext } from '../delivery.ts';
import { nativeRecords } from '../native-record.ts';
import type { SendQueue } from '../send-queue.ts';
import { PagesRead } from './answer.ts';
import { CursorRefusal, cursorKey, cursorRecords, type Stored } from './cursor-store.ts';
import type { GroupMark, KnownGroups, Page, PollSource } from './source.ts';
import { doubledMs } from '../../core/target/retry.ts';

export interface PollerOptions {
  readonly topic: string;
  readonly deadLetterTopic: string;
  readonly cursorTopic: string;
  readonly intervalMs: number;
  readonly startFrom: 'full' | 'now';
  /** Ends when there is nothing new, or at the first trouble. */
  readonly mode: 'once' | 'forever';
}

export interface PollerWorld {
  readonly source: PollSource;
  readonly stored: Stored;
  readonly queue: SendQueue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stop: AbortSignal;
}

const TROUBLE_PAUSE_MAX_MS = 900_000;
const DOUBLINGS_MAX = 20;
/** A single page comes within seconds. */
const UNANSWERED_MS = 60_000;

export class Poller {
  readonly #options: PollerOptions;
  readonly #world: PollerWorld;
  readonly #known: Map<string, string>;
  #cursor: string | null;
  /** A cursor has been lost that was never read from: another one would be lost as well. */
  #isFresh = false;
  /** Since there was nothing new, or since the last trouble. */
  #pages: PagesRead;
  /** Since there was nothing new. */
  #troubles = 0;
  /** The last one, if nothing was read since. */
  #trouble: string | null = null;
  /** When the answer that is waited for was asked for, epoch ms; null: none is. */
  #askedAt: number | null = null;

  constructor(options: PollerOptions, world: PollerWorld) {
    this.#options = options;
    this.#world = world;
    this.#known = new Map(world.stored.known);
    this.#cursor = world.stored.cursor;
    this.#pages = new PagesRead(world.source.name);
  }

  /** Why the identity provider is not read at present; null: it is. */
  get stuck(): string | null {
    if (this.#trouble !== null) return `the identity provider cannot be read: ${this.#trouble}`;
    if (this.#askedAt === null || this.#world.clock.now().wall - this.#askedAt < UNANSWERED_MS) return null;
    return `the identity provider has not answered since ${new Date(this.#askedAt).toISOString()}`;
  }

  /** Until asked to stop, or once. Rejects with IdpRefusal or CursorRefusal; with IdpTrouble only where it runs once. */
  async run(): Promise<void> {
    const { clock, stop, logger, source } = this.#world;
    if (this.#cursor !== null && !source.isCursor(this.#cursor))
      throw new CursorRefusal(this.#options.cursorTopic, cursorKey(source));
    const { trace } = this.#world.stored;
    if (trace !== null)
      logger.warn(
        { source: source.name, why: trace },
        'no cursor, but a trace of earlier polls: reading every group in full',
      );
    while (!stop.aborted) {
      try {
        const isDone = await this.#step();
        if (!isDone) continue;
        this.#troubles = 0;
        this.#pages = new PagesRead(source.name);
        if (this.#options.mode === 'once') return;
      } catch (error) {
        if (stop.aborted) return;
        if (!(error instanceof IdpTrouble) || this.#options.mode === 'once') throw error;
        logger.error({ error: error.message }, 'the identity provider cannot be read, trying again');
        this.#pages = new PagesRead(source.name);
        this.#troubles += 1;
        this.#trouble = error.message;
      }
      this.#askedAt = null;
      await unlessAborted(stop, pause(clock, this.#pauseMs()));
    }
  }

  /** Doubled with each trouble: what cannot be read may have written something before it broke off. */
  #pauseMs(): number {
    const { intervalMs } = this.#options;
    const doublings = Math.min(Math.max(this.#troubles - 1, 0), DOUBLINGS_MAX);
    return Math.max(intervalMs, doubledMs(intervalMs, doublings, TROUBLE_PAUSE_MAX_MS));
  }

  /** true: nothing new for now. */
  async #step(): Promise<boolean> {
    const { source, logger } = this.#world;
    if (this.#cursor === null) {
      // After earlier polls, `now` would leave out what has happened since.
      await this.#start(this.#world.stored.trace === null ? this.#options.startFrom : 'full');
      return false;
    }
    this.#pages.note(this.#cursor);
    this.#askedAt = this.#world.clock.now().wall;
    const page = await source.read(this.#cursor, this.#known);
    if ('kind' in page) {
      if (this.#isFresh) throw new IdpTrouble(`a new cursor is not taken either: ${page.reason}`);
      logger.error({ source: source.name, reason: page.reason }, 'the cursor is lost: every group is read again');
      // What has happened since is unknown, so that `now` is no choice.
      await this.#start('full');
      return false;
    }
    this.#isFresh = false;
    // From there the same page would come again.
    const leadsOn = page.cursor !== this.#cursor;
    await this.#take(page);
    return !page.hasMore || !leadsOn;
  }

  async #start(from: 'full' | 'now'): Promise<void> {
    const { source, logger } = this.#world;
    let count = 0;
    this.#askedAt = this.#world.clock.now().wall;
    for await (const page of source.start(from, this.#known)) {
      count += page.events.length;
      await this.#take(page);
    }
    this.#isFresh = true;
    logger.info({ source: source.name, from, events: count }, 'the identity provider is read from here on');
  }

  async #take(page: Page): Promise<void> {
    const { cursorTopic } = this.#options;
    const { source } = this.#world;
    if (page.cursor !== null && !source.isCursor(page.cursor))
      throw new IdpTrouble('an answer leads on to an address that is none of its log');
    this.#trouble = null;
    this.#askedAt = null;
    const records = this.#recordsOf(page);
    await this.#send(records);
    const marks = [...marksOf(page.events, this.#known), ...page.marks];
    // A page that only says that nothing is new costs no record.
    const cursor = page.cursor === this.#cursor ? null : page.cursor;
    const kept = cursorRecords(cursorTopic, cursorKey(source), { cursor, marks });
    await this.#send(kept);
    this.#cursor = page.cursor ?? this.#cursor;
    for (const { group, mark } of marks) {
      if (mark === null) this.#known.delete(group);
      else this.#known.set(group, mark);
    }
    this.#askedAt = this.#world.clock.now().wall;
  }

  #recordsOf({ events, original }: Page): readonly OutRecord[] {
    const { topic, deadLetterTopic } = this.#options;
    const { source, clock, logger } = this.#world;
    const unread = events.filter(isUnread);
    if (unread.length > 0) {
      const codes = [...new Set(unread.map(({ code }) => code))];
      logger.warn({ count: unread.length, codes }, 'what could not be read is in the dead-letter topic');
    }
    const origin = { source: `poll/${source.name}`, at: clock.now().wall, value: original, headers: [] };
    return [...nativeRecords(events, topic), ...deadLettersFor(deadLetterTopic, unread, origin)];
  }

  async #send(records: readonly OutRecord[]): Promise<void> {
    const { topic, deadLetterTopic } = this.#options;
    const { source, queue, clock, logger } = this.#world;
    const origin = { source: `poll/${source.name}`, at: clock.now().wall };
    const refused = await deliverNext(records, { queue, deadLetterTopic, origin, logger });
    if (refused > 0) logger.error({ count: refused, topic }, 'records are refused; they are in the dead-letter topic');
  }
}

/** Groups that are there, as far as it is news, and groups that are gone. */
function marksOf(events: readonly SourceEvent[], known: KnownGroups): readonly GroupMark[] {
  const marks = new Map<string, string | null>();
  for (const event of events) {
    if (!isChange(event)) continue;
    if (event.kind === 'state' && event.deleted) marks.set(event.group, null);
    else if (!known.has(event.group) || marks.get(event.group) === null) marks.set(event.group, '');
  }
  return [...marks].map(([group, mark]) => ({ group, mark }));
}
