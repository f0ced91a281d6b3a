/** A value that is no JSON is reported with its cause and the setting to change, whatever the format. */
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatNames, sourceFormat, type FormatName } from '../../src/formats/registry.ts';
import { readJson } from '../../src/formats/reading/reading.ts';
import { defaultOptions } from '../support/source-records.ts';
import { durationOf } from '../support/duration.ts';

const JSON_TEXT = '{"group_id":"g","add_members":["u"]}';
const utf16le = Buffer.from(JSON_TEXT, 'utf16le');
const utf16be = Buffer.from(utf16le).swap16();
const behind = (...bytes: number[]) => Buffer.from([...bytes, ...Buffer.from(JSON_TEXT)]);

const problemOf = (value: Uint8Array | string) => {
  const read = readJson(typeof value === 'string' ? Buffer.from(value) : value);
  return read.ok ? null : read.problem;
};

const BYTES: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['gzip', gzipSync(JSON_TEXT), /compressed with gzip.*producer/],
  ['zlib', deflateSync(JSON_TEXT), /compressed with zlib/],
  ['zstd', behind(0x28, 0xb5, 0x2f, 0xfd), /compressed with zstd/],
  ['LZ4', behind(0x04, 0x22, 0x4d, 0x18), /compressed with LZ4/],
  ['Snappy', Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0, 0xff]), /compressed with Snappy/],
  ['UTF-16 with its mark', Buffer.concat([Buffer.from([0xff, 0xfe]), utf16le]), /UTF-16.*UTF-8/],
  ['UTF-16 of the other order', Buffer.concat([Buffer.from([0xfe, 0xff]), utf16be]), /UTF-16/],
  ['UTF-16 without its mark', utf16le, /UTF-16 \(every other byte is 0\)/],
  ['UTF-16 of the other order without its mark', utf16be, /UTF-16/],
  ['Schema Registry, JSON', behind(0, 0, 0, 0, 1), /Schema Registry.*value\.converter=/],
  ['Schema Registry, Avro', Buffer.from([0, 0, 0, 0, 7, 0xfe, 0x02]), /Schema Registry.*value\.converter=/],
  ['an Avro file', Buffer.from([...Buffer.from('Obj'), 1, 0xff]), /Avro.*JsonConverter/],
  ['Java serialization', Buffer.from([0xac, 0xed, 0, 5, 0x73]), /Java serialization/],
  ['Latin-1', Buffer.from('{"a":"é"}', 'latin1'), /encode it as UTF-8/],
];

const TEXTS: readonly (readonly [string, string, RegExp])[] = [
  ['NDJSON', `${JSON_TEXT}\n${JSON_TEXT}\n`, /several JSON documents.*a record of its own/],
  ['documents one behind the other', `${JSON_TEXT}${JSON_TEXT}`, /several JSON documents/],
  ['lists one behind the other', '[{"a":"]"}] [1]', /several JSON documents/],
  ['the first line of a pretty-printed document', '{', /one line of a document.*jq -c/],
  ['a line within it', '  "group_id": "g",', /one line of a document/],
  ['an entry of a list of it', '    "user-1",', /one line of a document/],
  ['its last line', '}', /one line of a document/],
  ['a line that closes and opens', '  ],', /one line of a document/],
  ['a document that was cut', JSON_TEXT.slice(0, -5), /cut off/],
  ['a document that was cut within a text', '{"group_id":"', /cut off/],
  ['a document and something behind it', `${JSON_TEXT} -- from host-1`, /behind the JSON document/],
  ['an empty value', '', /empty.*tombstone/],
  ['a JavaScript object', '[object Object]', /JSON\.stringify/],
  ['a Connect Struct', 'Struct{group_id=g,user_id=u}', /Kafka Connect Struct.*JsonConverter/],
  ['a Java map', '{group_id=g, add_members=[u]}', /Java object or map/],
  ['a Java record', 'MemberAdded[group=g]'.replace('[', '('), /Java object or map/],
  ['a Python dict', "{'group_id': 'g', 'add_members': ['u']}", /Python dict.*json\.dumps/],
  ['a Python dict with None', '{"group_id": "g", "add_members": None}', /Python dict/],
  ['a Ruby hash', '{"group_id"=>"g"}', /Ruby hash/],
  ['XML', '<?xml version="1.0"?><event/>', /XML/],
  ['base64', Buffer.from(JSON_TEXT).toString('base64'), /base64/],
  ['base64 of gzip', gzipSync(JSON_TEXT).toString('base64'), /base64/],
  ['a form', `payload=${encodeURIComponent(JSON_TEXT)}`, /form/],
  ['escaped quotation marks', JSON_TEXT.replaceAll('"', '\\"'), /serialized twice/],
];

