/**
 * How large the record is in which Kafka keeps a consumer group: key and value in __consumer_offsets, the value as the brokers
 * encode it (GroupMetadataValue.json of apache/kafka, version 3), subscriptions and assignments by kafkajs's own encoders, as in
 * src/adapters/kafka/assigner.ts. Names are the defaults of the configuration.
 */
import kafkajs from 'kafkajs';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
const VERSION = 1;
const PROTOCOL = 'RollcallCoPartition';

/** What is written out in the record, and may be shorter or longer elsewhere. */
export interface GroupNames {
  readonly groupId: string;
  readonly clientId: string;
  readonly topics: readonly [source: string, retry: string];
  readonly clientHost: string;
}

/** The defaults of the configuration, and the longest address of IPv4. */
const NAMES: GroupNames = {
  groupId: 'rollcall',
  clientId: 'rollcall',
  topics: ['idp.group-membership', 'rollcall.retry'],
  clientHost: '/255.255.255.255',
};

/** The broker appends a UUID to the client's id. */
const memberIdOf = ({ clientId }: GroupNames): string => `${clientId}-${'0'.repeat(36)}`;

/** `message.max.bytes` of a broker, which __consumer_offsets inherits. */
export const RECORD_MAX_BYTES = 1_048_588;
/** Of a batch with one record: its header, then lengths, attributes and deltas of the record. */
const BATCH_BYTES = 61 + 16;

const INT16 = 2;
const INT32 = 4;
const INT64 = 8;
const textBytes = (text: string): number => INT16 + Buffer.byteLength(text);
const bytesOf = (buffer: Buffer): number => INT32 + buffer.length;

/** @param partitionsEach of source and retry topic alike; every instance claims what it has. */
export function recordBytes(instances: number, partitionsEach: number, names = NAMES): number {
  const key = INT16 + textBytes(names.groupId);
  const generation = INT32;
  const timestamp = INT64;
  const memberCount = INT32;
  const texts = textBytes('consumer') + textBytes(PROTOCOL) + textBytes(memberIdOf(names));
  let bytes = BATCH_BYTES + key + INT16 + texts + generation + timestamp + memberCount;
  for (let instance = 0; instance < instances; instance += 1) {
    const first = instance * partitionsEach;
    const partitions = Array.from({ length: partitionsEach }, (_, index) => first + index);
    bytes += memberBytes(partitions, names);
  }
  return bytes;
}

function memberBytes(partitions: number[], names: GroupNames): number {
  const topics = [...names.topics];
  const userData = Buffer.from(JSON.stringify(partitions));
  const subscription = MemberMetadata.encode({ version: VERSION, topics, userData });
  const assigned = Object.fromEntries(topics.map((topic) => [topic, partitions]));
  const assignment = MemberAssignment.encode({ version: VERSION, assignment: assigned, userData: Buffer.alloc(0) });
  const noInstanceId = INT16;
  const timeouts = 2 * INT32;
  const texts = textBytes(memberIdOf(names)) + textBytes(names.clientId) + textBytes(names.clientHost);
  return texts + noInstanceId + timeouts + bytesOf(subscription) + bytesOf(assignment);
}

/** The most instances whose record Kafka still takes. */
export function instancesMax(partitionsEach: number): number {
  let [fits, tooMany] = [1, 2];
  while (recordBytes(tooMany, partitionsEach) <= RECORD_MAX_BYTES) [fits, tooMany] = [tooMany, 2 * tooMany];
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (recordBytes(middle, partitionsEach) <= RECORD_MAX_BYTES) fits = middle;
    else tooMany = middle;
  }
  return fits;
}
