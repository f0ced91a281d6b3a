/** Questions about offsets: those of one tick share an answer, later ones do not. */
import type { Admin, Kafka } from 'kafkajs';
import { beforeEach, expect, test, vi } from 'vitest';
import { KafkaAdmin } from '../../src/adapters/kafka/admin.ts';
import type { Connection } from '../../src/adapters/kafka/connection.ts';
import { aLog } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { stubOf } from '../support/stub.ts';

let asked: string[] = [];
let end = 10;

beforeEach(() => {
  asked = [];
  end = 10;
});

vi.mock('../../src/adapters/kafka/connection.ts', () => ({
  retry: {},
  openConnection: (): Connection => {
    const admin = () =>
      stubOf<Admin>({
        connect: async () => undefined,
        disconnect: async () => undefined,
        fetchTopicMetadata: async () => ({ topics: [] }),
        fetchTopicOffsets: async (topic) => {
          asked.push(`bounds ${topic}`);
          // An answer comes in a later tick.
          await new Promise((resolve) => setImmediate(resolve));
          return [0, 1].map((partition) => ({ partition, offset: `${end}`, high: `${end}`, low: '0' }));
        },
        fetchOffsets: async ({ groupId }) => {
          asked.push(`committed ${groupId}`);
          const partitions = [0, 1].map((partition) => ({ partition, offset: '3', metadata: null }));
          return [{ topic: 's', partitions }];
        },
      });
    return { kafka: stubOf<Kafka>({ admin }), close: async () => undefined };
  },
}));

function anAdmin(): KafkaAdmin {
  const connection = { brokers: ['b:1'], clientId: 'c', ssl: null, sasl: null };
  return new KafkaAdmin(connection, { clock: new ManualClock(), logger: aLog() });
}

test('the partitions of a topic that are restored in one tick ask once', async () => {
  const admin = anAdmin();
  const of = (partition: number) =>
    Promise.all([admin.committed('g', 's', partition), admin.bounds('s', partition), admin.bounds('r', partition)]);
  const found = await Promise.all([of(0), of(1)]);
  const one = [
    { offset: 3n, metadata: '' },
    { start: 0n, end: 10n },
    { start: 0n, end: 10n },
  ];
  expect(found).toEqual([one, one]);
  expect(asked.toSorted()).toEqual(['bounds r', 'bounds s', 'committed g']);
});

test('what is asked later is asked again: a fence may have been written since', async () => {
  const admin = anAdmin();
  await admin.bounds('s', 0);
  end = 11;
  expect(await admin.bounds('s', 0)).toEqual({ start: 0n, end: 11n });
});
