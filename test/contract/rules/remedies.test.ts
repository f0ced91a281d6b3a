/** What a source cannot say is a dead letter with a remedy, and the remedy works: a full state in the same topic, beside its format. */
import { expect, test } from 'vitest';
import { sourceTopicFormat } from '../../../src/formats/registry.ts';
import { defaultOptions } from '../../support/source-records.ts';
import type { World } from '../../support/world.ts';
import { aWorld, topics } from '../../support/world.ts';

const withMembers = (...members: readonly string[]) => ({
  sandbox: { seed: { groups: [{ id: 'g', members: [...members], version: 1 }] } },
});

interface Produced {
  /** Of the topic's own records of the group. */
  readonly key?: string | null;
  readonly headers?: [string, Uint8Array][];
}

/** As a topic of Debezium is keyed by group. */
const produce = (
  world: World,
  value: unknown,
  { key = JSON.stringify({ group_id: 'g' }), headers = [] }: Produced = {},
) => world.produce({ topic: topics.source, partition: null, key, value: JSON.stringify(value), headers });

const native: [string, Uint8Array][] = [['rollcall-format', Buffer.from('native')]];
const stateOf = (group: string, members: readonly string[]) => ({ group_id: group, members, complete: true });

const source = { connector: 'postgresql', schema: 'public', table: 'user_group_membership' };
const line = 'the source changed groups without naming them, see the dead letter for what to do';

test.each([
  ['a truncated table', 'truncate', { op: 't', source }],
  ['a deleted row without its columns', 'delete_unreadable', { op: 'd', before: null, after: null, source }],
  [
    'a changed row whose former ids are fillers',
    'before_unreadable',
    { op: 'd', before: { id: 1, group_id: '', user_id: 0 }, after: null, source },
  ],
  ['a soft delete', 'row_marked', { op: 'c', after: { group_id: 'g', user_id: 'c', deleted_at: 1 }, source }],
  ['a row of a history', 'row_of_history', { op: 'c', after: { group_id: 'g', user_id: 'c', revtype: 2 }, source }],
])('%s: the full state of the group puts it right', async (_, code, record) => {
  const world = await aWorld(withMembers('a', 'b'));
  produce(world, record);
  const one = await world.start({ format: sourceTopicFormat('debezium', defaultOptions) });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['a', 'b']);
  const [letter] = world.records(topics.deadLetter);
  const header = (name: string): string =>
    String(Buffer.from(letter?.headers.find(([header]) => header === name)?.[1] ?? []));
  expect(header('rollcall-error-code')).toBe(code);
  expect(header('rollcall-error-message')).toContain('rollcall-format: native');
  // Of what is written between the reading and the sending the full state would say the opposite.
  expect(header('rollcall-error-message')).toContain('while nothing writes to its rows');

  produce(world, stateOf('g', ['b']), { headers: native });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['b']);
  expect(world.kept().get('source/0/1/a')).toMatchObject({ op: 'remove', outcome: 'applied' });
});

test('remedy: a full state goes to the partition of its group, by the key of the topic, which is not compared', async () => {
  const world = await aWorld({ ...withMembers('a', 'b'), partitionCount: 5 });
  const row = (user: string) => ({ op: 'c', before: null, after: { group_id: 'g', user_id: user }, source });
  produce(world, row('c'));
  produce(world, stateOf('g', ['b', 'c']), { headers: native });
  // newer than the full state, in the same partition
  produce(world, row('d'));
  const one = await world.start({ format: sourceTopicFormat('debezium', defaultOptions) });
  await world.expectRest(one);
  expect(world.sandbox.members('g').toSorted()).toEqual(['b', 'c', 'd']);
  const counts = [0, 1, 2, 3, 4].map((partition) => world.records(topics.source, partition).length);
  expect(counts.filter((count) => count > 0)).toEqual([3]);
  expect(world.records(topics.deadLetter)).toEqual([]);
});

const auditEntry = { category: 'AuditLogs', activityDisplayName: 'Shuffle members', result: 'success' };

test.each([
  [
    'keycloak',
    'unknown_event_type',
    'g',
    { resourceType: 'GROUP', operationType: 'SHUFFLE', resourcePath: 'groups/g' },
  ],
  ['okta', 'outcome_unknown', 'g', { eventType: 'group.user_membership.add', outcome: {}, target: [] }],
  ['entra', 'unknown_event_type', null, auditEntry],
  [
    'entra',
    'change_without_detail',
    null,
    { value: [{ resource: 'groups/g', changeType: 'updated', subscriptionId: 's' }] },
  ],
  ['google', 'unknown_event_type', 'g', { id: { applicationName: 'groups' }, events: [{ name: 'shuffle_members' }] }],
  [
    'auth0',
    'unknown_event_type',
    'g',
    { specversion: '1.0', id: 'e', source: 's', type: 'group.member.shuffled', data: {} },
  ],
] as const)('remedy: %s, %s: the remedy works beside the format of the topic', async (name, code, key, record) => {
  const world = await aWorld(withMembers('a', 'b'));
  produce(world, record, { key });
  const one = await world.start({ format: sourceTopicFormat(name, defaultOptions) });
  await world.expectRest(one);
  const [letter] = world.records(topics.deadLetter);
  const headers = new Map(letter?.headers.map(([header, value]) => [header, String(Buffer.from(value))]));
  expect(headers.get('rollcall-error-code')).toBe(code);
  expect(headers.get('rollcall-error-message')).toContain('rollcall-format: native');
  produce(world, stateOf('g', ['b']), { key, headers: native });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['b']);
});

test('remedy: a truncated table has a line in the log', async () => {
  const world = await aWorld(withMembers('a'));
  produce(world, { op: 't', source });
  const one = await world.start({ format: sourceTopicFormat('debezium', defaultOptions) });
  await world.expectRest(one);
  const lines = one.logger.lines.filter(({ message }) => message === line);
  expect(lines.map(({ fields }) => fields)).toEqual([{ partition: 0, offset: '0', code: 'truncate' }]);
});
