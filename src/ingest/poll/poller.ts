/**
 * Room ingest/poll: providers that are asked for what is new: pages, cursors.
 * Not here: HTTP and credentials (adapters/idp).
 *
 * Asks an identity provider for what is new, over and over. One page at a time: its changes are written to the ingest topic
 * and acknowledged, then the cursor. A crash between the two makes the page come again; nothing is skipped.
 */
import { z } from 'zod';
import { isChange, isUnread, type SourceEvent } from '../../core/change/change.ts';
import { IdpTrouble } from '../../core/ids/idp-failure.ts';
import { textOf } from '../../core/log/wire-intent.ts';
import { doubledMs } from '../../core/target/retry.ts';
import { readJsonText } from '../../formats/reading/reading.ts';
import type { Clock, LogTools, Logger, OutRecord } from '../../ports.ts';
import { pause, unlessAborted } from '../../time.ts';
import { deadLettersFor, deliverNext, nativeRecords } from '../delivery.ts';
import type { SendQueue } from '../send-queue.ts';
import type { GroupMark, KnownGroups, Page, PollSource, Scope } from './source.ts';
import { PagesRead } from './source.ts';

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

/*
 * How far an identity provider was read, in a compacted topic of one partition: the cursor under `<source>/<scope>`, and a
 * mark for each known group under `<source>/<scope>/group/<id>`.
 */

export interface Stored {
  /** null: none. */
  readonly cursor: string | null;
  /** Group → mark. */
  readonly known: Map<string, string>;
  /** Where there is no cursor: what shows that the source was polled before all the same; null: nothing does. */
  readonly trace: string | null;
}

/** Which cursor: `okta/example.okta.com`. */
export const cursorKey = ({ name, scope }: Pick<PollSource, 'name' | 'scope'>): string => `${name}/${scope}`;

/** What is stored is no cursor: another writer has written it, or it is damaged. Nothing is asked for with it. */
export class CursorRefusal extends Error {
  override readonly name = 'CursorRefusal';

  constructor(topic: string, key: string) {
    super(
      `the record ${key} of the topic ${topic} is no cursor, so that nothing was asked for. Find out who can write to the ` +
        'topic, then delete the record, and every group is read as a full state, even with INGEST_POLL_START=now: ' +
        `echo '${key}|NULL' | kafka-console-producer.sh --bootstrap-server $KAFKA_BROKERS --topic ${topic} ` +
        "--property parse.key=true --property key.separator='|' --property null.marker=NULL",
    );
  }
}

const Cursor = z.object({ v: z.literal(1), cursor: z.string() });
const Mark = z.object({ v: z.literal(1), mark: z.string() });

export async function loadCursor(
  tools: Pick<LogTools, 'read'>,
  topic: string,
  { source, signal }: { readonly source: Pick<PollSource, 'name' | keyof Scope>; readonly signal: AbortSignal },
): Promise<Stored> {
  const key = cursorKey(source);
  const formerKey = source.formerScope === null ? null : cursorKey({ name: source.name, scope: source.formerScope });
  let cursor: string | null = null;
  let hasOwn = false;
  let hasFormer = false;
  const known = new Map<string, string>();
  for await (const record of tools.read(topic, { from: 'beginning', follow: false, signal })) {
    const name = textOf(record.key) ?? '';
    const value = textOf(record.value);
    // Also one that is deleted.
    hasOwn ||= isOf(key, name);
    hasFormer ||= formerKey !== null && isOf(formerKey, name);
    // Unreadable, it is no cursor of any source, and is refused as such.
    if (name === key) cursor = value === null ? null : (parsed(Cursor, value)?.cursor ?? '');
    if (!name.startsWith(`${key}/group/`)) continue;
    const group = name.slice(`${key}/group/`.length);
    const mark = value === null ? undefined : parsed(Mark, value)?.mark;
    if (mark === undefined) known.delete(group);
    else known.set(group, mark);
  }
  const former = hasFormer ? `${FORMER}: ${formerKey}` : null;
  const trace = hasOwn ? `the cursor is deleted, or the first reading broke off: ${key}` : former;
  return { cursor, known, trace: cursor === null ? trace : null };
}

const FORMER =
  'the cursor of a former version may be that of another provider on this host and is not used, ' +
  'so that groups deleted since the last poll are not reported';

/** The cursor, or the mark of a group. */
const isOf = (key: string, name: string): boolean => name === key || name.startsWith(`${key}/group/`);

/** The cursor last: what it says is true once all the others are written. */
export function cursorRecords(
  topic: string,
  key: string,
  { cursor, marks }: { readonly cursor: string | null; readonly marks: readonly GroupMark[] },
): readonly OutRecord[] {
  const record = (name: string, value: object | null): OutRecord => ({
    topic,
    partition: 0,
    key: name,
    value: value === null ? null : JSON.stringify({ v: 1, ...value }),
    headers: [],
  });
  return [
    ...marks.map(({ group, mark }) => record(`${key}/group/${group}`, mark === null ? null : { mark })),
    ...(cursor === null ? [] : [record(key, { cursor })]),
  ];
}

function parsed<T>(type: z.ZodType<T>, text: string): T | null {
  const read = readJsonText(text);
  const result = read.ok ? type.safeParse(read.json) : null;
  return result?.success ? result.data : null;
}
