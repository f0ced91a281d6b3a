/** What Kafka answers to a fetch, as it lies on the wire: a batch that is damaged is passed on, and none behind it is passed over. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { readFetchAnswers } from '../../src/adapters/kafka/codec/fetch-answer.ts';

interface Encoder {
  readonly buffer: Buffer;
}
interface Answer {
  readonly responses: readonly {
    readonly partitions: readonly {
      readonly messages: readonly { readonly offset: string; readonly batchContext?: object }[];
    }[];
  }[];
}

const load = createRequire(import.meta.url);
const { RecordBatch } = load('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(options: object): Promise<Encoder>;
};
const encodeRecord = load('kafkajs/src/protocol/recordBatch/record/v0') as (options: object) => Encoder;

async function aBatch(offset: bigint): Promise<Buffer> {
  const record = encodeRecord({ offsetDelta: 0, timestampDelta: 0, key: 'k', value: 'v', headers: {} });
  const times = { firstTimestamp: 1_790_000_000_000, maxTimestamp: 1_790_000_000_000 };
  const { buffer } = await RecordBatch({ ...times, partitionLeaderEpoch: 4, lastOffsetDelta: 0, records: [record] });
  buffer.writeBigInt64BE(offset, 0);
  return buffer;
}

/** Its checksum is wrong, and it claims to end so far behind its first offset. */
async function aDamaged(offset: bigint, lastDelta: number): Promise<Buffer> {
  const bytes = await aBatch(offset);
  bytes.writeInt32BE(lastDelta, 23);
  bytes.writeUInt32BE(0, 17);
  return bytes;
}

const int = (bytes: number, value: number | bigint): Buffer => {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigInt64BE(BigInt(value));
  else buffer.writeIntBE(Number(value), 0, bytes);
  return buffer;
};

/** Version 4, of partition 0 of the topic `t`. */
async function fetched(fetchOffset: bigint, batches: readonly Buffer[], highWatermark: bigint) {
  readFetchAnswers();
  const fetch = load('kafkajs/src/protocol/requests/fetch') as {
    protocol(of: { version: number }): (options: object) => {
      readonly response: { decode(payload: Buffer): Promise<Answer> };
    };
  };
  const bytes = Buffer.concat(batches);
  const head = [int(4, 0), int(4, 1), int(2, 1), Buffer.from('t'), int(4, 1)];
  const partition = [int(4, 0), int(2, 0), int(8, highWatermark), int(8, highWatermark), int(4, 0)];
  const payload = Buffer.concat([...head, ...partition, int(4, bytes.length), bytes]);
  const topics = [{ topic: 't', partitions: [{ partition: 0, fetchOffset: String(fetchOffset), maxBytes: 1_000 }] }];
  const { response } = fetch.protocol({ version: 4 })({ replicaId: -1, topics });
  const { responses } = await response.decode(payload);
  return responses.flatMap(({ partitions }) => partitions.flatMap(({ messages }) => messages));
}

const offsetsOf = (messages: Awaited<ReturnType<typeof fetched>>): readonly string[] =>
  messages.map(({ offset, batchContext = {} }) => `${'unreadable' in batchContext ? 'bad ' : ''}${offset}`);

test('batches are read in their order', async () => {
  expect(offsetsOf(await fetched(5n, [await aBatch(5n), await aBatch(6n)], 7n))).toEqual(['5', '6']);
});

test('a damaged batch ends before the next one, also where it claims to end later', async () => {
  const batches = [await aBatch(5n), await aDamaged(6n, 9_000), await aBatch(8n)];
  expect(offsetsOf(await fetched(5n, batches, 9n))).toEqual(['5', 'bad 7', '8']);
});

test('a damaged batch at the end of the partition ends with it', async () => {
  expect(offsetsOf(await fetched(5n, [await aDamaged(6n, 9_000)], 9n))).toEqual(['bad 8']);
});

test('a damaged batch is met where it was asked for, although it says that it lies before', async () => {
  expect(offsetsOf(await fetched(5n, [await aDamaged(2n, 0), await aBatch(6n)], 7n))).toEqual(['bad 5', '6']);
});
