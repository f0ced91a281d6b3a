/** What a source cannot say is a dead letter with a remedy, and the remedy works: a full state in the same topic, beside its format. */
import { expect, test } from 'vitest';
import { sourceTopicFormat } from '../../../src/formats/registry.ts';
import { defaultOptions } from '../../support/source-records.ts';
import type { World } from '../../support/world.ts';
import { aWorld, topics } from '../../support/world.ts';

const withMembers = (...members: readonly string[]) => ({
  sandbox: { seed: { groups: [{ id: 'g', members: [...members], version: 1 }] } },
});

/** As a topic of Debezium is keyed by group. */
const produce = (world: World, value: unknown, headers: [string, Uint8Array][] = []): bigint =>
  world.produce({
    topic: topics.source,
    partition: null,
    key: JSON.stringify({ group_id: 'g' }),
    value: JSON.stringify(value),
    headers,
  });

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

  produce(world, { group_id: 'g', members: ['b'], complete: true }, [['rollcall-format', Buffer.from('native')]]);
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['b']);
  expect(world.kept().get('source/0/1/a')).toMatchObject({ op: 'remove', outcome: 'applied' });
});

test('a truncated table has a line in the log', async () => {
  const world = await aWorld(withMembers('a'));
  produce(world, { op: 't', source });
  const one = await world.start({ format: sourceTopicFormat('debezium', defaultOptions) });
  await world.expectRest(one);
  const lines = one.logger.lines.filter(({ message }) => message === line);
  expect(lines.map(({ fields }) => fields)).toEqual([{ partition: 0, offset: '0', code: 'truncate' }]);
});
