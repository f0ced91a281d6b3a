/**
 * What kafkajs does not ask of a topic, since it speaks version 6 of Metadata: its id, which a topic that is deleted and
 * recreated does not share (KIP-516), and which operations are permitted on it (KIP-430).
 */
import type { Broker } from 'kafkajs';
import { type Decoder, type NewerRequest, readArray, sendNewer, skipTags, writeNoTags } from './newer-request.ts';

const ID_BYTES = 16;
/** Of a topic that has none. */
const noId = Buffer.alloc(ID_BYTES);

/** As Kafka's own tools print them, in the order of the topics; null: the broker does not tell. */
export async function topicIdsOf(broker: Broker, topics: readonly string[]): Promise<readonly (string | null)[]> {
  const described = await describeTopics(broker, topics);
  return topics.map((topic) => {
    const id = described?.find(({ name }) => name === topic)?.id;
    return id === undefined || id.equals(noId) ? null : id.toString('base64url');
  });
}

/** null: the broker does not speak this version. */
export const describeTopics = (broker: Broker, topics: readonly string[]): Promise<readonly DescribedTopic[] | null> =>
  sendNewer(broker, metadataOf(topics));

export interface DescribedTopic {
  readonly name: string | null;
  readonly id: Buffer;
  /** Of the protocol; 0: none. */
  readonly errorCode: number;
  /** A set of bits, by the codes of operations. */
  readonly authorizedOperations: number;
}

/** https://kafka.apache.org/protocol#The_Messages_Metadata (version 10) */
const metadataOf = (topics: readonly string[]): NewerRequest<readonly DescribedTopic[]> => ({
  apiKey: 3,
  apiName: 'Metadata',
  apiVersion: 10,
  encode: (encoder) => {
    // A compact array: its length and one. Topics are found by their names.
    encoder.writeUVarInt(topics.length + 1);
    for (const topic of topics) {
      encoder.writeBufferInternal(noId);
      encoder.writeUVarIntString(topic);
      writeNoTags(encoder);
    }
    // No creation of topics; the authorized operations of the topics, not of the cluster.
    encoder.writeBoolean(false).writeBoolean(false).writeBoolean(true);
    writeNoTags(encoder);
  },
  decode: (decoder) => {
    decoder.readInt32();
    readArray(decoder, skipBroker);
    decoder.readUVarIntString();
    decoder.readInt32();
    return readArray(decoder, readTopic);
  },
});

/** Node, host, port, rack. */
function skipBroker(decoder: Decoder): void {
  decoder.readInt32();
  decoder.readUVarIntString();
  decoder.readInt32();
  decoder.readUVarIntString();
  skipTags(decoder);
}

function readTopic(decoder: Decoder): DescribedTopic {
  // A topic that is missing has no id.
  const errorCode = decoder.readInt16();
  const name = decoder.readUVarIntString();
  const id = Buffer.from(decoder.readBytes(ID_BYTES));
  // Internal, partitions.
  decoder.readBoolean();
  readArray(decoder, skipPartition);
  const authorizedOperations = decoder.readInt32();
  skipTags(decoder);
  return { name, id, errorCode, authorizedOperations };
}

/** Error code, partition, leader, leader epoch; replicas, those in sync, those offline. */
function skipPartition(decoder: Decoder): void {
  decoder.readInt16();
  for (let i = 0; i < 3; i += 1) decoder.readInt32();
  for (let i = 0; i < 3; i += 1) readArray(decoder, (each) => each.readInt32());
  skipTags(decoder);
}
