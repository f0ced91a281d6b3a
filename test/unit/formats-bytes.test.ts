/** Keys and headers that are not UTF-8: bytes of theirs become no id, since two could become one. */
import { describe, expect, test } from 'vitest';
import type { SourceRecord } from '../../src/core/change/change.ts';
import { readMapping } from '../../src/formats/mapping/file.ts';
import { mappingFormat } from '../../src/formats/mapping/mapping.ts';
import type { FormatName } from '../../src/formats/registry.ts';
import { sourceFormat } from '../../src/formats/registry.ts';
import { aRecord, added, defaultOptions, invalidWith } from '../support/source-records.ts';

const BYTES = new Uint8Array([0xf3, 0xfe, 0x90, 0xa1]);
const topic = { partitionCount: 3 };

function decode(mapping: object, record: SourceRecord) {
  const read = readMapping({ version: 1, members: '@.u', operation: { always: 'add' }, ...mapping });
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return mappingFormat(read.mapping).decode(record, topic);
}

const withKey: SourceRecord = { ...aRecord({ u: 'a', g: 'g' }), key: BYTES };
const withHeader: SourceRecord = { ...aRecord({ u: 'a', g: 'g' }), headers: [['id', BYTES]] };

describe('in a mapping', () => {
  test.each<[string, object, SourceRecord, RegExp]>([
    ['the key as the group', { group: 'key' }, withKey, /^The key is not UTF-8/],
    ['an id in the key', { group: 'key.id' }, withKey, /^The key is not UTF-8/],
    ['a header as the group', { group: 'headers.id' }, withHeader, /^The header `id` is not UTF-8/],
    ['a header as the member', { group: '@.g', members: 'headers.id' }, withHeader, /^The header `id`/],
    [
      'a condition',
      { group: '@.g', if_record: [{ path: 'headers.id', equals: 'x' }] },
      withHeader,
      /^The header `id` is not UTF-8/,
    ],
    [
      'the operation',
      { group: '@.g', operation: { path: 'key', values: { x: 'add' }, otherwise: 'ignore' } },
      withKey,
      /^The key is not UTF-8/,
    ],
  ])('%s is invalid', (_, mapping, record, message) => {
    expect(decode(mapping, record)).toEqual([
      expect.objectContaining({ ...invalidWith('not_utf8'), message: expect.stringMatching(message) }),
    ]);
  });

  test('the id of the event is left out', () => {
    expect(decode({ group: '@.g', event_id: 'headers.id' }, withHeader)).toEqual([added('g', ['a'])]);
  });

  test('other headers and keys do not matter', () => {
    expect(decode({ group: '@.g' }, { ...withHeader, key: BYTES })).toEqual([added('g', ['a'])]);
  });
});

test.each<[string, FormatName, Record<string, string>, string]>([
  ['a CloudEvent', 'cloudevents', { ce_specversion: '1.0', ce_type: 'group.member.added', ce_source: '/s' }, 'ce_id'],
  ['an outbox', 'debezium', { eventType: 'group.member.added' }, 'id'],
])('the id of %s is left out, and its change is not', (_, name, headers, idHeader) => {
  const record = aRecord({ groupId: 'g', userId: 'a' }, { headers });
  const decoded = sourceFormat(name, defaultOptions).decode(
    { ...record, headers: [...record.headers, [idHeader, BYTES]] },
    topic,
  );
  expect(decoded).toEqual([added('g', ['a'])]);
});
