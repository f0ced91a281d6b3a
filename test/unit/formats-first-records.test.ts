import { describe, expect, test } from 'vitest';
import { crc32, partitionOfKey } from '../../src/core/log/reading.ts';
import { afterCommit, firstRecordFindings, refusesStart } from '../../src/formats/first-records/first-records.ts';
import type { DebeziumOptions } from '../../src/formats/debezium/row.ts';
import { parseTableName, parseWhere } from '../../src/formats/debezium/where.ts';
import type { FormatName } from '../../src/formats/registry.ts';
import type { FirstRecord } from '../../src/formats/first-records/record-finding.ts';
import { autoFormat, sourceFormat } from '../../src/formats/registry.ts';
import { aRecord, defaultOptions } from '../support/source-records.ts';

interface Topic {
  readonly name?: FormatName;
  readonly deletes?: 'rows' | 'tombstones';
  readonly debezium?: Partial<DebeziumOptions>;
  readonly partitionCount?: number;
  readonly policy?: string;
}

const at = (partition: number, value: unknown, key: unknown = null): FirstRecord => ({
  ...aRecord(value, { key }),
  partition,
});

function findings(records: readonly FirstRecord[], topic: Topic = {}) {
  const { name = 'debezium', deletes = 'rows', debezium = {}, partitionCount = 3, policy = 'delete' } = topic;
  const options = { ...defaultOptions, debezium: { ...defaultOptions.debezium, ...debezium, deletes } };
  return firstRecordFindings({
    topic: 'idp',
    records,
    partitionCount,
    settings: new Map([['cleanup.policy', policy]]),
    name,
    format: sourceFormat(name, options),
    auto: autoFormat(options),
    debezium: options.debezium,
  });
}

const codes = (records: readonly FirstRecord[], topic: Topic = {}) => findings(records, topic).map(({ code }) => code);

const row = (group: string, user: string, more: object = {}) => ({ group_id: group, user_id: user, ...more });
const envelope = (group: string, user: string) => ({ before: null, after: row(group, user), op: 'c', source: {} });
const keycloakEvent = (group: string) => ({
  resourceType: 'GROUP_MEMBERSHIP',
  operationType: 'CREATE',
  resourcePath: `users/u/groups/${group}`,
});
const byGroup = { group_id: 'g' };

describe('nothing to say', () => {
  test('about an empty topic, or a good one', () => {
    expect(codes([])).toEqual([]);
    expect(codes([at(0, envelope('g', 'u'), byGroup), at(0, envelope('g', 'v'), byGroup)])).toEqual([]);
    expect(codes([at(0, row('g', 'u', { __deleted: 'false', __op: 'c' }), byGroup)])).toEqual([]);
    expect(codes([at(0, keycloakEvent('g'))], { name: 'keycloak', partitionCount: 1 })).toEqual([]);
    expect(codes([at(0, { group_id: 'g', add_members: ['u'] }, 'g')], { name: 'native' })).toEqual([]);
  });

  test('about single records that cannot be read', () => {
    expect(codes([at(0, '{', 'g'), at(0, keycloakEvent('g'), 'g')], { name: 'keycloak' })).toEqual([]);
  });
});

describe('a wrong format', () => {
  test('is named, with what the records look like', () => {
    const [finding] = findings([at(0, keycloakEvent('g'), 'g')], { name: 'okta' });
    expect(finding).toMatchObject({ severity: 'error', code: 'wrong_format', remedy: 'Set SOURCE_FORMAT=keycloak.' });
    expect(codes([at(0, envelope('g', 'u'), 'g')], { name: 'native' })).toEqual(['wrong_format']);
  });

  test('that is unknown is reported with the first problem', () => {
    const [finding] = findings([at(0, { hello: 'world' }, 'g')], { name: 'auto' });
    expect(finding).toMatchObject({ code: 'unreadable', message: expect.stringContaining('SOURCE_FORMAT=mapping') });
    expect(codes([at(0, { hello: 'world' }, 'g')], { name: 'keycloak' })).toEqual(['unreadable']);
  });

  test('cannot be derived from tombstones', () => {
    expect(codes([at(0, null, byGroup), at(1, null, byGroup)])).toEqual(['tombstones_only']);
    expect(codes([at(0, null, row('g', 'u'))], { deletes: 'tombstones' })).toEqual([]);
  });
});

