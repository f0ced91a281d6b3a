/** Who made the events that brought what is held: looked for in the source topic, at their offsets. */
import { expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import { actorsOf } from '../../src/console/held-events.ts';
import type { ChangeSource } from '../../src/core/change/change.ts';
import type { ReadOptions } from '../../src/ports.ts';
import { aContext } from '../support/command-context.ts';

const topic = 'source';

/** Two partitions of ten records each, by `user-<partition>-<offset>`; those with an even offset say who that was. */
async function aSource() {
  const broker = new MemoryBroker(systemClock, systemRandom);
  broker.createTopic({ topic, partitionCount: 2, replicationFactor: 1, settings: {} });
  const log = new MemoryLog(broker, { groupId: 'g', clientId: 'c', topics: { source: topic, retry: 'retry' } });
  const records = [0, 1].flatMap((partition) =>
    Array.from({ length: 10 }, (_, offset) => ({
      topic,
      partition,
      key: 'g',
      value: JSON.stringify(offset % 2 === 0 ? { id: 'e', actor: { email: `user-${partition}-${offset}` } } : {}),
      headers: [],
    })),
  );
  await log.send(records);
  const reads: ReadOptions[] = [];
  const tools = Object.assign(Object.create(log) as MemoryLog, {
    read: (name: string, options: ReadOptions) => {
      reads.push(options);
      return log.read(name, options);
    },
  });
  return { tools, reads };
}

const at = (partition: number, offset: number, more: Partial<ChangeSource> = {}): ChangeSource => ({
  topic,
  partition,
  offset: BigInt(offset),
  index: null,
  eventId: 'e',
  timestamp: 0,
  ...more,
});

test('each event is found at its offset, in any order, and one read goes through both partitions', async () => {
  const { tools, reads } = await aSource();
  const events = [at(1, 8), at(0, 2), at(1, 4), at(0, 3)];
  const { actors, problem } = await actorsOf(events, { tools, context: aContext() });
  expect(events.map((event) => actors.get(event))).toEqual(['user-1-8', 'user-0-2', 'user-1-4', null]);
  expect(problem).toBeNull();
  expect(reads.length).toBeLessThanOrEqual(2);
  expect(reads[0]?.from).toEqual({
    offsets: new Map([
      [1, 4n],
      [0, 2n],
    ]),
  });
});

test('an event whose record is gone, or not there yet, has no author; the others have theirs', async () => {
  const { tools } = await aSource();
  const events = [at(0, 99), at(1, 0), at(1, 99)];
  const { actors, missing, problem } = await actorsOf(events, { tools, context: aContext() });
  expect(events.map((event) => actors.get(event) ?? null)).toEqual([null, 'user-1-0', null]);
  expect(events.map((event) => missing.has(event))).toEqual([true, false, true]);
  expect(problem).toBeNull();
});

test('one of several events of a record is told from the others by its id alone', async () => {
  const { tools } = await aSource();
  const events = [at(0, 0, { index: 1, eventId: 'another' }), at(0, 4, { index: 1 })];
  const { actors } = await actorsOf(events, { tools, context: aContext() });
  expect(events.map((event) => actors.get(event))).toEqual([null, 'user-0-4']);
});

test('a source that cannot be read is said, and ends nothing', async () => {
  const { tools } = await aSource();
  const events = [at(0, 2), at(0, 2, { topic: 'another' })];
  const { actors, missing, problem } = await actorsOf(events, { tools, context: aContext() });
  expect(events.map((event) => actors.get(event) ?? null)).toEqual(['user-0-2', null]);
  // whether its record is gone is not known
  expect(missing.size).toBe(0);
  expect(problem).toMatch(/^who made the events is not known, since another cannot be read: /);
});
