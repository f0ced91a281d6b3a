import { describe, expect, test } from 'vitest';
import { readMapping } from '../../src/formats/mapping-file.ts';
import { mappingFormat } from '../../src/formats/mapping.ts';
import { parsePath } from '../../src/formats/mapping-path.ts';
import { aRecord, added, groupDeleted, invalidWith, removed } from '../support/source-records.ts';

const aMapping = (changes: object = {}) => ({
  version: 1,
  events: '$.changes[*]',
  group: '@.team.id',
  members: '@.people[*].id',
  operation: {
    path: '@.what',
    values: { ADDED: 'add', GONE: 'remove', ALL: 'state', CLOSED: 'deleted', NOTE: 'ignore' },
  },
  event_id: '@.id',
  occurred_at: '@.at',
  ...changes,
});

function decode(mapping: object, value: unknown, more: { key?: unknown; headers?: Record<string, string> } = {}) {
  const read = readMapping(mapping);
  if (!read.ok) throw new Error(read.problems.join('\n'));
  return mappingFormat(read.mapping).decode(aRecord(value, more), { partitionCount: 3 });
}

const aChange = (changes: object = {}) => ({
  what: 'ADDED',
  team: { id: 't' },
  people: [{ id: 'p' }, { id: 7 }],
  ...changes,
});

describe('a mapping', () => {
  test('reads every event of a record, each operation as its table says', () => {
    const value = {
      changes: [
        aChange({ id: 'e-1', at: '2026-01-31T12:00:00Z' }),
        aChange({ what: 'GONE', id: 5, at: 1_740_477_600_000 }),
        aChange({ what: 'ALL' }),
        aChange({ what: 'CLOSED' }),
        aChange({ what: 'NOTE' }),
      ],
    };
    expect(decode(aMapping(), value)).toEqual([
      added('t', ['p', '7'], { eventId: 'e-1', occurredAt: '2026-01-31T12:00:00Z' }),
      removed('t', ['p', '7'], { eventId: '5', occurredAt: '2025-02-25T10:00:00.000Z' }),
      { ...groupDeleted('t'), members: ['p', '7'], deleted: false },
      groupDeleted('t'),
      { kind: 'skip', reason: 'ignored' },
    ]);
  });

  test('without `events` a record is one event, and key and headers can be named', () => {
    const mapping = {
      version: 1,
      group: 'key',
      members: 'key.user',
      operation: { path: "headers['what-for']", values: { in: 'add' } },
    };
    const more = { key: { user: 'u' }, headers: { 'what-for': 'in' } };
    expect(decode(mapping, { any: 1 }, more)).toEqual([added('{"user":"u"}', ['u'])]);
    expect(decode({ ...mapping, operation: { always: 'remove' } }, {}, more)).toEqual([removed('{"user":"u"}', ['u'])]);
  });

  test('a list that is empty is an empty group; one that is not there, or lacks an id, is invalid', () => {
    const mapping = aMapping({ operation: { always: 'state' } });
    const state = (people: unknown) => decode(mapping, { changes: [aChange({ people })] });
    expect(state([])).toEqual([{ ...groupDeleted('t'), deleted: false }]);
    for (const people of [undefined, null, 'p', [{}], [{ id: null }]])
      expect(state(people)).toEqual([expect.objectContaining({ ...invalidWith('not_mapped'), group: 't' })]);
    expect(state([{ id: {} }])).toEqual([expect.objectContaining(invalidWith('schema'))]);
  });

  test('conditions choose records and events', () => {
    const mapping = aMapping({
      if_record: [{ path: '$.kind', equals: 'membership' }],
      if_event: [
        { path: '@.team.type', in: ['a', 'b'] },
        { path: '@.test', exists: false },
      ],
    });
    const changes = [
      aChange({ team: { id: 't', type: 'a' } }),
      aChange({ team: { id: 't', type: 'c' } }),
      aChange({ team: { id: 't', type: 'b' }, test: null }),
    ];
    expect(decode(mapping, { changes })).toEqual([{ kind: 'skip', reason: 'not_mapped' }]);
    expect(decode(mapping, { kind: 'membership', changes }).map(({ kind }) => kind)).toEqual(['delta', 'skip', 'skip']);
  });

  test('an operation that is not in the table is invalid, unless it is to be ignored', () => {
    const values = { ADDED: 'add' };
    const of = (otherwise?: string) =>
      aMapping({ operation: { path: '@.what', values, ...(otherwise && { otherwise }) } });
    for (const what of ['toString', 'OTHER'])
      expect(decode(of(), { changes: [aChange({ what })] })).toEqual([
        expect.objectContaining(invalidWith('unknown_operation')),
      ]);
    expect(decode(of(), { changes: [{}] })).toEqual([expect.objectContaining(invalidWith('not_mapped'))]);
    expect(decode(of('ignore'), { changes: [{}] })).toEqual([{ kind: 'skip', reason: 'ignored' }]);
  });

  test('a record that the paths do not fit is invalid, a tombstone and an empty list are skipped', () => {
    expect(decode(aMapping(), { other: 1 })).toEqual([expect.objectContaining(invalidWith('not_mapped'))]);
    expect(decode(aMapping(), { changes: [] })).toEqual([{ kind: 'skip', reason: 'no_events' }]);
    expect(decode(aMapping(), null)).toEqual([{ kind: 'skip', reason: 'tombstone' }]);
    expect(decode(aMapping(), '{')).toEqual([expect.objectContaining(invalidWith('not_json'))]);
  });
});

