import { expect, test } from 'vitest';
import {
  NO_MARK,
  compareHistory,
  decodeCommit,
  decodeRelayCommit,
  encodeCommit,
  encodeRelayCommit,
  type CommitMetadata,
} from '../../src/core/log/commit-metadata.ts';
import { ID_LENGTH_MAX } from '../../src/core/change/change.ts';
import { METADATA_LENGTH_MAX } from '../../src/core/log/ledger.ts';
import { REASON_LENGTH_MAX } from '../../src/core/log/wire-intent.ts';

const mark = {
  topicId: 'AbC-_def0123456789wxyz',
  last: { offset: 41n, timestamp: 1_790_000_000_000, leaderEpoch: 7 },
  retryTopicId: 'r-1',
  retryEpoch: 9,
};
const ranges = [
  { from: 43n, to: 44n },
  { from: 50n, to: 90n },
];

test('metadata say what they are made of', () => {
  expect(encodeCommit(42n, { ranges, mark })).toBe(
    'rollcall2;topic=AbC-_def0123456789wxyz;last=41:1790000000000:7;retry=r-1;epoch=9;at=42;rollcall1:1.1,6.14',
  );
  expect(encodeCommit(42n, { ranges: [], mark: NO_MARK })).toBe('rollcall2');
  expect(
    encodeCommit(0n, { ranges: [], mark: { topicId: 'a', last: null, retryTopicId: 'b', retryEpoch: null } }),
  ).toBe('');
});

test.each<[string, CommitMetadata]>([
  ['everything', { ranges, mark }],
  ['no ranges', { ranges: [], mark }],
  ['no topic id', { ranges, mark: { topicId: null, last: mark.last, retryTopicId: null, retryEpoch: null } }],
  ['no record yet', { ranges: [], mark: { topicId: 'a', last: null, retryTopicId: 'b', retryEpoch: null } }],
  [
    'no leader epoch',
    { ranges, mark: { topicId: null, last: { offset: 0n, timestamp: -1 }, retryTopicId: null, retryEpoch: null } },
  ],
  ['nothing', { ranges: [], mark: NO_MARK }],
  [
    'a rewind',
    {
      ranges,
      mark: { ...mark, rewound: { author: 'jane;at=1', reason: 'INC-7; = ä', at: 1_790_000_000_000, from: 42n } },
    },
  ],
  ['a rewind alone', { ranges: [], mark: { ...NO_MARK, rewound: { author: 'jane', reason: null, at: 0, from: 99n } } }],
])('metadata are read as they were written: %s', (_, metadata) => {
  expect(decodeCommit(42n, encodeCommit(42n, metadata))).toEqual(metadata);
});

test('ranges that do not fit beside the mark are left out', () => {
  const many = Array.from({ length: 2_000 }, (_, i) => ({ from: BigInt(43 + 2 * i), to: BigInt(44 + 2 * i) }));
  const text = encodeCommit(42n, { ranges: many, mark });
  expect(text.length).toBeLessThanOrEqual(METADATA_LENGTH_MAX);
  expect(text.length).toBeGreaterThan(METADATA_LENGTH_MAX - 8);
  const decoded = decodeCommit(42n, text);
  expect(decoded.mark).toEqual(mark);
  expect(decoded.ranges).toEqual(many.slice(0, decoded.ranges.length));
});

test('a rewind by the longest name, for the longest reason, leaves room for ranges', () => {
  const rewound = {
    author: '漢'.repeat(ID_LENGTH_MAX),
    reason: '字'.repeat(REASON_LENGTH_MAX),
    at: 1_790_000_000_000,
    from: 9_000_000_000_000_000_000n,
  };
  const many = Array.from({ length: 2_000 }, (_, i) => ({ from: BigInt(43 + 2 * i), to: BigInt(44 + 2 * i) }));
  const text = encodeCommit(42n, { ranges: many, mark: { ...mark, rewound } });
  expect(text.length).toBeLessThanOrEqual(METADATA_LENGTH_MAX);
  const decoded = decodeCommit(42n, text);
  expect(decoded.mark.rewound).toEqual(rewound);
  expect(decoded.ranges.length).toBeGreaterThan(400);
});

test('a rewind to the beginning of what a tool had committed is remembered, too', () => {
  const rewound = { author: 'jane', reason: null, at: 1, from: 7n };
  const text = encodeCommit(0n, { ranges: [], mark: { ...NO_MARK, rewound } });
  expect(decodeCommit(0n, text).mark.rewound).toEqual(rewound);
});

