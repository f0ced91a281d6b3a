/** examples/keycloak-debezium: its files are the recipe of docs/formats.md, fit each other, and name versions that were tried. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { readTable } from '../../src/adapters/ids/file.ts';
import { readConfig } from '../../src/config/config.ts';
import { parseSeed } from '../../src/lab/sandbox/seed.ts';
import { VERSIONS } from '../integration/cdc/artifacts.ts';
import { recipe } from '../integration/cdc/recipe.ts';
import { fencedBlocks } from '../support/fenced-blocks.ts';

const folder = fileURLToPath(new URL('../../examples/keycloak-debezium/', import.meta.url));
const file = (name: string): string => readFileSync(`${folder}${name}`, 'utf8');

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string };
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test?: readonly string[] };
}

const { services } = parse(file('docker-compose.yml'), { merge: true }) as { services: Record<string, Service> };
const all = Object.entries(services);

test('the connector and the statements are those of docs/formats.md', () => {
  expect(JSON.parse(file('connector.json'))).toEqual(recipe.connector);
  expect(file('database.sql')).toBe(recipe.database);
});

test('Rollcall has the configuration of docs/formats.md, without a problem', () => {
  const environment = Object.fromEntries(
    Object.entries(services['rollcall']?.environment ?? {}).map(([name, value]) => [name, String(value)]),
  );
  expect(environment).toMatchObject(recipe.rollcall);
  const config = readConfig(
    environment,
    ['kafka', 'topics', 'format', 'ids', 'genesys', 'pipeline', 'admin'],
    () => '',
  );
  expect(config.warnings).toEqual([]);
});

test('the versions are pinned, and those that `npm run cdc` tries', () => {
  const images = Object.fromEntries(all.map(([name, { image }]) => [name, image]));
  expect(images).toMatchObject({
    keycloak: `quay.io/keycloak/keycloak:${VERSIONS.keycloak}`,
    connect: `quay.io/debezium/connect:${VERSIONS.debezium}`,
    kafka: `apache/kafka:${VERSIONS.kafka}`,
  });
  expect(Object.values(images).filter((image) => !/:\d+\.\d+(?:\.\d+)?(?:\.Final)?$/.test(image))).toEqual([]);
});

test('everything that a service waits for, mounts or speaks to is there', () => {
  for (const [name, { depends_on: waits = {}, volumes = [] }] of all) {
    for (const [other, { condition }] of Object.entries(waits)) {
      expect(services, name).toHaveProperty(other);
      if (condition === 'service_healthy')
        expect(services[other]?.healthcheck?.test, `${name}: ${other}`).toBeDefined();
    }
    for (const volume of volumes) expect(existsSync(`${folder}${volume.split(':')[0]}`), volume).toBe(true);
  }
  const hosts = [recipe.connector['database.hostname'], 'kafka', 'sandbox', 'connect'];
  expect(hosts.filter((host) => !(host !== undefined && host in services))).toEqual([]);
  expect(services['postgres']?.environment).toMatchObject({ POSTGRES_DB: recipe.connector['database.dbname'] });
});

test('the table of ids names what is in the realm and at the emulator', async () => {
  expect((await readTable(`${folder}ids.csv`)).read.ok).toBe(true);
  const realm = JSON.parse(file('realm.json')) as Record<'groups' | 'users', readonly { readonly id: string }[]>;
  const seed = parseSeed(JSON.parse(file('seed.json')), { source: 'seed.json', anybody: false });
  const rows = file('ids.csv')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
  const column = (type: string, at: number) => rows.filter(([of]) => of === type).map((row) => row[at]);
  for (const [type, at] of [
    ['group', 'groups'],
    ['user', 'users'],
  ] as const) {
    expect(column(type, 1)).toEqual(realm[at].map(({ id }) => id));
    expect(column(type, 2)).toEqual(seed[at]?.map(({ id }) => id));
  }
});

test('the commands of its page can be read by bash, and name services and ids that are there', () => {
  const commands = fencedBlocks(file('README.md')).filter(({ language }) => language === 'bash');
  expect(commands.length).toBeGreaterThan(3);
  for (const { content } of commands) execFileSync('bash', ['-n', '-c', content]);
  const text = commands.map(({ content }) => content).join('\n');
  const named = [...text.matchAll(/docker compose (?:exec(?: -T)?|logs --follow) (\w+)/g)].map(([, name = '']) => name);
  expect(named.filter((name) => !(name in services))).toEqual([]);
  const ids = [...text.matchAll(/[12]{8}-[0-9-]{27}|genesys-\w+/g)].map(([id]) => id);
  expect(ids.filter((id) => !file('ids.csv').includes(id))).toEqual([]);
});
