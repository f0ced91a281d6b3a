import { describe, expect, test } from 'vitest';
import { readMapping } from '../../src/formats/mapping/file.ts';
import { mappingFormat } from '../../src/formats/mapping/mapping.ts';
import { parsePath } from '../../src/formats/mapping/path.ts';
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

describe('several operations', () => {
  const both = {
    version: 1,
    operations: [
      {
        operation: 'remove',
        if: [{ path: '@.before', null: false }],
        group: '@.before.team',
        members: '@.before.person',
      },
      { operation: 'add', if: [{ path: '@.after', null: false }], group: '@.after.team', members: '@.after.person' },
      { operation: 'ignore', if: [{ path: '@.kind', equals: 'note' }] },
    ],
  };

  test('are each read from its own paths, where its conditions hold', () => {
    const before = { team: 't', person: 'p' };
    const after = { team: 's', person: 'q' };
    expect(decode(both, { before, after })).toEqual([removed('t', ['p']), added('s', ['q'])]);
    expect(decode(both, { before: null, after })).toEqual([added('s', ['q'])]);
    expect(decode(both, { before })).toEqual([removed('t', ['p'])]);
    expect(decode(both, { kind: 'note' })).toEqual([{ kind: 'skip', reason: 'ignored' }]);
  });

  test('none of which fits are loud', () => {
    expect(decode(both, { before: null })).toEqual([expect.objectContaining(invalidWith('unknown_operation'))]);
    expect(decode(both, { after: { team: 't' } })).toEqual([expect.objectContaining(invalidWith('not_mapped'))]);
  });

  test('share the group and the members of the mapping', () => {
    const mapping = {
      version: 1,
      events: '$.events[*]',
      group: '@.group',
      operations: [
        { operation: 'add', members: '@.joined[*]' },
        { operation: 'remove', members: '@.left[*]' },
      ],
    };
    expect(decode(mapping, { events: [{ group: 'g', joined: ['a'], left: ['b', 'c'] }] })).toEqual([
      added('g', ['a']),
      removed('g', ['b', 'c']),
    ]);
  });
});

describe('entries of a list', () => {
  const mapping = {
    version: 1,
    group: { path: '$.group.href', match: '/groups/([^/?]+)$' },
    members: {
      path: '$.members[*]',
      if: [
        { path: 'entry.type', in: ['USER', 'user'] },
        { path: 'entry.left_at', null: true },
        { path: '$.dry_run', exists: false },
      ],
      id: 'entry.href',
      match: '/users/([^/]+)$',
    },
    operation: { always: 'state' },
  };
  const href = (kind: string, id: string) => `https://idp.example.com/api/${kind}/${id}`;
  const value = (members: readonly object[]) => ({ group: { href: href('groups', 'g') }, members });

  test('count where their conditions hold, by the part that is the id', () => {
    const members = [
      { type: 'USER', href: href('users', 'u') },
      { type: 'GROUP', href: href('groups', 'x') },
      { type: 'user', href: href('users', 'v'), left_at: null },
      { type: 'user', href: href('users', 'w'), left_at: '2026-01-31' },
    ];
    const state = { ...groupDeleted('g'), deleted: false };
    expect(decode(mapping, value(members))).toEqual([{ ...state, members: ['u', 'v'] }]);
    expect(decode(mapping, value([]))).toEqual([state]);
  });

  test.each([
    ['no id', { type: 'user' }],
    ['another part', { type: 'user', href: href('persons', 'u') }],
    ['a text too long to be searched', { type: 'user', href: `${'/'.repeat(600)}users/u` }],
    ['an empty id', { type: 'user', href: null }],
  ])('with %s are loud', (_, entry) => {
    expect(decode(mapping, value([entry]))).toEqual([
      expect.objectContaining({ ...invalidWith('not_mapped'), group: 'g' }),
    ]);
  });

  test('whose part is looked for in a hostile text do not hold up the others', () => {
    const worst = { ...mapping, group: { path: '$.group.href', match: '.*.*(x)$' } };
    expect(decode(worst, { group: { href: 'a'.repeat(512) }, members: [] })).toEqual([
      expect.objectContaining(invalidWith('not_mapped')),
    ]);
  });
});

