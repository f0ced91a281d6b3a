/** The recipe of docs/formats.md, executed: Keycloak, PostgreSQL, Debezium in Kafka Connect, Kafka, Rollcall, killed under load. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFailed, test, vi } from 'vitest';
import { type Broker, startBroker } from '../../../src/lab/kafka-broker/start.ts';
import type { TopicRecord } from '../../../src/ports.ts';
import { SeededRandom, mulberry32 } from '../../support/random.ts';
import { testHost } from '../../support/broker.ts';
import { VERSIONS } from './artifacts.ts';
import { aRealm, exampleIds, type GenesysIds, membershipsIn, writeIds } from './company.ts';
import { ConnectWorker } from './connect-worker.ts';
import { runExample } from './example.ts';
import { Keycloak } from './keycloak.ts';
import { CdcPipeline } from './pipeline.ts';
import { Postgres } from './postgres.ts';
import { recipe } from './recipe.ts';

const CHANGES = Number(process.env['CDC_CHANGES'] ?? '2000');
const SEED = Number(process.env['CDC_SEED'] ?? '1');
const WRITERS = 6;
const ROUNDS = 6;

const realm = aRealm(16, 48);
const marker = realm.groups[0];
const random = new SeededRandom(mulberry32(SEED));
const sales = realm.groups[0]?.id ?? '';
const [ada = '', bob = ''] = realm.users.map(({ id }) => id);

let folder: string;
let broker: Broker;
let postgres: Postgres;
let keycloak: Keycloak;
let connect: ConnectWorker;
let ids: GenesysIds;
let pipeline: CdcPipeline;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-cdc-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  broker = await startBroker({ version: VERSIONS.kafka }, testHost);
  ends.push(() => broker.discard());
  postgres = await Postgres.start();
  ends.push(() => postgres.stop());
  const starting = [Keycloak.start(postgres), ConnectWorker.start(broker.brokers)] as const;
  [keycloak, connect] = await Promise.all(starting);
  ends.push(
    () => keycloak.stop(),
    () => connect.stop(),
  );
  await keycloak.createRealm(realm);
}, 600_000);

afterAll(async () => {
  for (const end of ends.toReversed()) await end();
}, 120_000);

const place = () => ({ 'database.hostname': '127.0.0.1', 'database.port': String(postgres.port) });

/** Rows that are there before the connector starts come by its snapshot. */
async function startRecipe(): Promise<void> {
  for (const { id } of realm.users.slice(0, 20)) await keycloak.join(id, random.pick(realm.groups).id);
  await postgres.run('keycloak', recipe.database);
  const idFile = join(folder, 'ids.csv');
  ids = await writeIds(postgres, idFile);
  expect(exampleIds().filter(([source, target]) => ids.get(source) !== target)).toEqual([]);
  pipeline = await CdcPipeline.open({
    brokers: broker.brokers,
    name: 'recipe',
    source: recipe.rollcall['SOURCE_TOPIC'] ?? '',
    settings: {
      ...recipe.rollcall,
      ID_MAP: `file:${idFile}`,
      // As the recipe leaves an organization out.
      DEBEZIUM_MEMBER_WHERE: `group_id!=${await organizationGroup()}`,
    },
    groups: realm.groups.map(({ id }) => ids.get(id) ?? id),
  });
  ends.push(() => pipeline.stop());
  await connect.put('rollcall', { ...recipe.connector, ...place() });
  await pipeline.start();
}

/** Members of an organization are rows of the same table; returns the group that stands for them there. */
async function organizationGroup(): Promise<string> {
  for (const { id } of realm.users.slice(0, 5)) await keycloak.join(id, marker?.id ?? '');
  await keycloak.createOrganization('acme', realm.users[5]?.id ?? '');
  const [group = ''] = await postgres.run('keycloak', `SELECT group_id FROM org WHERE name = 'acme'`);
  expect(
    await postgres.run('keycloak', `SELECT user_id FROM user_group_membership WHERE group_id = '${group}'`),
  ).toHaveLength(1);
  return group;
}