describe('a wrong key', () => {
  test('none at all, on several partitions, loses the order', () => {
    const [finding] = findings([at(0, keycloakEvent('g')), at(1, keycloakEvent('g'))], { name: 'keycloak' });
    expect(finding).toMatchObject({
      severity: 'error',
      code: 'keyless',
      remedy: expect.stringContaining('rollcall ingest topic'),
    });
  });

  test('another one for each record of a group loses the order', () => {
    const records = [at(0, keycloakEvent('g'), 'a'), at(1, keycloakEvent('g'), 'b')];
    expect(findings(records, { name: 'keycloak' })).toMatchObject([
      { severity: 'error', code: 'group_under_several_keys' },
    ]);
    expect(codes(records, { name: 'keycloak', partitionCount: 1 })).toEqual([]);
  });

  test('that names the membership keeps the order of each member, which is worth a warning', () => {
    const records = [at(0, envelope('g', 'u'), row('g', 'u')), at(1, envelope('g', 'v'), row('g', 'v'))];
    expect(findings(records)).toMatchObject([{ severity: 'warning', code: 'keyed_by_membership' }]);
  });
});

describe('flattened rows of Debezium', () => {
  const flat = (key: object) => [at(0, row('g', 'u', { __op: 'c' }), key)];

  test('whose deletes are tombstones that are not read keep `run` from starting', () => {
    const found = findings(flat(row('g', 'u')));
    expect(found).toMatchObject([{ severity: 'error', code: 'deletes_not_read' }]);
    expect(found[0]?.remedy).toContain('DEBEZIUM_DELETES=tombstones');
    expect(found.every(refusesStart)).toBe(true);
  });

  test('keyed by group alone cannot tell who left, whatever is configured', () => {
    expect(findings(flat(byGroup))[0]?.remedy).not.toContain('DEBEZIUM_DELETES=tombstones');
    const found = findings(flat(byGroup), { deletes: 'tombstones' });
    expect(found).toMatchObject([{ severity: 'error', code: 'deletes_unreadable' }]);
    expect(found.every(refusesStart)).toBe(true);
  });

  test('whose key has both ids can be read, where it is configured', () => {
    expect(codes(flat(row('g', 'u')), { deletes: 'tombstones' })).toEqual([]);
  });

  test('that tell their deletes make tombstones needless', () => {
    const records = [at(0, row('g', 'u', { __deleted: 'false', __op: 'c' }), byGroup)];
    const found = findings(records, { deletes: 'tombstones' });
    expect(found).toMatchObject([{ severity: 'warning', code: 'tombstones_read_twice' }]);
    expect(found.some(refusesStart)).toBe(false);
  });

  test('without their operation hide updates', () => {
    expect(codes([at(0, row('g', 'u', { __deleted: 'false' }), byGroup)])).toEqual(['updates_not_told']);
  });

  test('are found under auto as well', () => {
    expect(codes(flat(row('g', 'u')), { name: 'auto' })).toEqual(['deletes_not_read']);
  });
});

