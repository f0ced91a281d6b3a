/** What a poller says of the identity provider while it reads, waits and writes, and what ends with a page that came. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { IdpTrouble } from '../../src/core/ids/idp-failure.ts';
import { fullState } from '../../src/formats/reading/reading.ts';
import { Poller } from '../../src/ingest/poll/poller.ts';
import { lost, type Lost, page, type Page, type PollSource } from '../../src/ingest/poll/source.ts';
import { SendQueue } from '../../src/ingest/send-queue.ts';
import type { OutRecord, SendOutcome } from '../../src/ports.ts';
import { ManualClock } from '../support/manual-clock.ts';

const MINUTES = 60_000;
const INTERVAL_MS = 5 * MINUTES;
const topics = { topic: 'source', deadLetterTopic: 'dead-letter', cursorTopic: 'cursors' };

let clock: ManualClock;
let lines: string[];
let starts: number;
/** Its answer to each question. */
let read: () => Promise<Page | Lost>;
/** Awaited before each write. */
let beforeSend: () => Promise<void>;
/** Awaited after the first page of all groups. */
let nextPage: () => Promise<void>;
let poller: Poller;
let end: () => Promise<void>;

/** A page that says that nothing is new, with a change before it where one is named. */
const nothingNew = (group?: string): Page =>
  page({ events: group === undefined ? [] : [fullState({ group, members: [] })], hasMore: false });

beforeEach(async () => {
  clock = new ManualClock();
  lines = [];
  starts = 0;
  read = async () => nothingNew();
  beforeSend = async () => undefined;
  nextPage = async () => undefined;
  const write = (_: object, message: string): void => void lines.push(message);
  const logger = { debug: write, info: write, warn: write, error: write };
  const source: PollSource = {
    name: 'okta',
    scope: 'example',
    formerScope: null,
    async *start() {
      starts += 1;
      yield page({ cursor: `c${starts}` });
      await nextPage();
    },
    isCursor: () => true,
    read: () => read(),
  };
  const tools = {
    send: async (records: readonly OutRecord[]): Promise<readonly SendOutcome[]> => {
      await beforeSend();
      return records.map(() => 'written');
    },
  };
  const queue = new SendQueue({ tools, clock, logger, offersMax: 10, bytesMax: 1_000_000, isPassing: () => true });
  const stop = new AbortController();
  const settings = { ...topics, intervalMs: INTERVAL_MS, startFrom: 'full', mode: 'forever' } as const;
  const stored = { cursor: null, known: new Map<string, string>(), trace: null };
  poller = new Poller(settings, { source, stored, queue, clock, logger, stop: stop.signal });
  const running = poller.run();
  end = async () => {
    stop.abort();
    queue.stop();
    await running.catch(() => undefined);
  };
});

afterEach(() => end());

test('a trouble is named until a page comes', async () => {
  read = async () => Promise.reject(new IdpTrouble('it is down'));
  await clock.advance(1);
  expect(poller.stuck).toBe('the identity provider cannot be read: it is down');
  read = async () => nothingNew();
  await clock.advance(INTERVAL_MS);
  expect(poller.stuck).toBeNull();
});

test('an answer that stays away for a minute is named, and when it was asked for', async () => {
  await clock.advance(1);
  let answer: (given: Page) => void = () => undefined;
  read = () => new Promise((resolve) => (answer = resolve));
  await clock.advance(INTERVAL_MS);
  const asked = new Date(clock.now().wall).toISOString();
  await clock.advance(MINUTES - 2);
  expect(poller.stuck).toBeNull();
  await clock.advance(2);
  expect(poller.stuck).toMatch(/^the identity provider has not answered since /);
  expect(poller.stuck).toContain(asked.slice(0, -5));
  answer(nothingNew());
  await clock.advance(1);
  expect(poller.stuck).toBeNull();
});

test('of a reading of all groups each page is waited for by itself', async () => {
  await clock.advance(1);
  read = async () => lost('it is too old');
  let go = (): void => undefined;
  nextPage = () => new Promise((resolve) => (go = resolve));
  await clock.advance(INTERVAL_MS + MINUTES);
  expect(poller.stuck).toMatch(/^the identity provider has not answered since /);
  read = async () => nothingNew();
  go();
  await clock.advance(1);
  expect(poller.stuck).toBeNull();
});

test('between two questions nothing is waited for', async () => {
  await clock.advance(1);
  await clock.advance(INTERVAL_MS - 2);
  expect(poller.stuck).toBeNull();
});

test('after a trouble its reason stands, however long the pause', async () => {
  read = async () => Promise.reject(new IdpTrouble('it is down'));
  await clock.advance(INTERVAL_MS - 1);
  expect(poller.stuck).toBe('the identity provider cannot be read: it is down');
});

test('a write that takes its time is no fault of the identity provider', async () => {
  await clock.advance(1);
  read = async () => nothingNew('g');
  let go = (): void => undefined;
  beforeSend = () => new Promise((resolve) => (go = resolve));
  await clock.advance(INTERVAL_MS + 10 * MINUTES);
  expect(poller.stuck).toBeNull();
  beforeSend = async () => undefined;
  go();
  await clock.advance(1);
});

test('a cursor that is lost again, after one that was read from, is no trouble', async () => {
  await clock.advance(1);
  for (let loss = 0; loss < 3; loss += 1) {
    let isLost = true;
    read = async () => {
      const answer = isLost ? lost('it is too old') : nothingNew();
      isLost = false;
      return answer;
    };
    await clock.advance(INTERVAL_MS);
  }
  expect([starts, poller.stuck]).toEqual([4, null]);
  expect(lines).not.toContain('the identity provider cannot be read, trying again');
});

test('a cursor that is lost before anything was read from it is a trouble', async () => {
  read = async () => lost('it is too old');
  await clock.advance(1);
  expect([starts, poller.stuck]).toEqual([1, expect.stringContaining('a new cursor is not taken either')]);
});
