import { expect, test } from 'vitest';
import { finalVerdict, type EndState } from '../oracle/final-verdict.ts';
import { wantedOf } from '../oracle/intents.ts';
import { liveIntents, type TopicRecord } from '../oracle/live-records.ts';
import { promises } from '../oracle/violation.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const source = (offset: bigint, value: object | string | null, key: string | null = 'g') => {
  const text = typeof value === 'object' && value !== null ? JSON.stringify({ group_id: 'g', ...value }) : value;
  return { partition: 0, offset, key, value: text };
};

/** An end of `t/0/<id>`. */
const report = (id: string, outcome: string, fields: object = {}) => ({
  id: `t/0/${id}`,
  final: true,
  outcome,
  group: 'g',
  member: id.split('/')[1] ?? null,
  op: 'add',
  superseded_by: null,
  epoch: 1,
  reported_at: '2026-01-01T00:00:00.000Z',
  ...fields,
});

interface Written {
  readonly offset: bigint;
  readonly key?: string;
  readonly value: string | null;
  readonly epoch: number;
  readonly seq: number;
}

const retryRecord = ({ offset, key = 'g', value, epoch, seq }: Written): TopicRecord => ({
  partition: 0,
  offset,
  key: bytes(key),
  value: value === null ? null : bytes(value),
  headers: [
    ['rollcall-epoch', bytes(String(epoch))],
    ['rollcall-seq', bytes(String(seq))],
  ],
});

const pending = (member: string, offset: bigint, isDead = true): string =>
  JSON.stringify({
    v: 1,
    group: 'g',
    pending: [
      {
        member,
        op: 'add',
        topic: 't',
        partition: 0,
        offset: String(offset),
        attempt: 1,
        not_before: 0,
        dead: isDead ? { at: 1, reason: 'attempts_exhausted' } : null,
      },
    ],
  });

const letter = (offset: bigint, value: string, reason: string): TopicRecord => ({
  partition: 0,
  offset: 0n,
  key: bytes('g'),
  value: bytes(value),
  headers: [
    ['rollcall-reason', bytes(reason)],
    ['rollcall-original-topic', bytes('t')],
    ['rollcall-original-partition', bytes('0')],
    ['rollcall-original-offset', bytes(String(offset))],
  ],
});

/** One of each end. */
const good: EndState = {
  topic: 't',
  source: [
    source(0n, { add_members: ['old'] }),
    source(1n, { remove_members: ['old'], add_members: ['new'] }),
    source(2n, { added: [] }),
    source(3n, 'no JSON'),
    source(4n, { add_members: ['unknown'] }),
    source(5n, null),
  ],
  reports: [
    report('0/old', 'retry_scheduled', { id: 't/0/0/old#1', final: false }),
    report('0/old', 'superseded', { superseded_by: 't/0/1/old' }),
    report('1/old', 'applied', { op: 'remove' }),
    report('1/new', 'already_synced'),
    report('2', 'no_changes', { op: null }),
    report('3', 'invalid', { op: null }),
    report('4/unknown', 'permanent_failure'),
  ],
  retry: [
    retryRecord({ offset: 0n, key: '\u0000rollcall.fence', value: null, epoch: 1, seq: 1 }),
    retryRecord({ offset: 1n, value: pending('old', 0n, false), epoch: 1, seq: 2 }),
    retryRecord({ offset: 2n, value: pending('unknown', 4n), epoch: 1, seq: 3 }),
  ],
  deadLetters: [letter(3n, 'no JSON', 'invalid'), letter(4n, pending('unknown', 4n), 'attempts_exhausted')],
  committed: new Map([[0, 6n]]),
  sourceEnds: new Map([[0, 6n]]),
  memberships: new Map([['g', new Set(['new', 'bystander'])]]),
  bystanders: new Map([['g', new Set(['bystander'])]]),
};

/** Reports of the good end, with another one for this id. */
const reported = (id: string, outcome: string, fields: object = {}): Partial<EndState> => ({
  reports: [...good.reports.filter((one) => (one as { id: string }).id !== `t/0/${id}`), report(id, outcome, fields)],
});

const besides = (...more: readonly object[]): Partial<EndState> => ({ reports: [...good.reports, ...more] });
const members = (...ids: readonly string[]): Partial<EndState> => ({ memberships: new Map([['g', new Set(ids)]]) });
const parkedAgain = (written: Written): Partial<EndState> => ({ retry: [...good.retry, retryRecord(written)] });

