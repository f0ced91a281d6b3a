/**
 * The id of a topic, which a topic that is deleted and recreated does not share (KIP-516): Metadata, version 10. kafkajs asks
 * with version 6, which does not tell it.
 */
import type { Broker } from 'kafkajs';
import { type Decoder, type NewerRequest, readArray, sendNewer, skipTags, writeNoTags } from './newer-request.ts';

const ID_BYTES = 16;
/** Of a topic that has none. */
const noId = Buffer.alloc(ID_BYTES);

/** As Kafka's own tools print them, in the order of the topics; null: the broker does not tell. */
export async function topicIdsOf(broker: Broker, topics: readonly string[]): Promise<readonly (string | null)[]> {
  const described = await sendNewer(broker, metadataOf(topics));
  return topics.map((topic) => {
    const id = described?.find(({ name }) => name === topic)?.id;
    return id === undefined || id.equals(noId) ? null : id.toString('base64url');
  });
}

interface DescribedTopic {
  readonly name: string | null;
  readonly id: Buffer;
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
    // No creation of topics, no authorized operations of cluster and topics.
    encoder.writeBoolean(false).writeBoolean(false).writeBoolean(false);
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
  // Error code; a topic that is missing has no id.
  decoder.readInt16();
  const name = decoder.readUVarIntString();
  const id = Buffer.from(decoder.readBytes(ID_BYTES));
  // Internal, partitions, authorized operations.
  decoder.readBoolean();
  readArray(decoder, skipPartition);
  decoder.readInt32();
  skipTags(decoder);
  return { name, id };
}

/** Error code, partition, leader, leader epoch; replicas, those in sync, those offline. */
function skipPartition(decoder: Decoder): void {
  decoder.readInt16();
  for (let i = 0; i < 3; i += 1) decoder.readInt32();
  for (let i = 0; i < 3; i += 1) readArray(decoder, (each) => each.readInt32());
  skipTags(decoder);
}