test('every problem of a mapping is told at once, each with its place', () => {
  const read = readMapping({
    version: 2,
    group: 'team.id',
    operation: { path: '@.what', values: { ADDED: 'insert' } },
    if_event: [{ path: '@.x' }, { path: '@.y', equals: 1, exists: true }],
    evnts: '$',
  });
  expect(read.ok ? [] : read.problems).toEqual([
    '`version` must be 1',
    '`if_event.0` must have one of `equals`, `in` and `exists`',
    '`if_event.1` must have one of `equals`, `in` and `exists`',
    expect.stringMatching(/^`group` must be a path such as/),
    expect.stringMatching(/^`operation.values.ADDED` must be one of add, remove/),
    '`evnts` is not known',
  ]);
});

test.each([
  [[], /the mapping/],
  [null, /the mapping/],
  [{ version: 1, group: '$.g', operation: { always: 'add' } }, /`members` is missing/],
  [
    { version: 1, group: '$.g', members: '$.m', events: 'key.x', operation: { always: 'add' } },
    /`events` must begin with \$/,
  ],
  [{ version: 1, members: '$.m', operation: { always: 'add' } }, /`group`/],
  [{ version: 1, group: '$.g', members: '$.m', operation: {} }, /`operation.always` must be one of/],
  [
    { version: 1, group: '$.g', members: '$.m', operation: { path: '$.o', values: {} } },
    /must name at least one value/,
  ],
])('%j is no mapping', (json, problem) => {
  const read = readMapping(json);
  expect(read.ok ? '' : read.problems.join('\n')).toMatch(problem);
});

test.each([
  ['$'],
  ['@'],
  ['$.a.b[0].c'],
  ['$.list[*]'],
  ["@['any name'].x"],
  ['key'],
  ['key.group-id'],
  ['headers.type'],
  ['@.members@delta'],
])('%s is a path', (text) => {
  expect(parsePath(text)?.text).toBe(text);
});

test.each([
  [''],
  ['a.b'],
  ['$a'],
  ['$.'],
  ['$..a'],
  ['$.a['],
  ['$.a[-1]'],
  ['$[?(@.x)]'],
  ['headers'],
  ['headers.a.b'],
  ['keys.a'],
  ["$['']"],
])('%j is none', (text) => {
  expect(parsePath(text)).toBeNull();
});
