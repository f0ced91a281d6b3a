/**
 * Gives the whole topic to one member of the group, and leaves it there for as long as that member is in it. Who has it
 * says so in the user data of the subscription; the leader decides, the same from the same input. Members that read another
 * topic than the leader get nothing.
 */
import type { Assigner, Cluster, GroupMember } from 'kafkajs';
import kafkajs from 'kafkajs';
import { readsTopics } from './topic-watch.ts';

/** Equal in every instance of a group; a change of what the bytes mean needs a new one. */
const name = 'RollcallOneForAll';
const version = 1;

export interface RelayAssignerOptions {
  readonly cluster: Pick<Cluster, 'findTopicPartitionMetadata'>;
  readonly topic: string;
  /** A JoinGroup request is being built; throwing forbids it. */
  readonly joining: () => void;
  readonly isOwner: () => boolean;
}

export function createRelayAssigner({ cluster, topic, joining, isOwner }: RelayAssignerOptions): Assigner {
  return {
    name,
    version,
    protocol: () => {
      joining();
      const userData = Buffer.from(JSON.stringify({ owner: isOwner() }));
      return { name, metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({ version, topics: [topic], userData }) };
    },
    assign: async ({ members }) => {
      const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
      const owner = ownerOf(members.filter((member) => readsTopics(member, [topic])));
      return members.map(({ memberId }) => {
        const assignment = { [topic]: memberId === owner ? partitions.toSorted((a, b) => a - b) : [] };
        const encoded = { version, assignment, userData: Buffer.alloc(0) };
        return { memberId, memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode(encoded) };
      });
    },
  };
}

/** Of several that claim it, which a split of the network can bring about, the first one. */
export function ownerOf(members: readonly GroupMember[]): string | undefined {
  const sorted = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
  return (sorted.find(claims) ?? sorted[0])?.memberId;
}

/** What cannot be read counts as no claim. */
function claims({ memberMetadata }: GroupMember): boolean {
  try {
    const userData = kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData;
    return (JSON.parse(String(userData)) as { owner?: unknown }).owner === true;
  } catch {
    return false;
  }
}
