/** A topic of ids: read before the start, followed from then on; on the memory log. */
import { inspect, isDeepStrictEqual } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { IdMapError } from '../../src/adapters/ids/tables.ts';
import { TopicIdMap } from '../../src/adapters/ids/topic.ts';
import { systemClock } from '../../src/adapters/system.ts';
import type { LogTools, OutRecord } from '../../src/ports.ts';
import { aLog, atEnd } from '../support/genesys.ts';
import { found, type IdRow } from '../support/id-map-suite.ts';
import { aTableTopic, keyed, TOPIC } from '../support/id-table-topic.ts';

const user = (source_id: string, genesys_id: string): IdRow => ({ type: 'user', source_id, genesys_id });

async function open(tools: LogTools) {
  const logger = aLog();
  const map = await TopicIdMap.open(TOPIC, { tools, clock: systemClock, logger, stop: new AbortController().signal });
  atEnd(() => map.close());
  return { map, logger };
}

async function given(...records: readonly OutRecord[]) {
  const tools = await aTableTopic();
  await tools.send(records);
  return { tools, ...(await open(tools)) };
}

describe('before the start', () => {
  test('everything is read: the newest record of a key counts, a tombstone takes it back', async () => {
    const { map } = await given(
      keyed('1', user('a', 'u1')),
      keyed('2', user('b', 'u2')),
      keyed('1', user('a', 'u3')),
      keyed('2', null),
    );
    expect([map.known('user', 'a'), map.known('user', 'b')]).toEqual([found('u3'), { kind: 'unmapped' }]);
  });

  test('bad records are counted and logged, and stop nothing', async () => {
    const bad = Array.from({ length: 30 }, (_, index) => keyed(`bad-${index}`, '{"type":"user"}'));
    const tools = await aTableTopic({ 'cleanup.policy': 'delete' });
    await tools.send([...bad, keyed('k', user('a', 'u1')), keyed(null, user('b', 'u2'))]);
    const { map, logger } = await open(tools);
    expect([map.known('user', 'a'), map.counts]).toEqual([found('u1'), { rows: 1, bad: 31 }]);
    const logged = logger.lines.filter(({ message }) => message === 'a record of the topic of ids is no row');
    expect(logged).toHaveLength(10);
    expect(logged[0]?.fields).toMatchObject({ topic: TOPIC, problem: 'source_id must be a text' });
  });

  test('a topic that is not there is an error that names the remedy', async () => {
    const tools = await aTableTopic();
    const opening = TopicIdMap.open('none', {
      tools,
      clock: systemClock,
      logger: aLog(),
      stop: new AbortController().signal,
    });
    await expect(opening).rejects.toThrow(IdMapError);
    await expect(opening).rejects.toThrow('there is no topic none; create it with cleanup.policy=compact');
  });

  test('a topic that is not compacted is warned of', async () => {
    const { logger } = await open(await aTableTopic({ 'cleanup.policy': 'delete' }));
    expect(logger.lines.map(({ message }) => message)).toContain(
      'the topic of ids is not compacted: its retention will remove ids',
    );
  });

  test('half a table is none: asked to stop meanwhile, it is not opened', async () => {
    const tools = await aTableTopic();
    const stop = new AbortController();
    stop.abort();
    const opening = TopicIdMap.open(TOPIC, { tools, clock: systemClock, logger: aLog(), stop: stop.signal });
    await expect(opening).rejects.toThrow('was not read to its end');
  });
});

describe('afterwards', () => {
  test('what is written is taken and reported; what was read before is not taken again', async () => {
    const { map, tools } = await given(keyed('1', user('a', 'u1')), keyed('1', user('a', 'u2')));
    const seen: unknown[] = [];
    const changed = new Promise<void>((resolve) =>
      map.onChange(() => {
        seen.push(map.known('user', 'a'));
        if (map.known('user', 'b')?.kind === 'found') resolve();
      }),
    );
    await tools.send([keyed('2', user('b', 'u3'))]);
    await changed;
    expect([map.known('user', 'b'), new Set(seen.map((one) => JSON.stringify(one)))]).toEqual([
      found('u3'),
      new Set([JSON.stringify(found('u2'))]),
    ]);
  });

  test('each change is reported, not the first one only', async () => {
    const { map, tools } = await given(keyed('1', user('a', 'u1')));
    for (const name of ['u2', 'u3']) {
      const changed = new Promise<void>((resolve) =>
        map.onChange(() => {
          if (isDeepStrictEqual(map.known('user', 'a'), found(name))) resolve();
        }),
      );
      await tools.send([keyed('1', user('a', name))]);
      await changed;
    }
  });

  test('that gives two groups one target is warned of', async () => {
    const group = (source_id: string): IdRow => ({ type: 'group', source_id, genesys_id: 'g1' });
    const { map, tools, logger } = await given(keyed('1', group('a')));
    const shared = 'several groups of the id table have one genesys_id';
    const warnings = (): number => logger.lines.filter(({ message }) => message.startsWith(shared)).length;
    expect(warnings()).toBe(0);
    const changed = new Promise<void>((resolve) => map.onChange(resolve));
    await tools.send([keyed('2', group('b'))]);
    await changed;
    expect(warnings()).toBe(1);
  });

  test('a tombstone is taken too', async () => {
    const { map, tools } = await given(keyed('1', user('a', 'u1')));
    const changed = new Promise<void>((resolve) => map.onChange(resolve));
    await tools.send([keyed('1', null)]);
    await changed;
    expect(map.known('user', 'a')).toEqual({ kind: 'unmapped' });
  });

  test('a follower that breaks off begins again, and loses nothing', async () => {
    const tools = await aTableTopic();
    await tools.send([keyed('1', user('a', 'u1'))]);
    let follows = 0;
    const breaking: LogTools = {
      describeTopic: (topic) => tools.describeTopic(topic),
      createTopic: (specification) => tools.createTopic(specification),
      send: (records) => tools.send(records),
      close: () => tools.close(),
      read: (topic, options) => {
        if (options.follow) follows += 1;
        if (options.follow && follows === 1) throw new Error('the leader has moved');
        return tools.read(topic, options);
      },
    };
    const now = { ...systemClock, schedule: (_delayMs: number, task: () => void) => systemClock.schedule(0, task) };
    const map = await TopicIdMap.open(TOPIC, {
      tools: breaking,
      clock: now,
      logger: aLog(),
      stop: new AbortController().signal,
    });
    atEnd(() => map.close());
    await vi.waitFor(() => expect(follows).toBe(2));
    const changed = new Promise<void>((resolve) => map.onChange(resolve));
    await tools.send([keyed('2', user('b', 'u2'))]);
    await changed;
    expect([follows, map.known('user', 'b')]).toEqual([2, found('u2')]);
  });
});

