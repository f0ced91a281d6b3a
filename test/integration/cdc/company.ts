/** A realm of Keycloak, the table of ids that the recipe makes of it, and what Genesys Cloud should hold, as SQL says it. */
import { writeFile } from 'node:fs/promises';
import { type Realm } from './keycloak.ts';
import type { Memberships } from './pipeline.ts';
import type { Postgres } from './postgres.ts';
import { recipe } from './recipe.ts';

const uuid = (kind: number, n: number): string =>
  `${String(kind).repeat(8)}-0000-4000-8000-${String(n).padStart(12, '0')}`;

export function aRealm(groupCount: number, userCount: number): Realm {
  const named = (kind: number, count: number, name: string) =>
    Array.from({ length: count }, (_, n) => ({ id: uuid(kind, n), name: `${name}-${n}` }));
  return {
    groups: named(1, groupCount, 'group'),
    users: named(2, userCount, 'user').map(({ id, name }) => ({ id, username: name, email: `${name}@example.com` })),
  };
}

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

/** Each group that has a place in Genesys Cloud, those that are gone with nobody. */
export async function membershipsIn(postgres: Postgres, realm: Realm, ids: GenesysIds): Promise<Memberships> {
  const rows = await postgres.run('keycloak', 'SELECT group_id, user_id FROM user_group_membership');
  const members = new Map<string, string[]>(realm.groups.map(({ id }) => [ids.get(id) ?? id, []]));
  for (const [group = '', user = ''] of rows.map((row) => row.split('|')))
    members.get(ids.get(group) ?? '')?.push(ids.get(user) ?? user);
  return members;
}