test('finds nothing where every promise is kept', () => {
  expect(finalVerdict(good)).toEqual([]);
});

test.each<[string, keyof typeof promises, Partial<EndState>]>([
  ['an intent without a report', 'kept', { reports: good.reports.slice(0, -1) }],
  ['an intent with reports of its retries only', 'kept', { reports: good.reports.toSpliced(1, 1) }],
  ['an empty event without a report', 'kept', { reports: good.reports.toSpliced(4, 1) }],
  ['an invalid record without a report', 'kept', { reports: good.reports.toSpliced(5, 1) }],
  ['an offset that is not committed', 'kept', { committed: new Map([[0, 5n]]) }],
  ['a commit beyond the end', 'kept', { committed: new Map([[0, 7n]]) }],
  ['a failure without a dead letter', 'kept', { deadLetters: good.deadLetters.slice(0, 1) }],
  ['an invalid record without a dead letter', 'kept', { deadLetters: good.deadLetters.slice(1) }],
  ['a dead letter with other bytes', 'kept', { deadLetters: good.deadLetters.with(0, letter(3n, 'other', 'invalid')) }],
  ['a failure that no replay can wake', 'kept', parkedAgain({ offset: 3n, value: null, epoch: 1, seq: 4 })],
  [
    'an intent that still waits',
    'kept',
    parkedAgain({ offset: 3n, value: pending('unknown', 4n, false), epoch: 1, seq: 4 }),
  ],
  ['a live record of a former owner at the end', 'kept', parkedAgain({ offset: 3n, value: null, epoch: 0, seq: 9 })],
  ['a removal that has not landed', 'newest', members('new', 'bystander', 'old')],
  ['an addition that has not landed', 'newest', members('bystander')],
  ['the newest one superseded', 'newest', reported('1/new', 'superseded', { superseded_by: 't/0/0/old' })],
  [
    'a replaced intent that is kept as dead',
    'newest',
    { source: [...good.source, source(6n, { remove_members: ['unknown'] })] },
  ],
  ['superseded by what is older', 'accounted', reported('0/old', 'superseded', { superseded_by: 't/0/0/old' })],
  ['superseded by an unrelated change', 'accounted', reported('0/old', 'superseded', { superseded_by: 't/0/1/new' })],
  ['an invalid record called empty', 'accounted', reported('3', 'no_changes')],
  ['an intent called invalid', 'accounted', reported('1/new', 'invalid')],
  ['another operation reported', 'accounted', reported('1/old', 'applied', { op: 'add' })],
  ['a report without a change', 'accounted', besides(report('9/who', 'applied'))],
  [
    'a retry without a change',
    'accounted',
    besides(report('9/who', 'retry_scheduled', { id: 't/0/9/who#1', final: false })),
  ],
  ['two ends by one owner', 'accounted', besides(report('1/new', 'applied'))],
  [
    'a failure after the end, by one owner',
    'accounted',
    besides(report('1/new', 'failed', { reported_at: '2026-01-01T00:00:01.000Z' })),
  ],
  ['a dead letter without a change', 'accounted', { deadLetters: [...good.deadLetters, letter(9n, 'x', 'invalid')] }],
  ['a success that is kept as dead', 'accounted', reported('4/unknown', 'recovered')],
  [
    'a dead intent without a change',
    'accounted',
    parkedAgain({ offset: 3n, value: pending('who', 9n), epoch: 1, seq: 4 }),
  ],
  ['a member that no change added', 'accounted', members('new', 'bystander', 'who')],
  ['a bystander who is gone', 'unwiped', members('new')],
])('finds %s', (_, promise, changes) => {
  const found = finalVerdict({ ...good, ...changes });
  expect(found.map((violation) => violation.promise)).toContain(promises[promise]);
});

test('takes the report of the latest owner, and of him the latest', () => {
  const failed = { outcome: 'failed', epoch: 0, reported_at: '2027-01-01T00:00:00.000Z' };
  expect(finalVerdict({ ...good, ...besides(report('1/new', 'failed', failed)) })).toEqual([]);
  const [violation] = finalVerdict({ ...good, ...besides(report('1/new', 'superseded', { epoch: 2 })) });
  expect(violation?.promise).toBe(promises.newest);
  const retry = report('1/new', 'retry_scheduled', { id: 't/0/1/new#1', final: false, epoch: 2 });
  expect(finalVerdict({ ...good, ...besides(retry) })).toEqual([]);
  const earlier = report('1/new', 'failed', { reported_at: '2025-01-01T00:00:00.000Z' });
  expect(finalVerdict({ ...good, ...besides(earlier) })).toEqual([]);
});

