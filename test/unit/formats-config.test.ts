import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';

const MAPPING = JSON.stringify({ version: 1, group: '$.g', members: '$.m', operation: { always: 'add' } });

const files: Readonly<Record<string, string>> = { '/mapping.json': MAPPING, '/broken.json': '{', '/keys.json': '{}' };

const read = (environment: Record<string, string> = {}) =>
  readConfig(environment, ['format'], (path) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return text;
  }).format;

test('without a word, records are native, and Debezium’s table is Keycloak’s', () => {
  expect(read()).toEqual({
    name: 'native',
    debezium: { groupColumn: 'group_id', memberColumn: 'user_id', table: null, deletes: 'rows', memberWhere: null },
    mapping: null,
    scimKeys: null,
  });
});

test('everything can be set', () => {
  const format = read({
    SOURCE_FORMAT: 'mapping',
    MAPPING_FILE: '/mapping.json',
    DEBEZIUM_GROUP_COLUMN: 'team',
    DEBEZIUM_MEMBER_COLUMN: 'person',
    DEBEZIUM_TABLE: 'Public."teams"',
    DEBEZIUM_MEMBER_WHERE: "state=active and deleted_at is null, kind != 'a, b'",
    DEBEZIUM_DELETES: 'tombstones',
    SCIM_EVENTS_JWKS_FILE: '/keys.json',
    SCIM_EVENTS_ISSUER: 'https://idp.example.com',
  });
  expect(format).toMatchObject({
    name: 'mapping',
    debezium: {
      groupColumn: 'team',
      memberColumn: 'person',
      table: { table: 'teams', qualifiers: ['public'] },
      deletes: 'tombstones',
      memberWhere: [
        { column: 'state', test: 'equals', value: 'active' },
        { column: 'deleted_at', test: 'is_null', value: '' },
        { column: 'kind', test: 'differs', value: 'a, b' },
      ],
    },
    mapping: { operation: { always: 'add' } },
    scimKeys: { file: '/keys.json', issuer: 'https://idp.example.com', audience: null },
  });
});

describe('what is refused', () => {
  test.each([
    [{ SOURCE_FORMAT: 'scim' }, /SOURCE_FORMAT must be one of native, debezium, .*, auto/],
    [{ SOURCE_FORMAT: 'mapping' }, /MAPPING_FILE is missing for the format mapping/],
    [{ MAPPING_FILE: '/none.json' }, /MAPPING_FILE names a file that cannot be read \(ENOENT\)/],
    [{ MAPPING_FILE: '/broken.json' }, /MAPPING_FILE names a mapping that cannot be used: it is not JSON/],
    [{ MAPPING_FILE: '/keys.json' }, /cannot be used: `version`[^]*cannot be used: `group`/],
    [{ DEBEZIUM_DELETES: 'both' }, /DEBEZIUM_DELETES must be one of rows, tombstones/],
    [{ DEBEZIUM_MEMBER_COLUMN: 'group_id' }, /DEBEZIUM_MEMBER_COLUMN must differ/],
    [{ SCIM_EVENTS_AUDIENCE: 'a' }, /SCIM_EVENTS_JWKS_FILE is missing, though SCIM_EVENTS_AUDIENCE/],
  ])('%j', (environment, problem) => {
    expect(() => read(environment as Record<string, string>)).toThrow(problem);
  });

  test.each([['a,b'], ['public.*'], ['a.b.c.d.e'], ['(a|b)'], ['public.']])('%s is no table', (name) => {
    expect(() => read({ DEBEZIUM_TABLE: name })).toThrow(/DEBEZIUM_TABLE must be the name of one table/);
  });

  test.each([
    ['active'],
    ['a=b or c=d'],
    ['a>1'],
    ["a in ('b')"],
    ['a=null'],
    ['a='],
    ['a=b,'],
    ['a is'],
    ['a = b c'],
    ["a like 'x%'"],
  ])('%s is no condition', (text) => {
    expect(() => read({ DEBEZIUM_MEMBER_WHERE: text })).toThrow(/DEBEZIUM_MEMBER_WHERE must be conditions such as/);
  });
});
