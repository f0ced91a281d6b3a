/** The whole topic goes to one member, and stays with it. */
import kafkajs from 'kafkajs';
import type { GroupMember, PartitionMetadata } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { createRelayAssigner, ownerOf } from '../../src/adapters/kafka/assigner.ts';

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol;

const aMember = (memberId: string, userData: Buffer): GroupMember => ({
  memberId,
  memberMetadata: MemberMetadata.encode({ version: 1, topics: ['t'], userData }),
});
const claiming = (memberId: string, owner: unknown): GroupMember =>
  aMember(memberId, Buffer.from(JSON.stringify({ owner })));

const partitions = [2, 0, 1].map((partitionId): PartitionMetadata => ({
  partitionId,
  partitionErrorCode: 0,
  leader: 1,
  replicas: [1],
  isr: [1],
}));

function anAssigner(isOwner: boolean, joining: () => void = () => undefined) {
  const cluster = { findTopicPartitionMetadata: () => partitions };
  return createRelayAssigner({ cluster, topic: 't', joining, isOwner: () => isOwner });
}

describe('the owner', () => {
  test.each<[string, readonly GroupMember[], string | undefined]>([
    ['is who has it', [claiming('a', false), claiming('b', true)], 'b'],
    ['is the first one where no member has it', [claiming('b', false), claiming('a', false)], 'a'],
    ['is the first one of several who claim it', [claiming('c', true), claiming('b', true), claiming('a', false)], 'b'],
    ['is none that only seems to claim it', [claiming('a', false), claiming('b', 'true'), claiming('c', true)], 'c'],
    ['is none whose claim cannot be read', [aMember('b', Buffer.from('{')), claiming('a', false)], 'a'],
    ['is none where there is no member', [], undefined],
  ])('%s', (_, members, owner) => {
    expect(ownerOf(members)).toBe(owner);
  });
});

test('all partitions go to the owner, in their order, and none to the others', async () => {
  const assigned = await anAssigner(false).assign({
    members: [claiming('a', false), claiming('b', true)],
    topics: ['t'],
  });
  expect(
    assigned.map(({ memberId, memberAssignment }) => [memberId, MemberAssignment.decode(memberAssignment)?.assignment]),
  ).toEqual([
    ['a', { t: [] }],
    ['b', { t: [0, 1, 2] }],
  ]);
});

test('nothing goes to a member that reads another topic, also where it has that one', async () => {
  const userData = Buffer.from(JSON.stringify({ owner: true }));
  const other = MemberMetadata.encode({ version: 1, topics: ['another'], userData });
  const members = [{ memberId: 'a', memberMetadata: other }, claiming('b', false)];
  const assigned = await anAssigner(false).assign({ members, topics: ['t'] });
  expect(
    assigned.map(({ memberId, memberAssignment }) => [memberId, MemberAssignment.decode(memberAssignment)?.assignment]),
  ).toEqual([
    ['a', { t: [] }],
    ['b', { t: [0, 1, 2] }],
  ]);
});

test.each([true, false])('a member says whether it has the topic: %s', (isOwner) => {
  const { name, metadata } = anAssigner(isOwner).protocol({ topics: ['t'] });
  expect(name).toBe('RollcallOneForAll');
  expect(MemberMetadata.decode(metadata)?.topics).toEqual(['t']);
  expect(ownerOf([{ memberId: 'z', memberMetadata: metadata }, claiming('a', false)])).toBe(isOwner ? 'z' : 'a');
});

test('a join that is forbidden is not asked for', () => {
  const forbidden = (): void => {
    throw new Error('given up');
  };
  expect(() => anAssigner(true, forbidden).protocol({ topics: ['t'] })).toThrow('given up');
});
