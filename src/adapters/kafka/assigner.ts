/**
 * Who of a consumer group reads what: the assigners of the log and of a relay. Members say in the user data of their
 * subscription what they have; the leader decides, the same from the same input. Members that read other topics than the
 * leader get nothing, and can say why.
 */
import kafkajs, { type Assigner, type Cluster, type Consumer, type GroupMember } from 'kafkajs';
import type { InputTopic } from '../../ports.ts';
import type { KafkaHost } from './options.ts';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
const version = 1;

interface Sharing {
  /** Equal in every instance of a group; a change of what the bytes mean needs a new one. */
  readonly name: string;
  readonly topics: readonly string[];
  /** A JoinGroup request is being built; throwing forbids it. What this member says of itself, as JSON. */
  readonly claim: () => unknown;
  /** Of each topic, by member; those that are left out get nothing. */
  readonly share: (alike: readonly GroupMember[]) => ReadonlyMap<string, readonly number[]>;
}

const assignerOf = ({ name, topics, claim, share }: Sharing): Assigner => ({
  name,
  version,
  protocol: () => {
    const userData = Buffer.from(JSON.stringify(claim()));
    return { name, metadata: MemberMetadata.encode({ version, topics: [...topics], userData }) };
  },
  assign: async ({ members }) => {
    const shares = share(members.filter((member) => readsTopics(member, topics)));
    return members.map(({ memberId }) => {
      const assignment = Object.fromEntries(topics.map((topic) => [topic, [...(shares.get(memberId) ?? [])]]));
      const encoded = { version, assignment, userData: Buffer.alloc(0) };
      return { memberId, memberAssignment: MemberAssignment.encode(encoded) };
    });
  },
});

/** undefined: it cannot be read, and counts as no claim. */
function claimOf({ memberMetadata }: GroupMember): unknown {
  try {
    return JSON.parse(String(MemberMetadata.decode(memberMetadata)?.userData));
  } catch {
    return undefined;
  }
}

interface AssignerOptions {
  readonly cluster: Pick<Cluster, 'findTopicPartitionMetadata'>;
  /** A JoinGroup request is being built; throwing forbids it. */
  readonly joining: () => void;
}

export interface LogAssignerOptions extends AssignerOptions {
  readonly topics: Readonly<Record<InputTopic, string>>;
  /** Partitions of the present assignment. */
  readonly owned: () => readonly number[];
}

export class PartitionCountError extends Error {
  override readonly name = 'PartitionCountError';
}

/** The log: partition p of source and retry goes to the same member, and as far as the balance allows to the one that had it. */
export const createAssigner = ({ cluster, topics, joining, owned }: LogAssignerOptions): Assigner =>
  assignerOf({
    name: 'RollcallCoPartition',
    topics: [topics.source, topics.retry],
    claim: () => {
      joining();
      partitionCountOf(cluster, topics);
      return owned();
    },
    share: (alike) => {
      const claims = new Map(alike.map((member) => [member.memberId, partitionsIn(claimOf(member))]));
      return shareOut(partitionCountOf(cluster, topics), claims);
    },
  });

/** A wish only. */
const partitionsIn = (claim: unknown): readonly number[] =>
  Array.isArray(claim) ? claim.filter((partition) => Number.isInteger(partition)) : [];

/** @throws PartitionCountError where the topics do not have equally many. */
export function partitionCountOf(cluster: AssignerOptions['cluster'], topics: LogAssignerOptions['topics']): number {
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

export interface RelayAssignerOptions extends AssignerOptions {
  readonly topic: string;
  readonly isOwner: () => boolean;
}

/** A relay: the whole topic goes to one member, and stays there for as long as that member is in the group. */
export const createRelayAssigner = ({ cluster, topic, joining, isOwner }: RelayAssignerOptions): Assigner =>
  assignerOf({
    name: 'RollcallOneForAll',
    topics: [topic],
    claim: () => {
      joining();
      return { owner: isOwner() };
    },
    share: (alike) => {
      const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
      const owner = ownerOf(alike);
      return new Map(owner === undefined ? [] : [[owner, partitions.toSorted((a, b) => a - b)]]);
    },
  });

/** Of several that claim it, which a split of the network can bring about, the first one. */
export function ownerOf(members: readonly GroupMember[]): string | undefined {
  const sorted = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const claims = (member: GroupMember): boolean => (claimOf(member) as { owner?: unknown } | null)?.owner === true;
  return (sorted.find(claims) ?? sorted[0])?.memberId;
}

export interface OwnTopics {
  /** The assignments of the first one are handed on. */
  readonly topics: readonly [string, ...string[]];
  /** What sets them. */
  readonly settings: string;
  readonly groupSetting: string;
}

/**
 * Of one consumer: the topics of the leader that it does not read, in the present generation. Instances of one group read
 * different topics where an old and a new release have another SOURCE_TOPIC. The leader gives partitions of its own topics
 * only, and only to those that read the same. To the others it gives its topics without partitions: kafkajs tells them of
 * it, which is how they can say why.
 */
export class OtherTopics {
  readonly #own: OwnTopics & { readonly groupId: string };
  #found: readonly string[] = [];

  constructor(consumer: Consumer, host: KafkaHost, own: OwnTopics & { readonly groupId: string }) {
    this.#own = own;
    consumer.on(consumer.events.RECEIVED_UNSUBSCRIBED_TOPICS, ({ payload: { topicsNotSubscribed } }) => {
      this.#found = topicsNotSubscribed;
      const { groupId, topics } = own;
      host.logger.error({ group: groupId, topics, others: this.#found, advice: this.#advice }, OTHERS);
    });
  }

  /** A JoinGroup request is being built. */
  joining(): void {
    this.#found = [];
  }

  /** The leader reads topics that this one does not read, and gives it nothing. */
  get isExcluded(): boolean {
    return this.#found.length > 0;
  }

  /** Why this instance reads nothing, with the remedy. */
  obstacles(): readonly string[] {
    if (!this.isExcluded) return [];
    const { groupId, topics } = this.#own;
    const which = `${this.#found.join(' and ')}, this one reads ${topics.join(' and ')}`;
    return [
      `the consumer group ${groupId} is led by an instance that reads ${which}: nothing is read. ${this.#advice}`,
    ];
  }

  get #advice(): string {
    const { settings, groupSetting } = this.#own;
    return `Give all instances of the group the same ${settings}, or those with other topics another ${groupSetting}. To change the topics, stop all instances first.`;
  }
}

const OTHERS = 'the consumer group is led by an instance that reads other topics, this one gets no partitions';

/** @param topics of the leader. A subscription that cannot be read counts as the same. */
export function readsTopics({ memberMetadata }: GroupMember, topics: readonly string[]): boolean {
  const subscribed = subscribedBy(memberMetadata);
  return (
    subscribed === null || (subscribed.length === topics.length && topics.every((each) => subscribed.includes(each)))
  );
}

function subscribedBy(metadata: Buffer): readonly string[] | null {
  try {
    return kafkajs.AssignerProtocol.MemberMetadata.decode(metadata)?.topics ?? null;
  } catch {
    return null;
  }
}
