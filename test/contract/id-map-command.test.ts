// The id map as commands open it, and what `rollcall doctor` says of it; topics on real brokers: test/integration.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { examine } from '../../src/commands/doctor.ts';
import type { Finding } from '../../src/console/doctor-checks.ts';
import { openIdMap, openIdRows } from '../../src/console/id-map.ts';
import { topicIdFindings } from '../../src/console/doctor-checks.ts';
import { readConfig } from '../../src/config/config.ts';
import { EXIT } from '../../src/exit-codes.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import { aContext } from '../support/command-context.ts';
import { aLog, anApi, aSandbox, atEnd } from '../support/genesys.ts';
import { found } from '../support/id-map-suite.ts';
import { aTableTopic, keyed, TOPIC } from '../support/id-table-topic.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';

async function aFile(content: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ids-'));
  atEnd(() => rm(folder, { recursive: true }));
  const path = join(folder, 'ids.csv');
  await writeFile(path, content);
  return path;
}

async function opening(environment: Record<string, string>) {
  const sandbox = await aSandbox();
  const context = aContext({ environment: { ...environmentOf(sandbox), ...environment } });
  const config = readConfig(context.environment, ['ids'], () => '');
  return { sandbox, opened: openIdMap(config, { context, api: anApi(sandbox), logger: aLog() }) };
}

/** No process listens on port 1: Kafka does not answer. */
async function doctor(environment: Record<string, string>, options: SandboxOptions = {}) {
  const sandbox = await aSandbox(options);
  const context = aContext({
    environment: { ...environmentOf(sandbox), KAFKA_BROKERS: '127.0.0.1:1', ...environment },
  });
  await examine({ json: true }, context);
  const { findings } = JSON.parse(context.out()) as { findings: readonly Finding[] };
  return findings.filter(({ check }) => check === 'ids').map(({ status, message }) => `${status} ${message}`);
}

test('id map command: a command opens the map that is configured', async () => {
  const path = await aFile('type,source_id,genesys_id\nuser,a,u1\n');
  const { ids, close } = await (await opening({ ID_MAP: `file:${path}` })).opened;
  expect(ids?.known('user', 'a')).toEqual(found('u1'));
  await close();
  expect((await (await opening({})).opened).ids).toBeNull();
  const asked = await opening({ ID_MAP: 'scim', ID_MAP_USER_ATTRIBUTE: 'email' });
  asked.sandbox.putUser({ id: 'u1', email: 'a@example.com' });
  expect(await (await asked.opened).ids?.lookUp('user', 'A@example.com', () => true)).toEqual(found('u1'));
});

test('id map command: without the target, a table says which ids are one another’s, and a look-up nothing', async () => {
  const path = await aFile('type,source_id,genesys_id\nuser,a,u1\n');
  const rows = async (environment: Record<string, string>) => {
    const context = aContext({ environment });
    const opened = await openIdRows(
      readConfig(environment, ['ids'], () => ''),
      { context, logger: aLog() },
    );
    await opened.close();
    return opened.ids;
  };
  expect((await rows({ ID_MAP: `file:${path}` }))?.rowsAbout?.('user', 'u1')).toEqual([
    { sourceId: 'a', target: 'u1' },
  ]);
  expect(await rows({ ID_MAP: 'scim' })).toEqual({});
  expect(await rows({})).toBeNull();
  await expect(rows({ ID_MAP: `file:${path}.gone` })).rejects.toMatchObject({ code: EXIT.configuration });
});

test('id map command: a table that cannot be used ends it as a wrong configuration', async () => {
  const path = await aFile('type,source_id,genesys_id\nuser,a,u1\nuser,a,u2\n');
  await expect((await opening({ ID_MAP: `file:${path}` })).opened).rejects.toMatchObject({
    code: EXIT.configuration,
    message: expect.stringContaining('line 3: user "a" is "u2" here and "u1" in line 2'),
  });
});

test('id map command: a topic that cannot be reached ends a command', async () => {
  const environment = { ID_MAP: `topic:${TOPIC}`, KAFKA_BROKERS: '127.0.0.1:1' };
  await expect((await opening(environment)).opened).rejects.toMatchObject({ code: EXIT.unavailable });
});

test('id map command: doctor reads a file', async () => {
  const path = await aFile('type,source_id,genesys_id\nuser,a,u1\ngroup,b,g1\n');
  expect(await doctor({ ID_MAP: `file:${path}` })).toEqual([`ok ID_MAP: ${path} names 2 ids.`]);
  await writeFile(path, 'type,source_id,genesys_id\ngroup,a,g1\ngroup,b,g1\n');
  expect(await doctor({ ID_MAP: `file:${path}` })).toEqual([
    `ok ID_MAP: ${path} names 2 ids.`,
    'warn ID_MAP: the groups "a", "b" have the same genesys_id "g1".',
  ]);
  await writeFile(path, 'type;source_id');
  expect(await doctor({ ID_MAP: `file:${path}` })).toEqual([expect.stringContaining(`fail ID_MAP: ${path}: line 1:`)]);
});

test('id map command: doctor reads a topic', async () => {
  const tools = await aTableTopic({ 'cleanup.policy': 'delete' });
  const context = aContext({ environment: { ID_MAP: `topic:${TOPIC}` } });
  const config = readConfig(context.environment, ['ids'], () => '');
  const messages = async (topic = TOPIC) =>
    (await topicIdFindings(topic, tools, { context, config })).map(({ status, message }) => `${status} ${message}`);
  const compacted = expect.stringContaining('warn ID_MAP: topic rollcall.ids is not compacted');
  expect(await messages()).toEqual(['warn ID_MAP: topic rollcall.ids names no id.', compacted]);
  await tools.send([keyed('1', { type: 'user', source_id: 'a', genesys_id: 'u1' }), keyed('2', 'nonsense')]);
  expect(await messages()).toEqual([
    'ok ID_MAP: topic rollcall.ids names 1 ids.',
    compacted,
    'warn ID_MAP: 1 records of topic rollcall.ids are no rows.',
  ]);
  expect(await messages('none')).toEqual([expect.stringContaining('fail ID_MAP: there is no topic none')]);
});

test('id map command: doctor asks the target by each attribute', async () => {
  const asked = ['ok ID_MAP: users are looked up by externalId.', 'ok ID_MAP: groups are looked up by displayName.'];
  expect(await doctor({ ID_MAP: 'scim' })).toEqual(asked);
  const seen = { users: [{ id: 'u1', externalId: 'x' }] };
  expect(await doctor({ ID_MAP: 'scim' }, { seed: seen })).toEqual(asked);
  expect(await doctor({ ID_MAP: 'scim', ID_MAP_GROUP_ATTRIBUTE: 'id' })).toEqual(asked.slice(0, 1));
  expect(await doctor({ ID_MAP: 'scim' }, { seed: { users: [{ id: 'u1' }] } })).toEqual([
    ...asked,
    'warn ID_MAP: none of the first 1 users shows an externalId to this OAuth client.',
  ]);
});

test('id map command: doctor names a target that ignores filters, and one that refuses them', async () => {
  const seed = { users: [{ id: 'u1', externalId: 'x' }], groups: [{ id: 'g' }] };
  expect(await doctor({ ID_MAP: 'scim' }, { seed, behaviour: { filters: 'ignored' } })).toEqual([
    expect.stringContaining('fail ID_MAP: the target ignores the filter by externalId'),
    expect.stringContaining('fail ID_MAP: the target ignores the filter by displayName'),
  ]);
});

test('id map command: doctor has nothing to say where there is no map', async () => {
  expect(await doctor({})).toEqual([]);
});
