// The recipes of the documentation, run: changes with the identity provider's ids land under those of the target.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyFile } from '../../src/commands/apply.ts';
import type { Summary } from '../../src/core/report/summary.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aContext } from '../support/command-context.ts';
import { aSandbox, atEnd } from '../support/genesys.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';

const SEED = {
  users: [
    { id: 'user-1', userName: 'jane@example.com', externalId: '00u1' },
    { id: 'user-2', userName: 'joe@example.com', externalId: '00u2', active: false },
  ],
  groups: [{ id: 'group-1', displayName: 'Sales', members: ['user-2'] }],
};

async function apply(environment: Record<string, string>, change: object) {
  const sandbox = await aSandbox({ seed: SEED });
  const stdin = JSON.stringify({ group_id: 'Sales', ...change });
  const context = aContext({ environment: { ...environmentOf(sandbox), ...environment }, stdin });
  const code = await applyFile('-', { json: true }, context);
  const { operations } = JSON.parse(context.out()) as Summary;
  return { sandbox, code, operations };
}

test('a file of ids: both ids are in the report', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ids-'));
  atEnd(() => rm(folder, { recursive: true }));
  const path = join(folder, 'ids.csv');
  const rows = [
    'type,source_id,genesys_id,active',
    'user,00u1,user-1,true',
    'user,00u2,user-2,false',
    'group,Sales,group-1,',
  ];
  await writeFile(path, rows.join('\n'));
  const change = { add_members: ['00u1'], remove_members: ['00u2'] };
  const { sandbox, code, operations } = await apply({ ID_MAP: `file:${path}` }, change);
  expect([code, sandbox.members('group-1')]).toEqual([EXIT.done, ['user-1']]);
  expect(operations.find(({ op }) => op === 'add')).toMatchObject({
    id: 'apply/0/0/00u1',
    group: 'group-1',
    member: 'user-1',
    source_group: 'Sales',
    source_member: '00u1',
  });
});

test.each([
  ['externalId', '00u1', '00u2'],
  ['userName', 'Jane@example.com', 'joe@example.com'],
  ['email', 'jane@example.com', 'JOE@example.com'],
])('look-ups by %s: the inactive user is found too, and the unknown one fails alone', async (attribute, one, other) => {
  const environment = { ID_MAP: 'scim', ID_MAP_USER_ATTRIBUTE: attribute };
  const change = { add_members: [one, 'unknown'], remove_members: [other] };
  const { sandbox, code, operations } = await apply(environment, change);
  expect([code, sandbox.members('group-1')]).toEqual([EXIT.someFailed, ['user-1']]);
  const failed = operations.filter(({ outcome }) => outcome === 'permanent_failure' || outcome === 'failed');
  expect(failed).toMatchObject([{ source_member: 'unknown', reason: { code: 'user_missing' } }]);
});
