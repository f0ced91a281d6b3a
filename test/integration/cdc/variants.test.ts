/**
 * The rest of the recipe, executed: other keys, flattened rows, snapshots, a slot that was lost, numeric ids, an outbox. Keycloak's two
 * tables are made here, as its release 26.7.3 makes them (META-INF/jpa-changelog-*.xml of keycloak-model-jpa), without Keycloak.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { type Broker, startBroker } from '../../../src/lab/kafka-broker/start.ts';
import { createLogTools } from '../../../src/adapters/kafka/tools.ts';
import { refusesStart } from '../../../src/formats/first-records/first-records.ts';
import type { LogTools } from '../../../src/ports.ts';
import { testHost } from '../../support/broker.ts';
import { kafkaHost, plaintext } from '../../support/kafka-log-harness.ts';
import { VERSIONS } from './artifacts.ts';
import { type ConnectorConfig, ConnectWorker } from './connect-worker.ts';
import { CdcPipeline, type Memberships, PARTITIONS } from './pipeline.ts';
import { Postgres } from './postgres.ts';
import { recipe, without } from './recipe.ts';
import { codesOf, eventsOf, findings, fold, optionsOf, readAll, readUntil, textOf } from './topic-reading.ts';

const TABLES = `
CREATE TABLE user_group_membership (
  group_id varchar(36) NOT NULL, user_id varchar(36) NOT NULL, membership_type varchar(255) NOT NULL,
  CONSTRAINT constraint_user_group PRIMARY KEY (group_id, user_id));
CREATE TABLE keycloak_group (
  id varchar(36) NOT NULL CONSTRAINT constraint_group PRIMARY KEY, name varchar(255), type integer NOT NULL DEFAULT 0);`;

let broker: Broker;
let postgres: Postgres;
let connect: ConnectWorker;
let tools: LogTools;
const ends: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  broker = await startBroker({ version: VERSIONS.kafka }, testHost);
  ends.push(() => broker.discard());
  postgres = await Postgres.start();
  ends.push(() => postgres.stop());
  connect = await ConnectWorker.start(broker.brokers);
  ends.push(() => connect.stop());
  tools = createLogTools(plaintext(broker.brokers), kafkaHost);
  ends.push(() => tools.close());
}, 600_000);

afterAll(async () => {
  for (const end of ends.toReversed()) await end();
}, 120_000);

beforeEach(() => onTestFailed(() => void process.stderr.write(`${connect.tail()}\n`)));

const groups = ['g0', 'g1', 'g2'];

/** Each test has a database, and so a prefix, a slot and topics, of its own. */
class Database {
  readonly name: string;
  readonly topic: string;

  private constructor(name: string) {
    this.name = name;
    this.topic = `${name}.public.user_group_membership`;
  }

  /** @param setup after the tables; the recipe's own, but for the role, which is there once. */
  static async create(name: string, setup: string = recipe.database): Promise<Database> {
    const database = new Database(name);
    await postgres.createDatabase(name);
    const isThere =
      (await postgres.run('postgres', `SELECT 1 FROM pg_roles WHERE rolname = 'rollcall_cdc'`)).length > 0;
    const statements = isThere ? setup.replace(/^CREATE ROLE.*$/m, '') : setup;
    const rows = groups.flatMap((group) =>
      ['u0', 'u1', 'u2', 'u3', 'u4'].map((user) => `('${group}','${user}','UNMANAGED')`),
    );
    await postgres.run(
      name,
      `${TABLES}
       INSERT INTO keycloak_group (id) VALUES ${groups.map((group) => `('${group}')`).join()};
       INSERT INTO user_group_membership VALUES ${rows.join()};
       ${statements}`,
    );
    return database;
  }

  /** A change of each kind, the last of them the one to wait for: a name that stands in no other record (`"snapshot":"last"`). */
  async change(last = 'user-z'): Promise<void> {
    await postgres.run(this.name, `DELETE FROM user_group_membership WHERE user_id IN ('u1', 'u2')`);
    await postgres.run(this.name, `UPDATE user_group_membership SET membership_type = 'MANAGED' WHERE user_id = 'u3'`);
    await postgres.run(this.name, `INSERT INTO user_group_membership VALUES ('g1', 'u1', 'UNMANAGED')`);
    await postgres.run(this.name, `INSERT INTO user_group_membership VALUES ('g2', '${last}', 'UNMANAGED')`);
  }

