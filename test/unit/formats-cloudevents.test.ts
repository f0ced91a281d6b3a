import { describe, expect, test } from 'vitest';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { cloudEvents } from '../../src/formats/cloudevents.ts';
import { keycloak } from '../../src/formats/keycloak.ts';
import { native } from '../../src/formats/native/native.ts';
import type { FormatName } from '../../src/formats/registry.ts';
import { sourceFormat } from '../../src/formats/registry.ts';
import { aRecord, added, defaultOptions, invalidWith, removed } from '../support/source-records.ts';

const decode = (
  name: FormatName,
  value: unknown,
  { key = null, headers = {} }: { key?: unknown; headers?: Record<string, string> } = {},
) => sourceFormat(name, defaultOptions).decode(aRecord(value, { key, headers }), { partitionCount: 3 });

const anEvent = (data: unknown, changes: object = {}) => ({
  specversion: '1.0',
  type: 'com.example.group.member.added',
  source: '/idp',
  id: 'e-1',
  time: '2026-04-05T03:56:24Z',
  data,
  ...changes,
});
const binary = {
  ce_specversion: '1.0',
  ce_type: 'com.example.group.member.added',
  ce_source: '/idp',
  ce_id: 'e-1',
  ce_time: '2026-04-05T03:56:24Z',
  'content-type': 'application/json',
};
const member = { groupId: 'g', userId: 'u' };
const header = { eventId: 'e-1', occurredAt: '2026-04-05T03:56:24Z' };
const adminEvent = { resourceType: 'GROUP_MEMBERSHIP', operationType: 'DELETE', resourcePath: 'users/u/groups/g' };

describe('a made-up event', () => {
  test.each([
    ['binary', member, binary],
    [
      'structured, by its content type',
      anEvent(member),
      { 'content-type': 'application/cloudevents+json; charset=UTF-8' },
    ],
    ['structured, by its fields', anEvent(member), {}],
    [
      'with data in base64',
      anEvent(undefined, { data_base64: Buffer.from(JSON.stringify(member)).toString('base64') }),
      {},
    ],
    ['with data in a text', anEvent(JSON.stringify(member)), {}],
  ])('is read: %s', (_, value, headers) => {
    expect(decode('cloudevents', value, { headers })).toEqual([added('g', ['u'], header)]);
    expect(decode('auto', value, { headers })).toEqual([added('g', ['u'], header)]);
  });

  test('a batch holds several, each with its own id', () => {
    const batch = [
      anEvent(member),
      anEvent(member, { id: 'e-2', type: 'com.example.group.member.removed' }),
      { type: 'x' },
    ];
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    expect(decode('cloudevents', batch, { headers })).toEqual([
      added('g', ['u'], header),
      removed('g', ['u'], { ...header, eventId: 'e-2' }),
      expect.objectContaining(invalidWith('schema')),
    ]);
  });

  test('without data, or with data that is no JSON, is reported', () => {
    expect(decode('cloudevents', anEvent(null))).toEqual([{ kind: 'skip', reason: 'no_data' }]);
    expect(decode('cloudevents', 'x', { headers: binary })).toEqual([expect.objectContaining(invalidWith('not_json'))]);
  });
});

describe('the events of a format in CloudEvents', () => {
  test('are read by it, and take id and time from the envelope where they have none', () => {
    for (const name of ['keycloak', 'cloudevents', 'auto'] as const)
      expect(decode(name, anEvent(adminEvent))).toEqual([removed('g', ['u'], header)]);
    expect(decode('keycloak', adminEvent, { headers: binary })).toEqual([removed('g', ['u'], header)]);
  });

  test('keep their own id and time', () => {
    const own = { ...adminEvent, id: 'mine', time: 1_709_326_589_567 };
    expect(decode('keycloak', anEvent(own))).toEqual([
      removed('g', ['u'], { eventId: 'mine', occurredAt: '2024-03-01T20:56:29.567Z' }),
    ]);
  });

  test('an id that is too long is left out rather than the change', () => {
    expect(decode('keycloak', anEvent(adminEvent, { id: 'e'.repeat(300) }))).toEqual([
      removed('g', ['u'], { ...header, eventId: null }),
    ]);
  });

  test('without an envelope are read as ever', () => {
    expect(decode('keycloak', adminEvent)).toEqual([removed('g', ['u'])]);
    expect(decode('keycloak', { ...adminEvent, note: '"specversion"' })).toEqual([removed('g', ['u'])]);
  });

  test('are not taken for CloudEvents by a content type alone', () => {
    const headers = { 'content-type': 'application/cloudevents+json' };
    expect(decode('keycloak', adminEvent, { headers })).toEqual([expect.objectContaining(invalidWith('schema'))]);
  });

  test('Auth0 keeps its envelope, also in binary mode', () => {
    const data = { object: { group: { id: 'grp' }, member: { member_type: 'user', id: 'auth0|1' } } };
    const expected = [added('grp', ['auth0|1'], header)];
    expect(decode('auth0', anEvent(data, { type: 'group.member.added' }))).toEqual(expected);
    expect(decode('auth0', data, { headers: { ...binary, ce_type: 'group.member.added' } })).toEqual(expected);
    expect(decode('auto', anEvent(data, { type: 'group.member.added', a0tenant: 't' }))).toEqual(expected);
  });

  test('extensions in the headers of the binary mode count as those of the structured mode do', () => {
    const data = { object: { group: { id: 'grp' }, member: { member_type: 'user', id: 'auth0|1' } } };
    const headers = { ...binary, ce_type: 'group.member.added', ce_a0purpose: 'test', ce_a0tenant: 't' };
    for (const name of ['auth0', 'auto'] as const)
      expect(decode(name, data, { headers })).toEqual([{ kind: 'skip', reason: 'test_event' }]);
    const row = { before: null, after: { group_id: 'g', user_id: 'u' } };
    const debezium = { ...binary, ce_iodebeziumop: 'c', ce_iodebeziumtsms: '1740477600000' };
    expect(decode('debezium', row, { headers: debezium })).toEqual([
      added('g', ['u'], { eventId: 'e-1', occurredAt: '2025-02-25T10:00:00.000Z' }),
    ]);
  });

  test('native data is read without comparing the key, which is the envelope’s', () => {
    expect(decode('cloudevents', anEvent({ group_id: 'g', add_members: ['u'] }), { key: 'partition' })).toEqual([
      added('g', ['u'], header),
    ]);
  });
});

test('a record that is no CloudEvent is invalid as one, and a tombstone is skipped', () => {
  expect(decode('cloudevents', member)).toEqual([expect.objectContaining(invalidWith('schema'))]);
  expect(decode('cloudevents', null)).toEqual([{ kind: 'skip', reason: 'tombstone' }]);
});

test('data that is too deep to be written again is invalid', () => {
  const deep = `{"specversion":"1.0","type":"t","source":"s","id":"i","data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  expect(decode('keycloak', deep)).toEqual([expect.objectContaining({ kind: 'invalid' })]);
});

test('what has to be prepared is taken out of its envelopes first', async () => {
  const asked: (string | null)[] = [];
  const inner: SourceFormat = {
    ...keycloak,
    prepare: (records) => {
      asked.push(...records.map(({ value }) => (value === null ? null : Buffer.from(value).toString())));
      return Promise.resolve();
    },
  };
  await cloudEvents(inner).prepare?.([aRecord(anEvent('eyJ.a.b')), aRecord('eyJ.c.d')]);
  expect(asked).toEqual(['eyJ.a.b', 'eyJ.c.d']);
  expect(cloudEvents(native).prepare).toBeUndefined();
});
