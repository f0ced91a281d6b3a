/**
 * Requests that kafkajs 2.2.4 does not know (kafkajs.md 1.2), sent over its connections. They are of the flexible kind
 * (KIP-482): the header and each structure end with tagged fields, of which we send none and skip all. Asked for are the id
 * of a topic, which one that is deleted and recreated does not share (KIP-516), and the operations that are permitted.
 */
import { createRequire } from 'node:module';
import type { Broker, Cluster } from 'kafkajs';
import type { Operation, Permitted, Resource } from '../../core/log/authorization.ts';

/** The part of kafkajs's encoder that is used. */
interface Encoder {
  writeBoolean(value: boolean): Encoder;
  writeInt8(value: number): Encoder;
  writeUVarInt(value: number): Encoder;
  writeUVarIntString(value: string): Encoder;
  writeBufferInternal(value: Buffer): void;
}

/** The part of kafkajs's decoder that is used. */
interface Decoder {
  readBoolean(): boolean;
  readInt16(): number;
  readInt32(): number;
  readBytes(length: number): Buffer;
  readUVarInt(): number;
  readUVarIntString(): string | null;
  forward(length: number): void;
}

interface NewerRequest<T> {
  readonly apiKey: number;
  readonly apiName: string;
  readonly apiVersion: number;
  readonly encode: (encoder: Encoder) => void;
  readonly decode: (decoder: Decoder) => T;
}

/** What kafkajs has of a connected broker, and does not show. */
type OpenBroker = Broker & {
  readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>> | null;
  readonly connectionPool: { send(request: object): Promise<unknown> };
};

const load = createRequire(import.meta.url);
const RequestEncoder = load('kafkajs/src/protocol/encoder') as new () => Encoder;
const ResponseDecoder = load('kafkajs/src/protocol/decoder') as new (payload: Buffer) => Decoder;

/** null: the broker does not speak this version. @throws what kafkajs throws where there is no answer */
async function sendNewer<T>(broker: Broker, request: NewerRequest<T>): Promise<T | null> {
  const { connectionPool, versions } = broker as OpenBroker;
  const { apiKey, apiName, apiVersion, encode, decode } = request;
  const spoken = versions?.[apiKey];
  if (spoken === undefined || apiVersion < spoken.minVersion || apiVersion > spoken.maxVersion) return null;
  const answer = await connectionPool.send({
    request: {
      apiKey,
      apiName,
      apiVersion,
      encode: async () => {
        const encoder = new RequestEncoder();
        writeNoTags(encoder);
        encode(encoder);
        return encoder;
      },
    },
    response: {
      decode: async (payload: Buffer) => {
        const decoder = new ResponseDecoder(payload);
        skipTags(decoder);
        return { value: decode(decoder) };
      },
      parse: async (decoded: { readonly value: T }) => decoded,
    },
  });
  return (answer as { readonly value: T }).value;
}

const writeNoTags = (encoder: Encoder): void => void encoder.writeUVarInt(0);

function skipTags(decoder: Decoder): void {
  for (let left = decoder.readUVarInt(); left > 0; left -= 1) {
    decoder.readUVarInt();
    decoder.forward(decoder.readUVarInt());
  }
}

/** A compact array: null counts as empty. */
function readArray<T>(decoder: Decoder, read: (decoder: Decoder) => T): readonly T[] {
  const length = Math.max(0, decoder.readUVarInt() - 1);
  return Array.from({ length }, () => read(decoder));
}

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
const describeTopics = (broker: Broker, topics: readonly string[]): Promise<readonly DescribedTopic[] | null> =>
  sendNewer(broker, metadataOf(topics));

