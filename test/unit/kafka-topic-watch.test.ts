/** A topic that is recreated under its consumer is noticed by its id. */
import type { Cluster, PartitionMetadata } from 'kafkajs';
import { beforeEach, expect, test, vi } from 'vitest';
import { TopicWatch } from '../../src/adapters/kafka/watches.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

let ask: () => Promise<readonly (string | null)[]> = async () => [];
let questions = 0;
let askedOf: (number | undefined)[] = [];
let leaders: readonly number[] = [];

const aCluster = stubOf<Cluster>({
  findTopicPartitionMetadata: () =>
    leaders.map((leader, partitionId) => stubOf<PartitionMetadata>({ leader, partitionId })),
});

vi.mock('../../src/adapters/kafka/direct-fetch.ts', () => ({
  topicIdsFrom: (_cluster: Cluster, _topics: readonly string[], partition?: number) => {
    questions += 1;
    askedOf.push(partition);
    return ask();
  },
}));

beforeEach(() => {
  questions = 0;
  askedOf = [];
  leaders = [7, 8];
  ask = async () => ['id-1'];
});

function aWatch() {
  const clock = new ManualClock();
  const state: { cluster: Cluster | undefined } = { cluster: aCluster };
  const watch = new TopicWatch('orders', clock, () => state.cluster);
  /** So often, with a second between. */
  const look = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      await clock.advance(1_000);
      watch.look();
      await clock.settle();
    }
  };
  return { watch, state, look };
}

test('the same id is no fault, another one is', async () => {
  const { watch, look } = aWatch();
  watch.begins('id-1');
  await look(5);
  expect([questions, watch.fault(), watch.topicId]).toEqual([1, null, 'id-1']);
  ask = async () => ['id-2'];
  await look(5);
  expect([questions, watch.fault(), watch.topicId]).toEqual([2, 'the topic orders was deleted and recreated', 'id-1']);
});

test('one with a leader is asked of, where the first partition has none', async () => {
  const { look } = aWatch();
  await look(5);
  leaders = [-1, 8];
  await look(5);
  expect(askedOf).toEqual([0, 1]);
});

test('a topic that is followed is the one that is read from then on', async () => {
  const { watch, look } = aWatch();
  watch.begins('id-1');
  ask = async () => ['id-2'];
  await look(5);
  watch.follow();
  expect([watch.fault(), watch.topicId]).toEqual([null, 'id-2']);
});

test('it asks every five seconds, and not while nothing is assigned', async () => {
  const { state, look } = aWatch();
  await look(4);
  expect(questions).toBe(0);
  await look(11);
  expect(questions).toBe(3);
  state.cluster = undefined;
  await look(10);
  expect(questions).toBe(3);
});

test('one question at a time', async () => {
  const { look } = aWatch();
  let answer: (ids: readonly string[]) => void = () => undefined;
  ask = () => new Promise((resolve) => (answer = resolve));
  await look(20);
  expect(questions).toBe(1);
  answer(['id-1']);
  await look(5);
  expect(questions).toBe(2);
});

test.each<[string, string | null, () => Promise<readonly (string | null)[]>]>([
  ['a question without an answer', 'id-1', () => Promise.reject(new Error('no broker'))],
  ['a broker that tells no ids', 'id-1', async () => [null]],
  ['an answer about no topic', 'id-1', async () => []],
  ['a topic whose id was not known', null, async () => ['id-2']],
])('%s is no fault', async (_, known, answer) => {
  const { watch, look } = aWatch();
  watch.begins(known);
  ask = answer;
  await look(10);
  expect([questions, watch.fault()]).toEqual([2, null]);
});

test('an answer that was asked for before reading began in another topic counts for nothing', async () => {
  const { watch, look } = aWatch();
  watch.begins('id-1');
  let answer: (ids: readonly string[]) => void = () => undefined;
  ask = () => new Promise((resolve) => (answer = resolve));
  await look(5);
  watch.begins('id-2');
  answer(['id-1']);
  await look(1);
  expect(watch.fault()).toBeNull();
});