describe('a condition over several values', () => {
  const team = (rows: readonly object[]) => ({ team: 't', rows });
  const mapping = (condition: object) => ({
    version: 1,
    group: '@.team',
    members: '@.rows[*].u',
    if_event: [{ path: '@.rows[*].left', ...condition }],
    operation: { always: 'add' },
  });
  const undecided = [
    expect.objectContaining({
      ...invalidWith('not_mapped'),
      message: expect.stringMatching(/@\.rows\[\*\]\.left.*`events`/),
    }),
  ];
  const both = added('t', ['a', 'b']);
  const notMapped = { kind: 'skip', reason: 'not_mapped' };
  const differing = team([{ u: 'a', left: '2020-01-31' }, { u: 'b' }]);

  test.each([[{ null: true }], [{ null: false }], [{ exists: true }], [{ exists: false }], [{ equals: '2020-01-31' }]])(
    '%j decides nothing where one entry lacks it',
    (condition) => {
      expect(decode(mapping(condition), differing)).toEqual(undecided);
      expect(decode(mapping(condition), team([{ u: 'b' }, { u: 'a', left: '2020-01-31' }]))).toEqual(undecided);
    },
  );

  test('decides nothing where it holds for some of the values', () => {
    const value = team([
      { u: 'a', left: 1 },
      { u: 'b', left: 2 },
    ]);
    expect(decode(mapping({ equals: 1 }), value)).toEqual(undecided);
    expect(decode(mapping({ in: [2, 3] }), value)).toEqual(undecided);
    expect(decode(mapping({ in: [1, 2] }), value)).toEqual([both]);
    expect(decode(mapping({ equals: 3 }), value)).toEqual([notMapped]);
  });

  test('is decided where all lack it', () => {
    const value = team([{ u: 'a' }, { u: 'b' }]);
    for (const condition of [{ null: true }, { exists: false }])
      expect(decode(mapping(condition), value)).toEqual([both]);
    for (const condition of [{ null: false }, { exists: true }, { equals: 1 }, { equals: null }])
      expect(decode(mapping(condition), value)).toEqual([notMapped]);
  });

  test('of an empty list is decided by the list alone', () => {
    for (const condition of [{ null: true }, { exists: true }])
      expect(decode(mapping(condition), team([]))).toEqual([added('t', [])]);
    for (const condition of [{ null: false }, { exists: false }, { equals: null }])
      expect(decode(mapping(condition), team([]))).toEqual([notMapped]);
  });

  test('does not matter where another condition does not hold', () => {
    const other = { path: '@.kind', equals: 'member' };
    const mapped = mapping({ null: true });
    expect(decode({ ...mapped, if_event: [...mapped.if_event, other] }, differing)).toEqual([notMapped]);
  });

  test('is loud wherever it stands', () => {
    const condition = { path: '@.rows[*].left', null: true };
    const plain = { version: 1, group: '@.team', members: '@.rows[*].u' };
    expect(decode({ ...plain, if_record: [condition], operation: { always: 'add' } }, differing)).toEqual(undecided);
    const operations = [
      { operation: 'remove', if: [{ path: '@.team', exists: true }] },
      { operation: 'add', if: [condition] },
    ];
    expect(decode({ ...plain, operations }, differing)).toEqual(undecided);
    const members = { path: '@.rows[*]', if: [{ path: 'entry.roles[*]', equals: 'user' }], id: 'entry.u' };
    expect(
      decode({ ...plain, members, operation: { always: 'add' } }, team([{ u: 'a', roles: ['user', 'guest'] }])),
    ).toEqual([expect.objectContaining({ ...invalidWith('not_mapped'), group: 't' })]);
  });
});

describe('an operation of several values', () => {
  const of = (values: object, ops: readonly unknown[], otherwise = 'invalid') => {
    const mapping = {
      version: 1,
      group: '@.team',
      members: '@.actions[*].u',
      operation: { path: '@.actions[*].op', values, otherwise },
    };
    return decode(mapping, { team: 't', actions: ops.map((op, at) => ({ op, u: `u${at}` })) });
  };
  const values = { JOINED: 'add', INVITED: 'add', LEFT: 'remove', RENAMED: 'ignore' };
  const several = [
    expect.objectContaining({
      ...invalidWith('not_mapped'),
      message: expect.stringMatching(/several values at @\.actions\[\*\]\.op.*`events`/),
    }),
  ];

  test.each([[['JOINED', 'LEFT']], [['RENAMED', 'LEFT']], [['JOINED', 'JOINED', 'LEFT']]])('%j is invalid', (ops) => {
    expect(of(values, ops)).toEqual(several);
  });

  test('is what all of them mean', () => {
    expect(of(values, ['JOINED', 'INVITED'])).toEqual([added('t', ['u0', 'u1'])]);
    expect(of(values, ['LEFT', 'LEFT'])).toEqual([removed('t', ['u0', 'u1'])]);
    expect(of(values, ['OTHER', 'RENAMED'], 'ignore')).toEqual([{ kind: 'skip', reason: 'ignored' }]);
    expect(of(values, [], 'ignore')).toEqual([{ kind: 'skip', reason: 'ignored' }]);
  });

  test('is not known where one of them is not', () => {
    expect(of(values, ['JOINED', 'OTHER'])).toEqual([expect.objectContaining(invalidWith('unknown_operation'))]);
    expect(of(values, ['JOINED', undefined])).toEqual([expect.objectContaining(invalidWith('not_mapped'))]);
    expect(of(values, [])).toEqual([expect.objectContaining(invalidWith('not_mapped'))]);
    expect(of(values, ['OTHER', 'LEFT'], 'ignore')).toEqual(several);
    expect(of(values, ['LEFT', undefined], 'ignore')).toEqual(several);
    expect(of(values, [['LEFT']], 'ignore')).toEqual(several);
  });
});