/** Each writer has users of its own, so that the order of the changes of one membership is known. */
async function play(count: number, halfway: () => Promise<void>): Promise<void> {
  let done = 0;
  const killing: Promise<void>[] = [];
  const write = async (writer: number): Promise<void> => {
    const own = realm.users.filter((_, n) => n % WRITERS === writer);
    while (done < count) {
      done += 1;
      if (done === Math.floor(count / 2)) killing.push(halfway());
      const [user, group] = [random.pick(own).id, random.pick(realm.groups.slice(1)).id];
      await (random.happens(0.6) ? keycloak.join(user, group) : keycloak.leave(user, group));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  await Promise.all(killing);
}

/** Everything committed before has been read when this has landed: Debezium writes in the order of the commits. */
async function caughtUp(): Promise<void> {
  const [group, user] = [marker?.id ?? '', realm.users.at(-1)?.id ?? ''];
  const [target, member] = [ids.get(group) ?? '', ids.get(user) ?? ''];
  const isIn = pipeline.sandbox.members(target).includes(member);
  await (isIn ? keycloak.leave(user, group) : keycloak.join(user, group));
  await pipeline.sandbox.until(() => pipeline.sandbox.members(target).includes(member) !== isIn);
}

async function equalsSql(): Promise<void> {
  await caughtUp();
  await pipeline.endsWith(await membershipsIn(postgres, realm, ids));
}

const showOnFailure = (): void =>
  onTestFailed(() => void process.stderr.write(`${pipeline?.tail()}\n${connect?.tail()}\n`));

describe('the recipe', () => {
  test('ends with the memberships of SQL, through kills of Connect and of Rollcall', async () => {
    showOnFailure();
    await startRecipe();
    const faults = [
      { kind: 'status', status: 503 },
      { kind: 'resetAfterApply' },
      { kind: 'lateApply', afterMs: 1_500 },
    ] as const;
    for (const fault of faults) pipeline.sandbox.addRule({ match: { method: 'PATCH', probability: 0.03 }, fault });
    for (let round = 0; round < ROUNDS; round += 1) {
      await play(CHANGES / ROUNDS, round % 2 === 0 ? restartConnect : restartRollcall);
      await connect.running('rollcall');
    }
    pipeline.sandbox.clearRules();
    await equalsSql();
    expect(pipeline.deadLetterCodes()).toEqual([]);
    expect((await pipeline.doctor()).filter(({ status }) => status === 'fail')).toEqual([]);
    expect((await pipeline.doctor()).filter(({ check, status }) => check === 'records' && status !== 'ok')).toEqual([]);
    const kills = `${connect.kills} kills of Connect, ${pipeline.kills} of Rollcall`;
    console.log(
      `cdc: ${CHANGES} changes, ${pipeline.source.length} records, ${kills}: memberships equal to SQL, 0 dead letters`,
    );
  });

  test('keeps up with groups and users that are deleted, and skips rows of organizations that are left out', async () => {
    showOnFailure();
    const [, , second, third] = realm.groups;
    await keycloak.deleteGroup(second?.id ?? '');
    await keycloak.deleteUser(realm.users[3]?.id ?? '');
    await keycloak.deleteGroup(third?.id ?? '');
    await equalsSql();
    expect(pipeline.sandbox.members(ids.get(second?.id ?? '') ?? '')).toEqual([]);
    // The third column of the table; Keycloak turns managed members of an organization into unmanaged ones.
    await postgres.run('keycloak', `UPDATE user_group_membership SET membership_type = 'MANAGED'`);
    await equalsSql();
    expect(pipeline.deadLetterCodes()).toEqual([]);
  });

  test('turns a commit into a PATCH within seconds', async () => {
    showOnFailure();
    const [group, own] = [realm.groups[5]?.id ?? '', realm.users.slice(10, 30)];
    const target = ids.get(group) ?? '';
    const whole: number[] = [];
    const ofRollcall: number[] = [];
    for (const { id } of own) {
      const isIn = pipeline.sandbox.members(target).includes(ids.get(id) ?? '');
      const read = pipeline.source.length;
      const landed = pipeline.sandbox.nextRequest(
        ({ method, group: of }) => method === 'PATCH' && of === target,
        'applied',
      );
      await (isIn ? keycloak.leave(id, group) : keycloak.join(id, group));
      const committedAt = Date.now();
      const { appliedAt } = await landed;
      const patchedAt = appliedAt ?? Date.now();
      whole.push(patchedAt - committedAt);
      const recordOf = await vi.waitFor(() => recordAt(read), { timeout: 10_000 });
      ofRollcall.push(patchedAt - recordOf.timestamp);
    }
    const [all, own30] = [median(whole), median(ofRollcall)];
    console.log(
      `cdc: commit to PATCH p50 ${all} ms; from the record in Kafka to PATCH ${own30} ms (${Math.round((100 * own30) / all)} %)`,
    );
    await equalsSql();
  });

  test('is what the commands of the example change', async () => {
    showOnFailure();
    const members = () => pipeline.sandbox.members('genesys-sales');
    await keycloak.leave(bob, sales);
    await keycloak.join(ada, sales);
    await pipeline.sandbox.until(() => members().includes('genesys-ada') && !members().includes('genesys-bob'));
    const output = await runExample('kcadm update', {
      folder,
      keycloak,
      url: pipeline.sandbox.url,
      environment: pipeline.environment,
    });
    await pipeline.sandbox.until(() => members().includes('genesys-bob') && !members().includes('genesys-ada'));
    expect(output).toContain('"id":"genesys-sales"');
    await equalsSql();
  });

  test('makes a dead letter of a TRUNCATE, which the full states of all groups put right', async () => {
    showOnFailure();
    const before = pipeline.deadLetterCodes().length;
    await postgres.run('keycloak', 'TRUNCATE user_group_membership');
    await expect.poll(() => pipeline.deadLetterCodes().slice(before), { timeout: 60_000 }).toEqual(['truncate']);
    for (const { id } of realm.users.slice(10, 14)) await keycloak.join(id, realm.groups[4]?.id ?? '');
    await pipeline.committedToTheEnd();
    expect(pipeline.deadLetterCodes().slice(before)).toEqual(['truncate']);
    await pipeline.sendFullStates(await postgres.run('keycloak', recipe.fullStates));
    const wanted = await membershipsIn(postgres, realm, ids);
    await pipeline.committedToTheEnd();
    await pipeline.approveUntil(wanted);
    await pipeline.endsWith(wanted);
    expect(pipeline.deadLetterCodes().slice(before)).toEqual(['truncate']);
  });
});

/** @throws where it has not been read yet. */
function recordAt(index: number): TopicRecord {
  const record = pipeline.source[index];
  if (record === undefined) throw new Error('the record has not been read yet');
  return record;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function restartConnect(): Promise<void> {
  await connect.kill();
  await connect.restart();
}

async function restartRollcall(): Promise<void> {
  await pipeline.kill();
  await pipeline.start();
}
