/**
 * Gives partition p of source and retry to the same member, and as far as the balance allows to the member that had it.
 * Members tell what they had in the user data of their subscription; the leader decides, the same from the same input.
 * Members that read other topics than the leader get nothing.
 */
import type { Assigner, Cluster, GroupMember, GroupMemberAssignment } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { InputTopic } from '../../ports.ts';
import { readsTopics } from './topic-watch.ts';

/** Equal in every instance of a group; a change of what the bytes mean needs a new one. */
const assignerName = 'RollcallCoPartition';
const version = 1;

export interface AssignerOptions {
  readonly cluster: Pick<Cluster, 'findTopicPartitionMetadata'>;
  readonly topics: Readonly<Record<InputTopic, string>>;
  /** A JoinGroup request is being built; throwing forbids it. */
  readonly joining: () => void;
  /** Partitions of the present assignment. */
  readonly owned: () => readonly number[];
}

export class PartitionCountError extends Error {
  override readonly name = 'PartitionCountError';
}

export function createAssigner({ cluster, topics, joining, owned }: AssignerOptions): Assigner {
  return {
    name: assignerName,
    version,
    protocol: () => {
      joining();
      partitionCountOf(cluster, topics);
      const userData = Buffer.from(JSON.stringify(owned()));
      const metadata = { version, topics: [topics.source, topics.retry], userData };
      return { name: assignerName, metadata: kafkajs.AssignerProtocol.MemberMetadata.encode(metadata) };
    },
    assign: async ({ members }): Promise<GroupMemberAssignment[]> => {
      const alike = members.filter((member) => readsTopics(member, [topics.source, topics.retry]));
      const claims = new Map(alike.map((member) => [member.memberId, claimOf(member)]));
      const shares = shareOut(partitionCountOf(cluster, topics), claims);
      return members.map(({ memberId }) => {
        const partitions = shares.get(memberId) ?? [];
        const assignment = { [topics.source]: [...partitions], [topics.retry]: [...partitions] };
        const encoded = kafkajs.AssignerProtocol.MemberAssignment.encode({
          version,
          assignment,
          userData: Buffer.alloc(0),
        });
        return { memberId, memberAssignment: encoded };
      });
    },
  };
}

/** @throws PartitionCountError where the topics do not have equally many. */
export function partitionCountOf(cluster: AssignerOptions['cluster'], topics: AssignerOptions['topics']): number {
  const source = cluster.findTopicPartitionMetadata(topics.source).length;
  const retry = cluster.findTopicPartitionMetadata(topics.retry).length;
  if (source === retry) return source;
  const counts = `${topics.source} has ${source} partitions and ${topics.retry} has ${retry}`;
  throw new PartitionCountError(`Partition counts differ: ${counts}`);
}

/** Every partition once; the members' numbers differ by at most one; claims are honoured as far as that allows. */
export function shareOut(
  partitionCount: number,
  claims: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, readonly number[]> {
  const free = new Set(Array.from({ length: partitionCount }, (_, partition) => partition));
  const base = Math.floor(partitionCount / claims.size);
  let extras = partitionCount % claims.size;
  const shares = new Map<string, number[]>();
  // Those with the most first: an extra partition stays with one who has it.
  const members = [...claims.keys()].toSorted();
  for (const member of members.toSorted((a, b) => sizeOf(claims, b) - sizeOf(claims, a))) {
    const kept = (claims.get(member) ?? []).filter((partition) => free.has(partition));
    const share = [...new Set(kept)].slice(0, extras > 0 ? base + 1 : base);
    if (share.length > base) extras -= 1;
    for (const partition of share) free.delete(partition);
    shares.set(member, share);
  }
  for (const partition of free) {
    const poorest = members.reduce((a, b) => (sizeOf(shares, b) < sizeOf(shares, a) ? b : a));
    shares.get(poorest)?.push(partition);
  }
  return new Map(members.map((member) => [member, (shares.get(member) ?? []).toSorted((a, b) => a - b)]));
}

function sizeOf(shares: ReadonlyMap<string, readonly number[]>, member: string): number {
  return shares.get(member)?.length ?? 0;
}

/** What cannot be read counts as no claim: it is a wish only. */
function claimOf({ memberMetadata }: GroupMember): readonly number[] {
  try {
    const userData = kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata)?.userData;
    const claim: unknown = JSON.parse(String(userData));
    return Array.isArray(claim) ? claim.filter((partition) => Number.isInteger(partition)) : [];
  } catch {
    return [];
  }
}