  async memberships(): Promise<Memberships> {
    const rows = await postgres.run(this.name, 'SELECT group_id, user_id FROM user_group_membership ORDER BY 1, 2');
    const members = new Map<string, string[]>(groups.map((group) => [group, []]));
    for (const [group = '', user = ''] of rows.map((row) => row.split('|'))) members.get(group)?.push(user);
    return members;
  }

  config(more: ConnectorConfig = {}, config: ConnectorConfig = recipe.connector): ConnectorConfig {
    return {
      ...config,
      ...more,
      'database.hostname': '127.0.0.1',
      'database.port': String(postgres.port),
      'database.dbname': this.name,
      'slot.name': this.name,
      'topic.prefix': this.name,
    };
  }

  /** With a topic that is there before the connector. */
  async connect(more: ConnectorConfig, config?: ConnectorConfig): Promise<void> {
    await makeTopic(this.topic);
    await connect.put(this.name, this.config(more, config));
  }
}

const makeTopic = (topic: string, partitionCount = PARTITIONS) =>
  tools.createTopic({ topic, partitionCount, replicationFactor: 1, settings: {} });

const byMembership = without(recipe.connector, 'message.key.columns');
const withoutIdentity = recipe.database.replace(/^ALTER TABLE.*$/m, '');
const warned = (found: readonly { readonly code: string }[]) => found.map(({ code }) => code);

describe('keyed by membership', () => {
  test('needs no REPLICA IDENTITY FULL, and `ingest topic` keys it by group', async () => {
    const database = await Database.create('membership', withoutIdentity);
    await database.connect({}, byMembership);
    const source = recipe.ingest['SOURCE_TOPIC'] ?? '';
    const settings = { ...recipe.ingest, INGEST_FROM_TOPIC: database.topic, INGEST_REORDER_MS: '500' };
    const pipeline = await CdcPipeline.open({ brokers: broker.brokers, name: 'membership', source, settings, groups });
    try {
      await pipeline.start('ingest topic', 'the topic is read', 1);
      await pipeline.start();
      await database.change();
      await pipeline.sandbox.until(() => pipeline.sandbox.members('g2').includes('user-z'));
      await pipeline.endsWith(await database.memberships());
      expect(pipeline.deadLetterCodes()).toEqual([]);
    } finally {
      await pipeline.stop();
    }
  });

  test('and routed by group, it is no fault to doctor', async () => {
    const database = await Database.create('routed', withoutIdentity);
    const route = {
      transforms: 'route',
      'transforms.route.type': 'io.debezium.transforms.partitions.PartitionRouting',
      'transforms.route.partition.payload.fields': 'change.group_id',
      'transforms.route.partition.topic.num': String(PARTITIONS),
    };
    await database.connect(route, byMembership);
    await database.change();
    const records = await readUntil(tools, database.topic, 'user-z');
    const options = await optionsOf({});
    expect(warned(findings(database.topic, records, options))).toEqual([]);
    const events = eventsOf(records, options);
    expect(codesOf(events)).toEqual([]);
    expect(fold(events)).toEqual(await database.memberships());
  });
});

describe('flattened rows', () => {
  test('with rewrite and both columns in the key show every change', async () => {
    const database = await Database.create('rewritten', withoutIdentity);
    await database.connect(recipe.flattened, byMembership);
    await database.change();
    const records = await readUntil(tools, database.topic, 'user-z');
    const options = await optionsOf({});
    expect(warned(findings(database.topic, records, options))).toEqual(['keyed_by_membership']);
    const events = eventsOf(records, options);
    expect(codesOf(events)).toEqual([]);
    expect(fold(events)).toEqual(await database.memberships());
  });

  test('with tombstones and both columns in the key show every change', async () => {
    const database = await Database.create('tombstones', withoutIdentity);
    await database.connect(recipe.flattenedTombstones, byMembership);
    await database.change();
    const records = await readUntil(tools, database.topic, 'user-z');
    const options = await optionsOf({ DEBEZIUM_DELETES: 'tombstones' });
    expect(warned(findings(database.topic, records, options))).toEqual(['keyed_by_membership']);
    const events = eventsOf(records, options);
    expect(codesOf(events)).toEqual([]);
    expect(fold(events)).toEqual(await database.memberships());
  });

  test('keyed by group alone make a dead letter of each changed row, as doctor says', async () => {
    const database = await Database.create('bygroup');
    await database.connect(recipe.flattened);
    await database.change();
    const records = await readUntil(tools, database.topic, 'user-z');
    const options = await optionsOf({});
    expect(warned(findings(database.topic, records, options))).toContain('updates_unreadable');
    expect(codesOf(eventsOf(records, options))).toEqual(groups.map(() => 'before_unreadable'));
  });
});

