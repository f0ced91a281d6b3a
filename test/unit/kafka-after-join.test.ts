/** What kafkajs does right after a join: a heartbeat at once, and fetches that wait little at first. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { patchKafkajs } from '../../src/adapters/kafka/patches.ts';

interface ConsumerGroup {
  joinAndSync(): Promise<void>;
  fetch(nodeId: number): Promise<unknown>;
  heartbeat(options: { readonly interval: number }): Promise<void>;
}

const load = createRequire(import.meta.url);
const { MemberAssignment } = load('kafkajs/src/consumer/assignerProtocol') as {
  MemberAssignment: { encode(assignment: object): Buffer };
};
const MAX_WAIT_MS = 9;

function aGroup(heartbeats: readonly (Error | null)[] = []) {
  patchKafkajs();
  const waits: number[] = [];
  const answers = [...heartbeats];
  let beats = 0;
  const coordinator = {
    isConnected: () => true,
    joinGroup: async () => ({ generationId: 7, leaderId: 'other', memberId: 'm', members: [], groupProtocol: 'a' }),
    syncGroup: async () => ({ memberAssignment: MemberAssignment.encode({ version: 0, assignment: { t: [0] } }) }),
    offsetFetch: async () => ({ responses: [{ topic: 't', partitions: [{ partition: 0, offset: '5' }] }] }),
    heartbeat: async () => {
      beats += 1;
      const error = answers.shift() ?? null;
      if (error !== null) throw error;
    },
  };
  const broker = {
    fetch: async ({ maxWaitTime }: { readonly maxWaitTime: number }) => {
      waits.push(maxWaitTime);
      return { responses: [] };
    },
  };
  const committed = {};
  const cluster = {
    committedOffsets: () => committed,
    findGroupCoordinator: async () => coordinator,
    findTopicPartitionMetadata: () => [{ partitionId: 0, leader: 1 }],
    refreshMetadataIfNecessary: async () => undefined,
    findBroker: async () => broker,
  };
  const logger = { namespace: () => logger, debug: () => undefined, info: () => undefined, warn: () => undefined };
  const emitted: { readonly name: string; readonly payload: object }[] = [];
  const Group = load('kafkajs/src/consumer/consumerGroup') as new (options: object) => ConsumerGroup;
  const group = new Group({
    cluster,
    logger,
    groupId: 'g',
    topics: ['t'],
    topicConfigurations: { t: { fromBeginning: true } },
    instrumentationEmitter: { emit: (name: string, payload: object) => void emitted.push({ name, payload }) },
    assigners: [],
    maxWaitTimeInMs: MAX_WAIT_MS,
    autoCommit: false,
    retry: { retries: 0 },
  });
  return { group, waits, emitted, beats: () => beats };
}

test('a heartbeat after each join names the generation, though none is due', async () => {
  const { group, emitted } = aGroup();
  await group.joinAndSync();
  await group.heartbeat({ interval: 60_000 });
  const join = expect.objectContaining({ name: 'consumer.group_join' });
  const heartbeat = expect.objectContaining({ payload: { groupId: 'g', memberId: 'm', groupGenerationId: 7 } });
  expect(emitted).toEqual([join, heartbeat]);
  await group.joinAndSync();
  await group.heartbeat({ interval: 60_000 });
  expect(emitted).toEqual([join, heartbeat, join, heartbeat]);
});

test('where it fails, the join stands, and the next heartbeat is due', async () => {
  const { group, beats } = aGroup([new Error('the group is rebalancing')]);
  await group.joinAndSync();
  await group.heartbeat({ interval: 60_000 }).catch(() => undefined);
  await group.heartbeat({ interval: 60_000 });
  expect(beats()).toBe(2);
});

test('fetches wait longer from one to the next, and little again after another join', async () => {
  const { group, waits } = aGroup();
  await group.joinAndSync();
  for (let fetch = 0; fetch < 6; fetch += 1) await group.fetch(1);
  expect(waits).toEqual([2, 4, 6, 8, MAX_WAIT_MS, MAX_WAIT_MS]);
  await group.joinAndSync();
  await group.fetch(1);
  expect(waits.at(-1)).toBe(2);
});
