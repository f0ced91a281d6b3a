/** No bytes make any format throw, and what it makes of them can be encoded again. Mutated samples: test/fuzz/formats.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { idProblem, type SourceEvent, type SourceRecord } from '../../src/core/change/change.ts';
import { readMapping } from '../../src/formats/mapping/file.ts';
import { follow, parsePath } from '../../src/formats/mapping/path.ts';
import { autoFormat, formatNames, sourceFormat } from '../../src/formats/registry.ts';
import { aRecord, defaultOptions } from '../support/source-records.ts';

const mapping = readMapping({
  version: 1,
  group: '$.group_id',
  members: '$.members[*]',
  operation: { always: 'state' },
});
const options = { ...defaultOptions, mapping: mapping.ok ? mapping.mapping : null };

/** Names that some format looks for. */
const names =
  'op before after source payload schema __deleted __op group_id user_id iodebeziumop specversion type id time data ' +
  'data_base64 events sets sub_id jti records value resourceType operationType resourcePath error eventType target ' +
  'detail detail-type items members members@delta @removed groupId userId object group member __proto__ toString';
const leaf = fc.oneof(
  fc.constantFrom(
    'c',
    'd',
    'u',
    '1.0',
    'GROUP',
    'DELETE',
    'groups/g',
    'member.added',
    'g',
    'true',
    'com.okta.event_hook',
  ),
  fc.jsonValue({ maxDepth: 1 }),
  fc.string({ unit: 'binary' }),
  fc.double(),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.dictionary(fc.constantFrom(...names.split(' ')), tie('tree')),
    fc.array(tie('tree'), { maxLength: 3 }),
  ),
}));
const bytes = fc.uint8Array({ maxLength: 200 });
const header = fc.tuple(fc.constantFrom('ce_specversion', 'ce_type', 'content-type', 'id', 'eventType', '__op'), bytes);
const record: fc.Arbitrary<SourceRecord> = fc.record({
  key: fc.option(
    fc.oneof(
      bytes,
      tree.map((value) => Buffer.from(JSON.stringify(value) ?? '')),
    ),
  ),
  value: fc.option(
    fc.oneof(
      bytes,
      tree.map((value) => Buffer.from(JSON.stringify(value) ?? '')),
    ),
  ),
  headers: fc.array(header, { maxLength: 3 }),
});

function isWhole(event: SourceEvent): boolean {
  switch (event.kind) {
    case 'delta':
      return [event.group, ...event.add, ...event.remove].every((id) => idProblem(id) === null);
    case 'state':
      return [event.group, ...event.members].every((id) => idProblem(id) === null);
    case 'skip':
      return /^[a-z_]+$/.test(event.reason);
    case 'hint':
    case 'invalid':
      return /^[a-z0-9_]+$/.test(event.code) && event.message.length <= 1_000;
  }
}

describe.each(formatNames)('%s', (name) => {
  const format = sourceFormat(name, options);

  test('answers whatever the record, with whole events, and the same twice', () => {
    fc.assert(
      fc.property(record, (any) => {
        const events = format.decode(any, { partitionCount: 3 });
        expect(events.length).toBeGreaterThan(0);
        expect(events.filter((event) => !isWhole(event))).toEqual([]);
        expect(format.decode(any, { partitionCount: 3 })).toEqual(events);
      }),
      { numRuns: 500 },
    );
  });

  test('never takes a tombstone for a group that is gone', () => {
    fc.assert(
      fc.property(record, (any) => {
        expect(format.decode({ ...any, value: null }, { partitionCount: 3 })).not.toContainEqual(
          expect.objectContaining({ kind: 'state' }),
        );
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ['garbage', 'x'.repeat(1 << 20)],
    ['deep lists', '['.repeat(300_000) + ']'.repeat(300_000)],
    ['deep objects', '{"data":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
    ['a text in a text in a text', JSON.stringify(JSON.stringify(JSON.stringify('{}')))],
    ['half a million entries', `[${'{},'.repeat(499_999)}{}]`],
  ])('answers to %s', (_, value) => {
    expect(format.decode(aRecord(value), { partitionCount: 3 }).length).toBeGreaterThan(0);
  });
});

test('auto reads each record as the format does that it takes it for', () => {
  const auto = autoFormat(options);
  fc.assert(
    fc.property(record, (any) => {
      const name = auto.tookFor(any);
      if (name === null || name === 'native') return;
      const topic = { partitionCount: 3 };
      expect(auto.decode(any, topic)).toEqual(sourceFormat(name, options).decode(any, topic));
    }),
    { numRuns: 2_000 },
  );
});

test('a path finds what is there, and nothing that is inherited', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.integer()),
      fc.stringMatching(/^[a-z_]{1,8}$/),
      (value, name) => {
        const path = parsePath(`$.${name}`);
        const found = follow(path?.steps ?? [], value);
        expect(found).toEqual(
          Object.hasOwn(value, name) ? { values: [value[name]], missing: 0 } : { values: [], missing: 1 },
        );
      },
    ),
  );
  expect(follow(['toString'], {}).missing).toBe(1);
});
