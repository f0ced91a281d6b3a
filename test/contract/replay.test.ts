// `rollcall replay` over the memory log; the owner's part (waking) is played by the test.
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { sha256, systemClock, systemRandom } from '../../src/adapters/system.ts';
import { operatorKey } from '../../src/adapters/private-file.ts';
import { listWaiting, replayNow, type NowFlags } from '../../src/commands/replay.ts';
import type { ListFlags } from '../../src/console/replays.ts';
import type { Intent } from '../../src/core/change/change.ts';
import { parseRetryRecord, renderAnswer, renderState } from '../../src/core/log/live-record.ts';
import type { OperatorKey, ReplayVerdict } from '../../src/core/log/request-record.ts';
import { EXIT } from '../../src/exit-codes.ts';
import type { Clock, LogTools } from '../../src/ports.ts';
import { aContext } from '../support/command-context.ts';
import { ManualClock } from '../support/manual-clock.ts';

const stamp = { owner: 'o', epoch: 1, seq: 1 };
const anIntent = (change: Partial<Intent>): Intent => ({
  group: 'g',
  member: 'm',
  op: 'add',
  source: { topic: 'source', partition: 1, offset: 7n, index: null, eventId: null, timestamp: 1 },
  attempt: 5,
  conflicts: 0,
  notBefore: 0,
  firstSeenAt: 1,
  dead: { at: 1_790_000_000_000, reason: 'attempts_exhausted' },
  waits: null,
  whole: null,
  target: 'm',
  guard: null,
  ...change,
});

let log: MemoryLog;

beforeEach(async () => {
  const broker = new MemoryBroker(systemClock, systemRandom);
  const settings = { 'cleanup.policy': 'compact' };
  broker.createTopic({ topic: 'retry', partitionCount: 2, replicationFactor: 1, settings });
  log = new MemoryLog(broker, { groupId: 'g', clientId: 'c', topics: { source: 'source', retry: 'retry' } });
  const intents = [anIntent({}), anIntent({ member: 'n', dead: null, notBefore: 1_790_000_000_000, attempt: 2 })];
  const state = renderState({ group: 'g', intents, stamp, trouble: null, now: 0, sha256 });
  await log.send([{ topic: 'retry', partition: 1, ...state }]);
});

/** Answers each request as an owner would. @param verdict null: it does not fit into an answer. @param before each answer */
async function own(
  verdict: ReplayVerdict | null,
  signal: AbortSignal,
  before = async (): Promise<void> => undefined,
): Promise<void> {
  for await (const record of log.read('retry', { from: 'beginning', follow: true, signal })) {
    const parsed = parseRetryRecord(record);
    if (parsed.kind !== 'request' || parsed.wanted?.kind !== 'replay') continue;
    const verdicts = verdict === null ? [] : parsed.wanted.named.map((named) => ({ ...named, verdict }));
    const headers = renderAnswer(stamp, { kind: 'replay', verdicts });
    await before();
    await log.send([{ topic: 'retry', partition: record.partition, key: record.key, value: null, headers }]);
  }
}

async function replay(flags: NowFlags, clock: Clock = systemClock, signing: { operatorKey?: OperatorKey } = {}) {
  const context = aContext({ clock });
  const code = await replayNow({ flags, topic: 'retry', tools: log, context, ...signing });
  return { code, out: context.out(), err: context.err() };
}

/** Records of each of the two partitions. */
async function countWritten(): Promise<readonly number[]> {
  const counts = [0, 0];
  const { signal } = new AbortController();
  for await (const { partition } of log.read('retry', { from: 'beginning', follow: false, signal })) {
    counts[partition] = (counts[partition] ?? 0) + 1;
  }
  return counts;
}

/** The tools of the log, save how they read. */
const readBy = (read: LogTools['read']): LogTools => ({
  describeTopic: (topic) => log.describeTopic(topic),
  createTopic: (specification) => log.createTopic(specification),
  send: (records) => log.send(records),
  close: () => log.close(),
  read,
});