describe('a topic that is recreated', () => {
  /** Whose topic is the second one from the first break on. */
  async function recreated(...records: readonly OutRecord[]) {
    const [former, present] = [await aTableTopic(), await aTableTopic()];
    await former.send([keyed('1', user('a', 'u1')), keyed('2', user('b', 'u2'))]);
    await present.send(records);
    let follows = 0;
    const tools: Pick<LogTools, 'describeTopic' | 'read'> = {
      describeTopic: (topic) => former.describeTopic(topic),
      read: (topic, options) => {
        if (options.follow) follows += 1;
        if (options.follow && follows === 1) throw new Error('the topic was deleted and recreated');
        return (follows === 0 ? former : present).read(topic, options);
      },
    };
    const now = { ...systemClock, schedule: (_delayMs: number, task: () => void) => systemClock.schedule(0, task) };
    const logger = aLog();
    const map = await TopicIdMap.open(TOPIC, { tools, clock: now, logger, stop: new AbortController().signal });
    atEnd(() => map.close());
    const known = () => ['a', 'b'].map((id) => map.known('user', id));
    return { map, logger, present, known };
  }

  test('says all that counts, at offsets that were read before', async () => {
    const { map, known } = await recreated(keyed('1', user('a', 'u3')));
    await vi.waitFor(() => expect(known()).toEqual([found('u3'), { kind: 'unmapped' }]));
    expect(map.counts.rows).toBe(1);
  });

  test('replaces nothing while it is empty, and is read once it is filled', async () => {
    const { map, logger, present, known } = await recreated();
    const said = (): boolean => logger.lines.some(({ fields }) => inspect(fields).includes('names no id any more'));
    await vi.waitFor(() => expect(said()).toBe(true));
    expect(known()).toEqual([found('u1'), found('u2')]);
    await present.send([keyed('2', user('b', 'u4'))]);
    await vi.waitFor(() => expect(known()).toEqual([{ kind: 'unmapped' }, found('u4')]));
    expect(map.counts.rows).toBe(1);
  });
});

test('id map topic: partitions that are added are read too, and that is said', async () => {
  // given a reading that knows the partitions of its beginning, as on Kafka
  const tools = await aTableTopic();
  await tools.send([{ ...keyed('1', user('a', 'u1')), partition: 0 }]);
  let partitionCount = 1;
  const growing: Pick<LogTools, 'describeTopic' | 'read'> = {
    describeTopic: async (topic) => {
      const found = await tools.describeTopic(topic);
      return found && { ...found, partitionCount };
    },
    read: (topic, options) =>
      tools.read(topic, { ...options, partitions: Array.from({ length: partitionCount }, (_, index) => index) }),
  };
  const now = { ...systemClock, schedule: (_delayMs: number, task: () => void) => systemClock.schedule(0, task) };
  const logger = aLog();
  const map = await TopicIdMap.open(TOPIC, { tools: growing, clock: now, logger, stop: new AbortController().signal });
  atEnd(() => map.close());
  // when
  await tools.send([{ ...keyed('2', user('b', 'u2')), partition: 2 }]);
  partitionCount = 3;
  // then
  await vi.waitFor(() => expect(map.known('user', 'b')).toEqual(found('u2')));
  const warned = logger.lines.filter(({ message }) => message.includes('another number of partitions'));
  expect(warned.map(({ fields }) => fields)).toMatchObject([{ topic: TOPIC, before: 1, partitions: 3 }]);
});

test('id map topic: close waits until what follows the topic has ended', async () => {
  // given a log that ends its reading some time after it was asked to
  const tools = await aTableTopic();
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const slow: LogTools = {
    describeTopic: (topic) => tools.describeTopic(topic),
    createTopic: (specification) => tools.createTopic(specification),
    send: (records) => tools.send(records),
    close: () => tools.close(),
    async *read(topic, options) {
      yield* tools.read(topic, options);
      if (options.follow) await ended;
    },
  };
  const { map } = await open(slow);
  // when
  let isClosed = false;
  const closed = map.close().then(() => (isClosed = true));
  for (let rounds = 0; rounds < 10; rounds += 1) await new Promise<void>((resolve) => setImmediate(resolve));
  // then
  expect(isClosed).toBe(false);
  end();
  await closed;
});