test.each(['', '!', 'e30', Buffer.from('{"author":"a\\nb","reason":null,"at":1,"from":"7"}').toString('base64url')])(
  'a rewind that cannot be read is none: %s',
  (text) => expect(decodeCommit(42n, `rollcall2;rewound=${text}`).mark).toEqual(NO_MARK),
);

test('a rewind is forgotten once more is committed than before it', () => {
  const rewound = { author: 'jane', reason: null, at: 1, from: 50n };
  const keptAt = (committed: bigint) =>
    decodeCommit(committed, encodeCommit(committed, { ranges: [], mark: { ...mark, rewound } })).mark;
  expect([keptAt(42n).rewound, keptAt(50n).rewound]).toEqual([rewound, rewound]);
  expect(keptAt(51n)).toEqual(mark);
});

test('a rewind outlives a comparison with the topic, unless the topic ends before it', () => {
  const rewound = { author: 'jane', reason: null, at: 1, from: 50n };
  const keptWith = (end: bigint) => {
    const view = { topicId: mark.topicId, retryTopicId: null, start: 0n, end, first: null };
    return compareHistory({ ...mark, rewound }, view).mark.rewound;
  };
  expect([keptWith(50n), keptWith(49n)]).toEqual([rewound, undefined]);
});

test('ranges of a former version are read, without a mark', () => {
  expect(decodeCommit(42n, 'rollcall1:1.1,6.14')).toEqual({ ranges, mark: NO_MARK });
});

/** How version 1.x reads metadata of a commit, as it was released; it must never change. */
function decodedByFormerVersion(metadata: string): readonly string[] {
  const pairs = metadata.startsWith('rollcall1:') ? metadata.slice('rollcall1:'.length).split(',') : [];
  return pairs.every((pair) => /^([0-9a-z]{1,13})\.([0-9a-z]{1,13})$/.test(pair)) ? pairs : [];
}

test.each([
  'rollcall2',
  'rollcall2;topic=AbC-_def0123456789wxyz;last=41:1790000000000:7',
  'rollcall2;topic=AbC-_def0123456789wxyz;last=41:1790000000000:7;retry=r-1;epoch=9;at=42;rollcall1:1.1,6.14',
])('a former version knows nothing from %s, and reads those offsets again', (metadata) => {
  expect(decodedByFormerVersion(metadata)).toEqual([]);
  expect(encodeCommit(42n, decodeCommit(42n, metadata))).toBe(metadata);
});

test.each([
  ['a later version’s field', `${encodeCommit(42n, { ranges, mark })};later=1.2,x`, { ranges, mark }],
  ['a mark that cannot be read', 'rollcall2;topic=ä;last=4;rollcall1:1.1,6.14', { ranges, mark: NO_MARK }],
  ['another program', 'note=1;topic=abc;last=1:2:3', { ranges: [], mark: NO_MARK }],
])('metadata of %s', (_, metadata, expected) => {
  expect(decodeCommit(42n, metadata)).toEqual(expected);
});

test('a relay remembers the newest timestamp and the last record, and reads what a former version wrote', () => {
  const metadata = { newest: 1_790_000_000_123, mark: { ...mark, retryTopicId: null, retryEpoch: null } };
  expect(encodeRelayCommit(metadata)).toBe(
    'rollcall2;newest=1790000000123;topic=AbC-_def0123456789wxyz;last=41:1790000000000:7',
  );
  expect(decodeRelayCommit(encodeRelayCommit(metadata))).toEqual(metadata);
  expect(decodeRelayCommit('1790000000123')).toEqual({ newest: 1_790_000_000_123, mark: NO_MARK });
  for (const other of ['', 'x', '0', '-5']) expect(decodeRelayCommit(other)).toEqual({ newest: null, mark: NO_MARK });
  // A former version takes only a positive number, and looks back no further without one.
  expect(Number(encodeRelayCommit(metadata)) > 0).toBe(false);
});

test('ranges of another committed offset say nothing; the mark does', () => {
  const text = encodeCommit(42n, { ranges, mark });
  for (const moved of [0n, 41n, 43n, 90n]) expect(decodeCommit(moved, text)).toEqual({ ranges: [], mark });
});