describe('REPLICA IDENTITY', () => {
  test('is needed for updates where the key is the group alone, and its remedy works from then on', async () => {
    const database = await Database.create('identity', withoutIdentity);
    await database.connect({});
    await database.change('former');
    const options = await optionsOf({});
    const before = eventsOf(await readUntil(tools, database.topic, 'former'), options);
    expect(codesOf(before)).toEqual(groups.map(() => 'before_unreadable'));
    await postgres.run(database.name, 'ALTER TABLE user_group_membership REPLICA IDENTITY FULL');
    await postgres.run(
      database.name,
      `UPDATE user_group_membership SET membership_type = 'UNMANAGED' WHERE user_id = 'u3'`,
    );
    await postgres.run(database.name, `INSERT INTO user_group_membership VALUES ('g2', 'user-z', 'UNMANAGED')`);
    const events = eventsOf(await readUntil(tools, database.topic, 'user-z'), options);
    expect(codesOf(events)).toHaveLength(codesOf(before).length);
    expect(fold(events)).toEqual(await database.memberships());
  });
});

describe('another snapshot', () => {
  test('is a blocking one: an incremental one has one row of each group', async () => {
    const database = await Database.create('snapshots');
    await postgres.run(
      database.name,
      `CREATE TABLE signals (id varchar(42) PRIMARY KEY, type varchar(32) NOT NULL, data varchar(2048));
       GRANT SELECT, INSERT ON signals TO rollcall_cdc;
       ALTER PUBLICATION rollcall ADD TABLE signals;`,
    );
    const signalTopic = 'snapshots.signals';
    await makeTopic(signalTopic, 1);
    // Rows of the table of signals are written, too.
    await makeTopic('snapshots.public.signals');
    await database.connect({
      ...recipe.signals,
      'signal.kafka.topic': signalTopic,
      'signal.kafka.bootstrap.servers': broker.brokers.join(','),
      'signal.enabled.channels': 'kafka,source',
      'signal.data.collection': 'public.signals',
    });
    await postgres.run(database.name, `INSERT INTO user_group_membership VALUES ('g2', 'user-x', 'UNMANAGED')`);
    const read = async (last: string) => (await readUntil(tools, database.topic, last)).filter(isSnapshotRow).length;
    const initial = await read('user-x');
    expect(initial).toBe(15);
    const ask = (snapshot: string) =>
      tools.send([{ topic: signalTopic, partition: null, key: database.name, value: snapshot, headers: [] }]);
    await ask(recipe.snapshot);
    const rows = async () => (await readAll(tools, database.topic)).filter(isSnapshotRow).length;
    await expect.poll(rows, { timeout: 60_000, interval: 300 }).toBe(initial + 16);
    await ask(recipe.snapshot.replace('BLOCKING', 'INCREMENTAL'));
    await expect.poll(rows, { timeout: 60_000, interval: 300 }).toBe(initial + 16 + groups.length);
    await postgres.run(database.name, `INSERT INTO user_group_membership VALUES ('g2', 'user-y', 'UNMANAGED')`);
    expect(await read('user-y')).toBe(initial + 16 + groups.length);
  });
});

const isSnapshotRow = (record: Parameters<typeof textOf>[0]): boolean => textOf(record).includes('"op":"r"');

describe('a slot that was lost', () => {
  test('is repaired by the full states of all groups, and not by a new snapshot', async () => {
    const database = await Database.create('lost');
    const settings = { SOURCE_TOPIC: database.topic, SOURCE_FORMAT: recipe.rollcall['SOURCE_FORMAT'] ?? '' };
    const source = database.topic;
    const pipeline = await CdcPipeline.open({ brokers: broker.brokers, name: 'lost', source, settings, groups });
    try {
      await connect.put(database.name, database.config());
      await pipeline.start();
      await database.change('before');
      await pipeline.sandbox.until(() => pipeline.sandbox.members('g2').includes('before'));
      await connect.remove(database.name);
      await postgres.run(database.name, `SELECT pg_drop_replication_slot('${database.name}')`);
      await postgres.run(database.name, `DELETE FROM user_group_membership WHERE user_id = 'u0'`);
      await connect.put(database.name, database.config());
      await postgres.run(database.name, `INSERT INTO user_group_membership VALUES ('g2', 'after', 'UNMANAGED')`);
      await pipeline.sandbox.until(() => pipeline.sandbox.members('g2').includes('after'));
      await pipeline.committedToTheEnd();
      expect(pipeline.sandbox.members('g0')).toContain('u0');

      await pipeline.sendFullStates(await postgres.run(database.name, recipe.fullStates));
      await pipeline.endsWith(await database.memberships());
      expect(pipeline.deadLetterCodes()).toEqual([]);
    } finally {
      await pipeline.stop();
    }
  });
});

