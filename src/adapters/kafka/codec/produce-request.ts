/**
 * Produce requests (kafka.apache.org/protocol#The_Messages_Produce, versions 3 to 7) of record batches that are written
 * already. kafkajs groups the records of a send in O(n²) and makes several buffers of each (kafkajs.md 7.3), so it is handed
 * one message for each partition, which is the batch.
 */
import { createRequire } from 'node:module';
import type { Message } from 'kafkajs';

/** All records that are sent to a partition. */
export class BatchMessage implements Message {
  readonly partition: number;
  readonly value: Buffer;

  /** @param batch a whole record batch of format 2 */
  constructor(partition: number, batch: Buffer) {
    this.partition = partition;
    this.value = batch;
  }
}

interface ProduceOptions<M extends Message = Message> {
  readonly acks: number;
  readonly timeout: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number; readonly messages: readonly M[] }[];
  }[];
}

/** The part of kafkajs's encoder that is used. */
interface Encoder {
  writeString(value: string | null): Encoder;
  writeInt16(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeBytes(value: Buffer): Encoder;
}

interface Protocol {
  readonly request: { encode(): Promise<Encoder> };
}

interface ProduceProtocol {
  protocol: (version: { readonly version: number }) => (options: ProduceOptions) => Protocol;
}

const load = createRequire(import.meta.url);
const RequestEncoder = load('kafkajs/src/protocol/encoder') as new (bytes: number) => Encoder;
const VERSION_MIN = 3;

/** For the whole process; other messages are left to kafkajs. */
export function sendWrittenBatches(): void {
  const produce = load('kafkajs/src/protocol/requests/produce') as ProduceProtocol;
  const original = produce.protocol;
  produce.protocol = ({ version }) => {
    const make = original({ version });
    return (options) => {
      const made = make(options);
      if (!areBatches(options)) return made;
      if (version < VERSION_MIN) throw new Error('brokers before Kafka 0.11 know no record batches');
      return { ...made, request: { ...made.request, encode: async () => encode(options) } };
    };
  };
}

const areBatches = (options: ProduceOptions): options is ProduceOptions<BatchMessage> =>
  messagesOf(options).every((message) => message instanceof BatchMessage);

const messagesOf = <M extends Message>({ topicData }: ProduceOptions<M>): readonly M[] =>
  topicData.flatMap(({ partitions }) => partitions.flatMap(({ messages }) => messages));

/** More than the rest of a request takes for each batch, names of topics aside. */
const HEAD_BYTES = 64;

function encode(options: ProduceOptions<BatchMessage>): Encoder {
  const bytes = messagesOf(options).reduce((sum, { value }) => sum + value.length + HEAD_BYTES, HEAD_BYTES);
  const encoder = new RequestEncoder(bytes).writeString(null);
  encoder.writeInt16(options.acks).writeInt32(options.timeout).writeInt32(options.topicData.length);
  for (const { topic, partitions } of options.topicData) {
    encoder.writeString(topic).writeInt32(partitions.length);
    for (const { partition, messages } of partitions)
      for (const { value } of messages) encoder.writeInt32(partition).writeBytes(value);
  }
  return encoder;
}