test('lets a replay turn a failure into a success', () => {
  const woken = report('4/unknown', 'recovered', { reported_at: '2026-01-01T00:00:01.000Z' });
  const retry = [...good.retry, retryRecord({ offset: 3n, value: null, epoch: 1, seq: 4 })];
  const end = { ...good, ...besides(woken), ...members('new', 'bystander', 'unknown'), retry };
  expect(finalVerdict(end)).toEqual([]);
});

test('oracle: members that another writer may have touched are left out', () => {
  const foreign = (group: string, member: string): boolean => `${group}/${member}` === 'g/new';
  expect(finalVerdict({ ...good, ...members('bystander'), foreign })).toEqual([]);
});

test('does not let a record of a former owner count', () => {
  // given a fence of epoch 2, and then records of epoch 1, and of epoch 2 out of their order
  const records = [
    { offset: 0n, value: pending('first', 1n), epoch: 1, seq: 7 },
    { offset: 1n, key: '\u0000rollcall.fence', value: null, epoch: 2, seq: 1 },
    { offset: 2n, value: pending('late', 2n), epoch: 1, seq: 8 },
  ].map(retryRecord);
  const newer = { offset: 3n, value: pending('newer', 4n), epoch: 2, seq: 3 };
  const older = { offset: 4n, value: pending('older', 3n), epoch: 2, seq: 2 };
  const memberOf = (...more: readonly Written[]) =>
    liveIntents([...records, ...more.map(retryRecord)]).get('g')?.[0]?.member;
  // then
  expect(memberOf()).toBe('first');
  expect(memberOf(newer, older)).toBe('newer');
  expect(memberOf(newer, { ...older, value: null, seq: 4 })).toBeUndefined();
});

test('reads what the format allows', () => {
  const ids = (value: object | string | null, key: string | null = 'g') =>
    wantedOf('t', source(0n, value, key)).map((one) =>
      one.kind === 'event' ? one.outcome : one.kind === 'intent' ? `${one.op} ${one.member}` : 'nothing',
    );
  expect(ids(null)).toEqual(['nothing']);
  expect(ids({ add_members: ['a', 'b', 'a'], remove_members: ['b'] })).toEqual(['add a', 'remove b']);
  expect(ids({ genesys_group_id: 'g', added: ['a'], removed: ['b'], add_members: ['a', 'a'], more: 1 })).toEqual([
    'add a',
    'remove b',
  ]);
  expect(ids({ added: [], members: null, event_id: 5, occurred_at: 'yesterday' })).toEqual(['no_changes']);
  expect(ids('\ufeff{"group_id":"g","removed":[]}')).toEqual(['no_changes']);
  expect(wantedOf('t', source(0n, { removed: [] }, null), 1)).toMatchObject([{ outcome: 'no_changes' }]);
});

test.each<[string, object | string, string | null]>([
  ['no JSON', '{', 'g'],
  ['a list', '[]', 'g'],
  ['no group', '{}', 'g'],
  ['an empty group', { group_id: '' }, ''],
  ['groups that disagree', { genesys_group_id: 'h' }, 'g'],
  ['another key', { added: [] }, 'h'],
  ['no key', { added: [] }, null],
  ['no list', {}, 'g'],
  ['a null list', { add_members: null }, 'g'],
  ['dots', { added: ['..'] }, 'g'],
  ['an empty member', { add_members: [''] }, 'g'],
  ['a long member', { add_members: ['x'.repeat(257)] }, 'g'],
  ['a control character', { remove_members: ['\u0085'] }, 'g'],
  ['half a character', { remove_members: ['\ud800'] }, 'g'],
  ['lists that disagree', { add_members: ['a'], added: ['b'] }, 'g'],
  ['a full state', { members: [] }, 'g'],
])('calls %s invalid', (_, value, key) => {
  expect(wantedOf('t', source(0n, value, key))).toMatchObject([{ kind: 'event', id: 't/0/0', outcome: 'invalid' }]);
});