describe('rows of Debezium', () => {
  test('whose updates cannot be read, flattened and keyed by group, are worth a warning', () => {
    const updated = [at(0, row('g', 'u', { __deleted: 'false', __op: 'u' }), byGroup)];
    expect(findings(updated)).toMatchObject([
      { severity: 'warning', code: 'updates_unreadable', remedy: expect.stringContaining('message.key.columns') },
    ]);
  });

  test.each([
    ['bytes', 'AQ=='],
    ['bytes with their scale', { scale: 0, value: 'AQ==' }],
  ])('whose ids are numbers in %s keep `run` from starting', (_, user) => {
    const encoded = { before: null, after: { group_id: 'A+0', user_id: user }, op: 'c', source: {} };
    const found = findings([at(0, encoded, byGroup)]);
    expect(found).toContainEqual(
      expect.objectContaining({ code: 'ids_encoded', remedy: expect.stringContaining('decimal.handling.mode=string') }),
    );
    expect(found.some(refusesStart)).toBe(true);
    const schema = { type: 'struct', fields: [] };
    expect(codes([at(0, { schema, payload: encoded }, byGroup)])).not.toContain('ids_encoded');
  });

  const decimal = { type: 'bytes', name: 'org.apache.kafka.connect.data.Decimal', parameters: { scale: '0' } };
  const variable = { type: 'struct', name: 'io.debezium.data.VariableScaleDecimal' };
  const rowSchema = (type: object) => ({
    type: 'struct',
    fields: [
      { ...type, field: 'user_id' },
      { type: 'string', field: 'group_id' },
    ],
  });
  const ofEnvelope = (type: object) => ({ type: 'struct', fields: [{ ...rowSchema(type), field: 'after' }] });

  test.each([
    ['padded', decimal, 'AQ=='],
    ['without padding', decimal, 'AYag'],
    ['with a scale of their own', variable, { scale: 0, value: 'AYag' }],
  ])('whose ids are numbers %s, and whose schema says so, are worth a warning', (_, type, user) => {
    const encoded = { before: null, after: { group_id: 'g', user_id: user }, op: 'c', source: {} };
    const found = findings([at(0, { schema: ofEnvelope(type), payload: encoded }, byGroup)]);
    expect(found).toMatchObject([
      { severity: 'warning', code: 'ids_encoded', remedy: expect.stringContaining('decimal.handling.mode=string') },
    ]);
    const flat = { group_id: 'g', user_id: user, __deleted: 'false', __op: 'c' };
    expect(codes([at(0, { schema: rowSchema(type), payload: flat }, byGroup)])).toEqual(['ids_encoded']);
  });

  test('whose key has such a number without a schema keep `run` from starting, though it looks like an id', () => {
    const encoded = { before: null, after: { group_id: 'g', user_id: 'AYag' }, op: 'c', source: {} };
    const key = { group_id: 'g', user_id: 'AYag' };
    const found = findings([at(0, { schema: ofEnvelope(decimal), payload: encoded }, key)]);
    expect(found.filter(refusesStart).map(({ code }) => code)).toEqual(['ids_encoded']);
    const whole = { schema: rowSchema(decimal), payload: key };
    expect(findings([at(0, { schema: ofEnvelope(decimal), payload: encoded }, whole)]).some(refusesStart)).toBe(false);
  });
});

describe('records that are all skipped', () => {
  test('are worth a warning, which names the setting that skips them', () => {
    const other = { before: null, after: row('g', 'u'), op: 'c', source: { table: 'users' } };
    const debezium = { table: parseTableName('public.groups') };
    expect(findings([at(0, other, byGroup)], { debezium })).toMatchObject([
      { severity: 'warning', code: 'all_skipped', remedy: expect.stringContaining('DEBEZIUM_TABLE') },
    ]);
    const outside = { memberWhere: parseWhere('user_id=x') };
    expect(findings([at(0, envelope('g', 'u'), byGroup)], { debezium: outside })[0]?.remedy).toContain(
      'DEBEZIUM_MEMBER_WHERE',
    );
    expect(codes([at(0, { resourceType: 'USER', operationType: 'CREATE' }, 'g')], { name: 'keycloak' })).toEqual([
      'all_skipped',
    ]);
  });

  test('are no finding beside one that is read', () => {
    const note = { resourceType: 'USER', operationType: 'CREATE' };
    expect(codes([at(0, note, 'g'), at(0, keycloakEvent('g'), 'g')], { name: 'keycloak' })).toEqual([]);
  });
});

test('a topic of envelopes keyed by group must not be compacted; one keyed by row may', () => {
  const policy = 'compact,delete';
  expect(codes([at(0, envelope('g', 'u'), byGroup)], { policy })).toEqual(['compacted_by_group']);
  expect(codes([at(0, envelope('g', 'u'), row('g', 'u'))], { policy })).toEqual([]);
});

test('an outbox is no table', () => {
  const records = [at(0, { type: 'MemberAdded', group_id: 'g', user_id: 'u' }, 'g')];
  expect(codes(records)).toEqual([]);
});