describe('a value that is no JSON names its cause and what to change', () => {
  test.each(BYTES)('%s', (_, value, message) => {
    expect(problemOf(value)).toMatchObject({ kind: 'invalid', message: expect.stringMatching(message) });
  });

  test.each(TEXTS)('%s', (_, text, message) => {
    expect(problemOf(text)).toMatchObject({
      kind: 'invalid',
      code: 'not_json',
      message: expect.stringMatching(message),
    });
  });

  test('also where nothing is known of it', () => {
    expect(problemOf('hello')).toMatchObject({ code: 'not_json', message: expect.stringContaining('"hello"') });
    expect(problemOf('{"a":nope}')).toMatchObject({ code: 'not_json' });
  });

  test.each(formatNames.filter((name) => !['mapping', 'cloudevents', 'auto'].includes(name)))(
    'as %s reads it',
    (name) => {
      const format = sourceFormat(name, defaultOptions);
      const decode = (value: Uint8Array) =>
        format.decode({ key: Buffer.from('g'), value, headers: [] }, { partitionCount: 3 });
      const code = expect.stringMatching(/^(?:not_json|not_utf8|schema_registry)$/);
      for (const value of [
        gzipSync(JSON_TEXT),
        utf16le,
        Buffer.from(`${JSON_TEXT}\n${JSON_TEXT}`),
        behind(0, 0, 0, 0, 1),
      ])
        expect(decode(value)).toMatchObject([{ kind: 'invalid', code }]);
    },
  );
});

describe('a value that is JSON, but not the one that is wanted', () => {
  const decode = (name: FormatName, value: unknown) =>
    sourceFormat(name, defaultOptions).decode(
      { key: Buffer.from('g'), value: Buffer.from(JSON.stringify(value)), headers: [] },
      { partitionCount: 3 },
    );

  test.each(['native', 'okta', 'keycloak', 'entra', 'google', 'auth0', 'scim-events'] as const)(
    'as a text that holds JSON was serialized twice: %s',
    (name) => {
      for (const value of [JSON_TEXT, `[${JSON_TEXT}]`, JSON.stringify(JSON_TEXT)])
        expect(decode(name, value)).toMatchObject([
          { kind: 'invalid', code: 'schema', message: expect.stringMatching(/serialized twice.*StringConverter/) },
        ]);
      expect(decode(name, 'hello')).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
    },
  );

  test.each(['native', 'scim-events', 'debezium', 'cloudevents'] as const)(
    'as a list is to be cut into records: %s',
    (name) => {
      expect(decode(name, [{ group_id: 'g' }])).toMatchObject([
        { kind: 'invalid', code: 'schema', message: expect.stringMatching(/JSON list.*send each entry/) },
      ]);
    },
  );

  test('as a list of a format that has none is named as a list by auto, too', () => {
    const row = { op: 'c', before: null, after: { group_id: 'g', user_id: 'u' }, source: { table: 't' } };
    for (const list of [[{ x: 1 }], [], ['a'], [[]]])
      expect(decode('auto', list)).toMatchObject([
        { kind: 'invalid', code: 'unknown_format', message: expect.stringMatching(/JSON list.*SOURCE_FORMAT=mapping/) },
      ]);
    expect(decode('auto', [row])).toMatchObject([{ message: expect.stringMatching(/JSON list.*send each entry/) }]);
  });
});

test('the cause is found for any text, and JSON stays JSON', () => {
  const piece = fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', 'a', ' ', '\n', '{"a":1}', '0', "'");
  fc.assert(
    fc.property(
      fc.array(piece).map((pieces) => pieces.join('')),
      (text) => {
        const problem = problemOf(text);
        if (problem !== null) expect(problem.message.length).toBeLessThanOrEqual(700);
        else expect(() => void JSON.parse(text)).not.toThrow();
      },
    ),
    { numRuns: 2_000 },
  );
});

test.each([
  ['open brackets', '['],
  ['an open text', '\\"', '"'],
  ['lines', '{}\n'],
  ['a word', 'x'],
  ['a half pretty line', '\\\\', '"'],
])('the cause of a large value is found in time in proportion to its length: %s', (_, part, start = '') => {
  const text = start + part.repeat(1 << 19);
  const each = durationOf(() => Array.from(text).length);
  // A quadratic search takes 500,000 times as long.
  expect(durationOf(() => expect(problemOf(text)).toMatchObject({ code: 'not_json' }))).toBeLessThan(1_000 * each);
});