describe('ids in numeric columns', () => {
  const table = `CREATE TABLE members (id serial PRIMARY KEY, group_id numeric(20) NOT NULL, user_id numeric NOT NULL);
    INSERT INTO members (group_id, user_id) VALUES (100000, 200000), (100000, 18446744073709551616);
    GRANT SELECT ON members TO rollcall_cdc; CREATE PUBLICATION members FOR TABLE members;
    ALTER TABLE members REPLICA IDENTITY FULL;`;
  const own = {
    'table.include.list': 'public.members',
    'message.key.columns': 'public.members:group_id',
    'publication.name': 'members',
  };

  test('come as texts with the recipe, and doctor stops at what they are without it', async () => {
    const database = await Database.create('numbers');
    await postgres.run(database.name, table);
    const topic = 'numbers.public.members';
    await makeTopic(topic);
    await connect.put(database.name, database.config(own));
    await postgres.run(database.name, 'DELETE FROM members WHERE user_id = 200000');
    await postgres.run(database.name, 'INSERT INTO members (group_id, user_id) VALUES (100000, 777)');
    const options = await optionsOf({});
    const records = await readUntil(tools, topic, '777');
    expect(findings(topic, records, options).filter(refusesStart)).toEqual([]);
    expect(fold(eventsOf(records, options))).toEqual(new Map([['100000', ['18446744073709551616', '777']]]));

    const other = 'precise.public.members';
    await makeTopic(other);
    const precise = {
      ...without(database.config(own), 'decimal.handling.mode'),
      'slot.name': 'precise',
      'topic.prefix': 'precise',
    };
    await connect.put('precise', precise);
    const [encoded] = await readUntil(tools, other, 'group_id');
    expect(warned(findings(other, encoded === undefined ? [] : [encoded], options))).toContain('ids_encoded');
  });
});

describe('an outbox', () => {
  const table = `CREATE TABLE outbox (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), aggregatetype varchar NOT NULL,
      aggregateid varchar NOT NULL, type varchar NOT NULL, payload jsonb NOT NULL);
    GRANT SELECT ON outbox TO rollcall_cdc; CREATE PUBLICATION outbox FOR TABLE outbox;`;
  const event = (type: string, user: string): string =>
    `INSERT INTO outbox (aggregatetype, aggregateid, type, payload) VALUES ('GroupMembership', 'g', '${type}', '{"groupId":"g","userId":"${user}"}')`;

  test('is read as the recipe says, and its TRUNCATE stops only a connector with skipped.operations=none', async () => {
    const database = await Database.create('outboxes');
    await postgres.run(database.name, table);
    const topic = 'outbox.event.GroupMembership';
    await makeTopic(topic);
    const own = { ...recipe.outbox, 'table.include.list': 'public.outbox', 'publication.name': 'outbox' };
    const config = without(database.config(own), 'message.key.columns', 'skipped.operations');
    await connect.put(database.name, config);
    await postgres.run(database.name, `${event('MemberAdded', 'u')}; ${event('MemberAdded', 'v')}`);
    await postgres.run(database.name, 'TRUNCATE outbox');
    await postgres.run(database.name, `${event('MemberRemoved', 'u')}; ${event('MemberAdded', 'user-z')}`);
    const events = eventsOf(await readUntil(tools, topic, 'user-z'), await optionsOf({}));
    expect(codesOf(events)).toEqual([]);
    expect(fold(events)).toEqual(new Map([['g', ['user-z', 'v']]]));

    await connect.put(database.name, { ...config, 'skipped.operations': 'none' });
    await postgres.run(database.name, 'TRUNCATE outbox');
    await expect.poll(() => connect.failure(database.name), { timeout: 60_000, interval: 300 }).not.toBeNull();
  });
});
