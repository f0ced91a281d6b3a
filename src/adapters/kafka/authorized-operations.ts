/**
 * What the brokers permit this client to do with topics and groups, as their authorizer answers (KIP-430): rules of every
 * kind, and what holds where there are none, are in it. kafkajs speaks no version of the requests that asks for it.
 */
import type { Broker } from 'kafkajs';
import type { Operation, Permitted, Resource } from '../../core/authorization.ts';
import type { ClusterClient } from './cluster-client.ts';
import { type Decoder, type NewerRequest, readArray, sendNewer, skipTags, writeNoTags } from './newer-request.ts';
import { describeTopics } from './newer-metadata.ts';

/** In the order of the resources. @throws what kafkajs throws where there is no answer */
export async function permittedOperations(
  { cluster }: ClusterClient,
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

async function anyBroker(cluster: ClusterClient['cluster']): Promise<Broker> {
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

async function ofGroup(cluster: ClusterClient['cluster'], broker: Broker, groupId: string): Promise<Permitted> {
  const coordinator = await coordinatorOf(cluster, broker, groupId);
  if (coordinator === 'not_permitted') return nothing;
  const [group] = (await sendNewer(coordinator, describe(groupId))) ?? [];
  if (group?.errorCode === GROUP_AUTHORIZATION_FAILED) return nothing;
  return group === undefined || group.errorCode !== 0 ? null : operationsIn(group.authorizedOperations);
}

/** kafkajs's own search drops why there is none; it is left what passes, such as a cluster that makes its first group. */
async function coordinatorOf(
  cluster: ClusterClient['cluster'],
  broker: Broker,
  groupId: string,
): Promise<Broker | 'not_permitted'> {
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
    return readArray(decoder, readGroup);
  },
});

function readGroup(decoder: Decoder): Answered {
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
