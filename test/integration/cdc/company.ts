/** A realm of Keycloak, the table of ids that the recipe makes of it, and what Genesys Cloud should hold, as SQL says it. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type Realm } from './keycloak.ts';
import type { Memberships } from './pipeline.ts';
import type { Postgres } from './postgres.ts';
import { recipe } from './recipe.ts';

const uuid = (kind: number, n: number): string =>
  `${String(kind).repeat(8)}-0000-4000-8000-${String(n).padStart(12, '0')}`;

const example = (file: string): string =>
  readFileSync(new URL(`../../../examples/keycloak-debezium/${file}`, import.meta.url), 'utf8');

/** The realm of the example, with so many more groups and users. */
export function aRealm(groupCount: number, userCount: number): Realm {
  const { groups, users } = JSON.parse(example('realm.json')) as Realm;
  const named = (kind: number, count: number, name: string) =>
    Array.from({ length: count }, (_, n) => ({ id: uuid(kind, n), name: `${name}-${n}` }));
  const more = named(4, userCount, 'user').map(({ id, name }) => ({
    id,
    username: name,
    email: `${name}@example.com`,
  }));
  return { groups: [...groups, ...named(3, groupCount, 'group')], users: [...users, ...more] };
}

/** The table of the example: ids of Keycloak, and those of Genesys Cloud. */
export const exampleIds = (): readonly (readonly [source: string, target: string])[] =>
  example('ids.csv')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
    .map(([, source = '', target = '']) => [source, target]);

/** The ids of Genesys Cloud, by those of Keycloak. */
export type GenesysIds = ReadonlyMap<string, string>;

const genesysId = (name: string): string => `genesys-${name.replace('@example.com', '')}`;

/** Writes the table for ID_MAP: what the recipe lists, with the target's ids beside it. */
export async function writeIds(postgres: Postgres, file: string): Promise<GenesysIds> {
  const listed = await postgres.run('keycloak', recipe.ids);
  const rows = listed.map((line) => line.split('|')).map(([type = '', id = '', name = '']) => ({ type, id, name }));
  const lines = rows.map(({ type, id, name }) => `${type},${id},${genesysId(name)}\n`);
  await writeFile(file, `type,source_id,genesys_id\n${lines.join('')}`);
  return new Map(rows.map(({ id, name }) => [id, genesysId(name)]));
}

/** Each group that has a place in Genesys Cloud, those that are gone without members. */
export async function membershipsIn(postgres: Postgres, realm: Realm, ids: GenesysIds): Promise<Memberships> {
  const rows = await postgres.run('keycloak', 'SELECT group_id, user_id FROM user_group_membership');
  const members = new Map<string, string[]>(realm.groups.map(({ id }) => [ids.get(id) ?? id, []]));
  for (const [group = '', user = ''] of rows.map((row) => row.split('|')))
    members.get(ids.get(group) ?? '')?.push(ids.get(user) ?? user);
  return members;
}