describe('partitions that are chosen in several ways', () => {
  const native = (group: string) => ({ group_id: group, add_members: ['u'] });
  const record = (partition: number, group: string, offset?: bigint): FirstRecord => ({
    ...at(partition, native(group), group),
    ...(offset !== undefined && { offset }),
  });
  const groups = (from: number) => Array.from({ length: 20 }, (_, i) => `g-${from + i}`);
  const java = (group: string) => partitionOfKey(Buffer.from(group), 6);
  const librdkafka = (group: string) => crc32(Buffer.from(group)) % 6;
  const topic = { name: 'native', partitionCount: 6 } as const;

  test('are found where one key stands in two partitions, with both offsets', () => {
    const [finding] = findings([record(1, 'g', 17n), record(1, 'h', 18n), record(4, 'g', 3n)], topic);
    expect(finding).toMatchObject({
      severity: 'warning',
      code: 'key_in_several_partitions',
      message: expect.stringMatching(/"g" in partition 1 \(offset 17\) and in partition 4 \(offset 3\)/),
    });
    expect(codes([record(1, 'g'), record(1, 'g')], topic)).toEqual([]);
  });

  test('are found where the keys are two spellings of one group', () => {
    const [upper, lower] = ['0FBD1A2E-7C4B-4D5E-9F60-AABBCCDDEEFF', '0fbd1a2e-7c4b-4d5e-9f60-aabbccddeeff'];
    const [finding] = findings([record(1, upper), record(4, lower)], topic);
    expect(finding).toMatchObject({
      code: 'key_in_several_partitions',
      remedy: expect.stringContaining('letter case'),
    });
    expect(codes([record(1, upper), record(1, lower)], topic)).toEqual([]);
    // In other formats the group is named by the event.
    const keycloak = [at(0, keycloakEvent(upper), upper), at(2, keycloakEvent(lower), lower)];
    expect(codes(keycloak, { name: 'keycloak' })).toEqual(['key_in_several_partitions']);
    const severalKeys = [at(0, keycloakEvent(upper), 'a'), at(2, keycloakEvent(lower), 'b')];
    expect(codes(severalKeys, { name: 'keycloak' })).toEqual(['group_under_several_keys']);
  });

  test('are found where no key stands in two yet, but the keys are hashed in two ways', () => {
    const records = [
      ...groups(0).map((group) => record(java(group), group)),
      ...groups(100).map((group) => record(librdkafka(group), group)),
    ];
    const [finding] = findings(records, topic);
    expect(finding).toMatchObject({ severity: 'warning', code: 'keys_hashed_differently' });
    expect(finding?.message).toMatch(/murmur2.*CRC-32/);
  });

  test('are no fault where one way chooses them, whichever it is', () => {
    for (const way of [java, librdkafka, (group: string) => group.length * 7 + Number(group.slice(2)) * 5])
      expect(
        codes(
          groups(0).map((group) => record(way(group) % 6, group)),
          topic,
        ),
      ).toEqual([]);
  });

  test('are no fault where a routing keeps each group together under several keys', () => {
    const routed = (group: string, user: string) =>
      at(Number(group.slice(2)) % 6, envelope(group, user), row(group, user));
    const records = groups(0).flatMap((group) => ['u', 'v'].map((user) => routed(group, user)));
    expect(codes(records, { partitionCount: 6 })).toEqual([]);
    expect(codes([...records, at(0, envelope('g-1', 'w'), row('g-1', 'w'))], { partitionCount: 6 })).toEqual([
      'keyed_by_membership',
    ]);
  });

  test('are found in other formats too, and not of topics with one partition', () => {
    const records = [at(0, keycloakEvent('g'), 'g'), at(2, keycloakEvent('g'), 'g')];
    expect(codes(records, { name: 'keycloak' })).toEqual(['key_in_several_partitions']);
    expect(codes(records, { name: 'keycloak', partitionCount: 1 })).toEqual([]);
  });
});

describe('what was committed already', () => {
  test('is a warning where it is about those records, and stays an error where it is about what comes', () => {
    const past = [...findings([at(0, keycloakEvent('g'), 'g')], { name: 'okta' })];
    expect(past.map(refusesStart)).toEqual([true]);
    expect(past.map(afterCommit).map(refusesStart)).toEqual([false]);
    const future = findings([at(0, row('g', 'u', { __op: 'c' }), row('g', 'u'))]);
    expect(future.map(afterCommit).map(refusesStart)).toEqual([true]);
  });
});