describe('replay list', () => {
  test('shows parked and dead changes, and how many of each', async () => {
    const context = aContext();
    expect(await listWaiting({ flags: {}, topic: 'retry', tools: log, context })).toBe(EXIT.done);
    expect(context.out()).toContain('dead    add     m  group g  attempts_exhausted');
    expect(context.out()).toContain('parked  add     n  group g');
    expect(context.err()).toBe('2 changes: 1 parked, 1 dead\n');
  });

  test('with --json one object a line, filtered', async () => {
    const context = aContext();
    await listWaiting({ flags: { json: true, member: ['m'] }, topic: 'retry', tools: log, context });
    expect(
      context
        .out()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      expect.objectContaining({
        id: 'source/1/7/m',
        state: 'dead',
        dead_at: '2026-09-21T14:13:20.000Z',
        not_before: null,
      }),
    ]);
    expect(context.err()).toBe('');
  });

  test('of what is held says since when, of what is due at once that', async () => {
    const guard = { kind: 'held', by: 'group_deleted', since: 1_790_000_000_000 } as const;
    const intents = [
      anIntent({ op: 'remove', dead: null, attempt: 0, guard }),
      anIntent({ member: 'n', dead: null, attempt: 0 }),
    ];
    const state = renderState({ group: 'h', intents, stamp, trouble: null, now: 0, sha256 });
    await log.send([{ topic: 'retry', partition: 0, ...state }]);
    const context = aContext();
    await listWaiting({ flags: { group: ['h'] }, topic: 'retry', tools: log, context });
    expect(context.out()).toContain('group_deleted  attempt 0  held since 2026-09-21T14:13:20.000Z');
    expect(context.out()).toContain('next try at once');
    const json = aContext();
    await listWaiting({ flags: { group: ['h'], json: true }, topic: 'retry', tools: log, context: json });
    expect(json.out()).toContain(
      '"not_before":null,"dead_at":null,"held_since":"2026-09-21T14:13:20.000Z","held_by":"group_deleted"',
    );
    expect(context.out() + json.out()).not.toContain('1970');
  });

  test('ends with 1, and shows nothing, where it is stopped before the end', async () => {
    const context = aContext();
    context.ask();
    const listing = listWaiting({ flags: {}, topic: 'retry', tools: log, context });
    await expect(listing).rejects.toMatchObject({ code: EXIT.someFailed, message: expect.stringContaining('stopped') });
    expect(context.out()).toBe('');
  });

  test('names the remedy where the topic is missing', async () => {
    const listing = listWaiting({ flags: {}, topic: 'other', tools: log, context: aContext() });
    await expect(listing).rejects.toMatchObject({
      code: EXIT.unavailable,
      message: expect.stringContaining('topics create'),
    });
  });
});