test('several groups of an event are invalid, with the remedy', () => {
  const mapping = { version: 1, group: '@.teams[*].id', members: '@.u', operation: { always: 'add' } };
  const severalGroups = [
    expect.objectContaining({
      ...invalidWith('not_mapped'),
      message: expect.stringMatching(/several values.*`events`/),
    }),
  ];
  expect(decode(mapping, { u: 'u', teams: [{ id: 't' }, { id: 's' }] })).toEqual(severalGroups);
  expect(decode(mapping, { u: 'u', teams: [{ id: 't' }, {}] })).toEqual(severalGroups);
  expect(decode(mapping, { u: 'u', teams: [{ id: 't' }] })).toEqual([added('t', ['u'])]);
});

test('several ids or times of an event count where they are equal', () => {
  const mapping = {
    version: 1,
    group: '@.team',
    members: '@.people[*]',
    operation: { always: 'add' },
    event_id: '@.ids[*]',
    occurred_at: '@.times[*]',
  };
  const of = (ids: unknown, times: unknown) => decode(mapping, { team: 't', people: ['p'], ids, times });
  const time = '2026-01-31T12:00:00Z';
  expect(of(['e', 'e'], [time, time])).toEqual([added('t', ['p'], { eventId: 'e', occurredAt: time })]);
  expect(of(['e', 'f'], [time, '2026-02-01T12:00:00Z'])).toEqual([added('t', ['p'])]);
});

test('mapping: all problems are reported together, each with its place', () => {
  const read = readMapping({
    version: 2,
    group: 'team.id',
    operation: { path: '@.what', values: { ADDED: 'insert' } },
    if_event: [{ path: '@.x' }, { path: '@.y', equals: 1, exists: true }],
    evnts: '$',
  });
  expect(read.ok ? [] : read.problems).toEqual([
    '`version` must be 1',
    '`if_event.0` must have one of `equals`, `in`, `exists` and `null`',
    '`if_event.1` must have one of `equals`, `in`, `exists` and `null`',
    expect.stringMatching(/^`group` must be a path such as/),
    expect.stringMatching(/^`operation.values.ADDED` must be one of add, remove/),
    '`evnts` is not known',
  ]);
});

test('what is missing is reported beside what is wrong', () => {
  const read = readMapping({ version: 2, operations: [{ operation: 'add' }], operation: { always: 'add' } });
  expect(read.ok ? [] : read.problems).toEqual([
    '`version` must be 1',
    'the mapping must have either `operation` or `operations`',
    '`operations.0.group` is missing',
    '`operations.0.members` is missing, though not every operation is deleted or ignore',
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
  [
    { version: 1, group: '$.g', members: '$.m', operation: { always: 'add' }, operations: [{ operation: 'add' }] },
    /either `operation` or `operations`/,
  ],
  [{ version: 1, group: '$.g', members: '$.m' }, /either `operation` or `operations`/],
  [{ version: 1, group: '$.g', operations: [{ operation: 'add' }] }, /`operations.0.members` is missing/],
  [{ version: 1, operations: [{ operation: 'deleted' }] }, /`operations.0.group` is missing/],
  [{ version: 1, operations: [{ operation: 'put', group: '$.g' }] }, /`operations.0.operation` must be one of add/],
  [{ version: 1, group: 'entry.g', members: '$.m', operation: { always: 'add' } }, /`group` must be a path/],
  [
    { version: 1, group: '$.g', members: { path: '$.m[*]', id: '$.id' }, operation: { always: 'add' } },
    /`members.id` must be a path from the entry/,
  ],
  [
    { version: 1, group: '$.g', members: { path: '$.m[*]', iff: [] }, operation: { always: 'add' } },
    /`members.iff` is not known/,
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

test.each([
  ['(a)(b)', /exactly one group/],
  ['abc', /exactly one group/],
  ['(a+)+$', /must not repeat a group/],
  ['(a)*', /must not repeat a group/],
  ['.*.*.*(a)', /at most 2 repetitions/],
  ['(?<=a)(b)', /look-arounds/],
  ['(a)\\1', /references/],
  ['([)', /`group.match` must/],
  ['a'.repeat(201), /at most 200 characters/],
])('%s finds no id', (match, problem) => {
  const read = readMapping({ version: 1, group: { path: '$.g', match }, members: '$.m', operation: { always: 'add' } });
  expect(read.ok ? '' : read.problems.join('\n')).toMatch(problem);
});