interface DescribedTopic {
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

/**
 * What the brokers permit this client to do with topics and groups, as their authorizer answers (KIP-430): rules of every
 * kind, and what holds where there are none, are in it. In the order of the resources.
 * @throws what kafkajs throws where there is no answer
 */
export async function permittedOperations(
  cluster: Cluster,
  resources: readonly Resource[],
): Promise<readonly Permitted[]> {
  const broker = await anyBroker(cluster);
  const names = resources.flatMap(({ kind, name }) => (kind === 'topic' ? [name] : []));
  const topics = names.length === 0 ? [] : await describeTopics(broker, names);
  const found: Permitted[] = [];
  for (const { kind, name } of resources) {
    if (kind === 'group') found.push(await ofGroup(cluster, broker, name));
    else found.push(ofTopic(topics?.find((topic) => topic.name === name)));
  }
  return found;
}

async function anyBroker(cluster: Cluster): Promise<Broker> {
  await cluster.refreshMetadataIfNecessary();
  return cluster.findControllerBroker();
}

const TOPIC_AUTHORIZATION_FAILED = 29;
const GROUP_AUTHORIZATION_FAILED = 30;

/** Not permitted to Describe: nor what implies it. */
const nothing: Permitted = new Set<Operation>();

function ofTopic(topic: Answered | undefined): Permitted {
  if (topic?.errorCode === TOPIC_AUTHORIZATION_FAILED) return nothing;
  return topic === undefined ? null : operationsIn(topic.authorizedOperations);
}

async function ofGroup(cluster: Cluster, broker: Broker, groupId: string): Promise<Permitted> {
  const coordinator = await coordinatorOf(cluster, broker, groupId);
  if (coordinator === 'not_permitted') return nothing;
  const [group] = (await sendNewer(coordinator, describe(groupId))) ?? [];
  if (group?.errorCode === GROUP_AUTHORIZATION_FAILED) return nothing;
  return group === undefined || group.errorCode !== 0 ? null : operationsIn(group.authorizedOperations);
}

/** kafkajs's own search drops why there is none; it is left what passes, such as a cluster that makes its first group. */
async function coordinatorOf(cluster: Cluster, broker: Broker, groupId: string): Promise<Broker | 'not_permitted'> {
  try {
    const { coordinator } = await (broker as CoordinatorFinder).findGroupCoordinator({ groupId, coordinatorType: 0 });
    return await cluster.findBroker({ nodeId: String(coordinator.nodeId) });
  } catch (error) {
    if (typeIn(error) === 'GROUP_AUTHORIZATION_FAILED') return 'not_permitted';
    if (typeIn(error) !== 'GROUP_COORDINATOR_NOT_AVAILABLE') throw error;
    return cluster.findGroupCoordinator({ groupId });
  }
}

const typeIn = (error: unknown): unknown => (error instanceof Error && 'type' in error ? error.type : null);

/** What kafkajs has of a broker, and does not show. */
type CoordinatorFinder = Broker & {
  findGroupCoordinator(group: {
    readonly groupId: string;
    readonly coordinatorType: number;
  }): Promise<{ readonly coordinator: { readonly nodeId: number } }>;
};

/** What both answers say of a resource. */
interface Answered {
  readonly errorCode: number;
  readonly authorizedOperations: number;
}

/** org.apache.kafka.common.acl.AclOperation */
const codes: readonly (readonly [Operation, number])[] = [
  ['Read', 3],
  ['Write', 4],
  ['Describe', 8],
  ['DescribeConfigs', 10],
];

/** What a broker sends that was not asked, or does not know. */
const NOT_TOLD = -(2 ** 31);

const operationsIn = (bits: number): Permitted =>
  bits === NOT_TOLD ? null : new Set(codes.flatMap(([name, code]) => ((bits & (1 << code)) === 0 ? [] : [name])));

/** https://kafka.apache.org/protocol#The_Messages_DescribeGroups (version 5) */
const describe = (groupId: string): NewerRequest<readonly Answered[]> => ({
  apiKey: 15,
  apiName: 'DescribeGroups',
  apiVersion: 5,
  encode: (encoder) => {
    // One group, in a compact array; and its authorized operations.
    encoder.writeUVarInt(2);
    encoder.writeUVarIntString(groupId);
    encoder.writeBoolean(true);
    writeNoTags(encoder);
  },
  decode: (decoder) => {
    decoder.readInt32();
    return readArray(decoder, readGroupDescription);
  },
});

function readGroupDescription(decoder: Decoder): Answered {
  const errorCode = decoder.readInt16();
  // Id, state, protocol type, protocol.
  for (let i = 0; i < 4; i += 1) decoder.readUVarIntString();
  readArray(decoder, skipMember);
  const authorizedOperations = decoder.readInt32();
  skipTags(decoder);
  return { errorCode, authorizedOperations };
}

/** Its id, its static id, client id, host; metadata and assignment as bytes. */
function skipMember(decoder: Decoder): void {
  for (let i = 0; i < 4; i += 1) decoder.readUVarIntString();
  for (let i = 0; i < 2; i += 1) decoder.forward(Math.max(0, decoder.readUVarInt() - 1));
  skipTags(decoder);
}
