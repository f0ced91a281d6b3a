import fc from 'fast-check';
import kafkajs from 'kafkajs';
import type { Cluster, GroupMember, PartitionMetadata } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { createAssigner, PartitionCountError, shareOut } from '../../src/adapters/kafka/assigner.ts';

const topics = { source: 's', retry: 'r' };

function aCluster(counts: Readonly<Record<string, number>>): Pick<Cluster, 'findTopicPartitionMetadata'> {
  const metadata = (topic: string): PartitionMetadata[] =>
    Array.from({ length: counts[topic] ?? 0 }, (_, partitionId) => ({
      partitionId,
      partitionErrorCode: 0,
      leader: 1,
      replicas: [1],
      isr: [1],
    }));
  return { findTopicPartitionMetadata: metadata };
}

const claims = fc
  .dictionary(fc.string({ minLength: 1, maxLength: 3 }), fc.array(fc.integer({ min: -1, max: 20 })), { minKeys: 1 })
  .map((members) => new Map(Object.entries(members)));

describe('the shares', () => {
  test('give every partition to one member, evenly, whatever the members claim', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 16 }), claims, (count, members) => {
        const shares = shareOut(count, members);
        expect([...shares.values()].flat().toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: count }, (_, p) => p),
        );
        expect([...shares.keys()].toSorted()).toEqual([...members.keys()].toSorted());
        const sizes = [...shares.values()].map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('do not depend on the order in which members are listed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 16 }), claims, (count, members) => {
        expect(shareOut(count, new Map([...members].toReversed()))).toEqual(shareOut(count, members));
      }),
    );
  });

  test('leave partitions where they were, as far as the balance allows', () => {
    const before = shareOut(
      7,
      new Map([
        ['a', []],
        ['b', []],
      ]),
    );
    expect(shareOut(7, before)).toEqual(before);
    const three = shareOut(7, new Map([...before, ['c', []]]));
    const moved = [...(three.get('c') ?? [])];
    expect(moved).toHaveLength(2);
    for (const member of ['a', 'b']) {
      expect(three.get(member)).toEqual(before.get(member)?.filter((partition) => !moved.includes(partition)));
    }
  });

  test('take of two who claim the same partition only one', () => {
    const shares = shareOut(
      2,
      new Map([
        ['a', [0, 1]],
        ['b', [0, 1]],
      ]),
    );
    expect([...shares.values()].map(({ length }) => length)).toEqual([1, 1]);
  });
});

describe('the assigner', () => {
  const joined: string[] = [];
  const assigner = createAssigner({
    cluster: aCluster({ s: 4, r: 4 }),
    topics,
    joining: () => joined.push('joining'),
    owned: () => [2, 3],
  });

  test('says joining when a JoinGroup request is being built', () => {
    assigner.protocol({ topics: ['s', 'r'] });
    expect(joined).toEqual(['joining']);
  });

  async function assignedTo(members: GroupMember[]) {
    const assignments = await assigner.assign({ members, topics: ['s', 'r'] });
    return assignments.map(({ memberId, memberAssignment }) => [
      memberId,
      kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment,
    ]);
  }

  test('gives the same partitions of both topics to a member, and lets it keep its own', async () => {
    const { metadata } = assigner.protocol({ topics: ['s', 'r'] });
    const foreign = kafkajs.AssignerProtocol.MemberMetadata.encode({
      version: 1,
      topics: ['s', 'r'],
      userData: Buffer.from('not JSON'),
    });
    const members = [
      { memberId: 'a', memberMetadata: foreign },
      { memberId: 'b', memberMetadata: metadata },
    ];
    expect(await assignedTo(members)).toEqual([
      ['a', { s: [0, 1], r: [0, 1] }],
      ['b', { s: [2, 3], r: [2, 3] }],
    ]);
  });

  test.each([{ topics: ['s2', 'r'] }, { topics: ['s', 'r2'] }, { topics: ['s'] }, { topics: ['s', 'r', 't'] }])(
    'gives nothing to a member that reads $topics, and names its own topics to it',
    async ({ topics: others }) => {
      const { metadata } = assigner.protocol({ topics: ['s', 'r'] });
      const userData = Buffer.from('[0,1,2,3]');
      const other = kafkajs.AssignerProtocol.MemberMetadata.encode({ version: 1, topics: others, userData });
      const members = [
        { memberId: 'a', memberMetadata: other },
        { memberId: 'b', memberMetadata: metadata },
      ];
      expect(await assignedTo(members)).toEqual([
        ['a', { s: [], r: [] }],
        ['b', { s: [0, 1, 2, 3], r: [0, 1, 2, 3] }],
      ]);
    },
  );

  test('does not join where the topics differ in their number of partitions', () => {
    const unequal = createAssigner({ cluster: aCluster({ s: 4, r: 3 }), topics, joining: () => {}, owned: () => [] });
    expect(() => unequal.protocol({ topics: ['s', 'r'] })).toThrow(PartitionCountError);
  });
});