describe('replay now', () => {
  test('does not begin without a filter', async () => {
    await expect(replay({})).rejects.toMatchObject({ code: EXIT.usage });
  });

  test('without --yes writes nothing', async () => {
    const { code, out } = await replay({ all: true });
    expect(code).toBe(EXIT.done);
    expect(out.split('\n')).toHaveLength(3);
    expect(await countWritten()).toEqual([0, 1]);
  });

  test('asks the owner, in the partition of the source, and tells the answer', async () => {
    const stop = new AbortController();
    const owner = own('woken', stop.signal);
    const { code, out } = await replay({ all: true, yes: true, json: true });
    stop.abort();
    await owner;
    expect(code).toBe(EXIT.done);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { id: 'source/1/7/m', group: 'g', member: 'm', result: 'woken' },
      { id: 'source/1/7/n', group: 'g', member: 'n', result: 'woken' },
    ]);
    expect((await countWritten())[0]).toBe(0);
  });

  test('ends with 1 where a newer change has taken the place', async () => {
    const stop = new AbortController();
    const owner = own('superseded', stop.signal);
    const { code, out } = await replay({ id: ['source/1/7/m'], yes: true });
    stop.abort();
    await owner;
    expect(code).toBe(EXIT.someFailed);
    expect(out).toBe('superseded  m  group g  source/1/7/m\n');
  });

  test('ends with 1, and says so, where an answer does not tell what became of a change', async () => {
    const stop = new AbortController();
    const owner = own(null, stop.signal);
    const { code, out, err } = await replay({ all: true, yes: true });
    stop.abort();
    await owner;
    expect([code, out]).toEqual([EXIT.someFailed, '']);
    expect(err).toContain('what became of 2 of 2 changes: see `rollcall replay list`');
  });

  test('asks in pieces, so that each answer fits into a record', async () => {
    const intents = Array.from({ length: 1_200 }, (_, index) => anIntent({ group: 'h', member: `m${index}` }));
    const state = renderState({ group: 'h', intents, stamp, trouble: null, now: 0, sha256 });
    await log.send([{ topic: 'retry', partition: 1, ...state }]);
    const stop = new AbortController();
    const owner = own('woken', stop.signal);
    const { code, out } = await replay({ group: ['h'], yes: true });
    stop.abort();
    await owner;
    expect([code, out.trim().split('\n').length]).toEqual([EXIT.done, 1_200]);
    // The live records, and three requests with their answers.
    expect(await countWritten()).toEqual([0, 2 + 2 * 3]);
  });

  test('leaves what is held to `held`', async () => {
    const guard = { kind: 'held', by: 'group_count', since: 1 } as const;
    const intents = [anIntent({ op: 'remove', dead: null, attempt: 0, guard })];
    const state = renderState({ group: 'h', intents, stamp, trouble: null, now: 0, sha256 });
    await log.send([{ topic: 'retry', partition: 0, ...state }]);
    const { code, out, err } = await replay({ group: ['h'], yes: true });
    expect({ code, out }).toEqual({ code: EXIT.someFailed, out: '' });
    expect(err).toContain('`rollcall held`');
  });

  test('waits for as long as one answer follows the other', async () => {
    for (const group of ['h', 'i']) {
      const state = renderState({ group, intents: [anIntent({ group })], stamp, trouble: null, now: 0, sha256 });
      await log.send([{ topic: 'retry', partition: 1, ...state }]);
    }
    const clock = new ManualClock();
    const stop = new AbortController();
    const owner = own('woken', stop.signal, () => clock.advance(8_000));
    const { code, out } = await replay({ member: ['m'], yes: true }, clock);
    stop.abort();
    await owner;
    expect(code).toBe(EXIT.done);
    expect(out.trim().split('\n')).toHaveLength(3);
  });

  test('waits for an answer from when its request is read back, however long the topic is', async () => {
    const clock = new ManualClock();
    const tools = readBy(async function* (topic, options) {
      for await (const record of log.read(topic, options)) {
        if (options.follow) await clock.advance(8_000);
        yield record;
      }
    });
    const stop = new AbortController();
    const owner = own('woken', stop.signal);
    const context = aContext({ clock });
    for (const seq of [2, 3, 4]) {
      const state = renderState({ group: 'h', intents: [], stamp: { ...stamp, seq }, trouble: null, now: 0, sha256 });
      await log.send([{ topic: 'retry', partition: 1, ...state }]);
    }
    const code = await replayNow({ flags: { all: true, yes: true }, topic: 'retry', tools, context });
    stop.abort();
    await owner;
    expect(code).toBe(EXIT.done);
  });

  test('ends where its request is never read back, since the clock of the brokers is far behind', async () => {
    const clock = new ManualClock();
    const tools = readBy(async function* (topic, options) {
      if (!options.follow) return yield* log.read(topic, options);
      for (let offset = 1_000n; !options.signal?.aborted; offset += 1n) {
        await clock.advance(8_000);
        yield { partition: 1, offset, key: null, value: null, headers: [], timestamp: 0 };
      }
    });
    const asked = replayNow({ flags: { all: true, yes: true }, topic: 'retry', tools, context: aContext({ clock }) });
    await expect(asked).rejects.toMatchObject({ code: EXIT.unavailable });
  });

  test('ends with 69 where no instance answers', async () => {
    const impatient: Clock = { ...systemClock, schedule: (_, task) => systemClock.schedule(0, task) };
    const asked = replay({ all: true, yes: true }, impatient);
    await expect(asked).rejects.toMatchObject({ code: EXIT.unavailable, message: expect.stringContaining('stay') });
    // Where a key is set, what is read too late is refused.
    const signed = replay({ all: true, yes: true }, impatient, { operatorKey: operatorKey(() => 'k'.repeat(32)) });
    await expect(signed).rejects.toThrow('within 10 minutes carries them out; later ask again');
  });
});

test('replay: ids that a terminal would obey are shown, not obeyed; as JSON they are what they are', async () => {
  const member = 'm\u202e\u200b\u2028';
  const intents = [anIntent({ member, target: member, dead: { at: 1, reason: 'why\u009b31m' } })];
  const state = renderState({ group: 'h', intents, stamp: { ...stamp, seq: 9 }, trouble: null, now: 0, sha256 });
  await log.send([{ topic: 'retry', partition: 1, ...state }]);
  const lists = async (flags: ListFlags): Promise<string> => {
    const context = aContext();
    await listWaiting({ flags: { ...flags, group: ['h'] }, topic: 'retry', tools: log, context });
    return context.out();
  };
  const [text, json] = [await lists({}), await lists({ json: true })];
  for (const out of [text, json]) expect(out).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}]/u);
  expect(text).toContain(String.raw`m\u{202e}\u{200b}\u{2028}`);
  expect(JSON.parse(json)).toMatchObject({ member });
});
