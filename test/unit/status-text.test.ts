/** What `rollcall status` prints beside its sentence, where not all instances answer. */
import { describe, expect, test } from 'vitest';
import { statusText } from '../../src/console/status-text.ts';
import type { InstanceStatus } from '../../src/core/status/instance-status.ts';
import { overviewOf, type KafkaFacts, type Reply, type WaitingFacts } from '../../src/core/status/overview.ts';

const NOW = Date.parse('2026-11-30T03:00:00.000Z');

const answered = (more: Partial<InstanceStatus>): Reply => ({
  url: 'http://a',
  answer: {
    version: '1.0.0',
    now: NOW,
    member_id: 'a',
    ready: true,
    reasons: [],
    possible_losses: 0,
    partitions: [aPartition],
    in_flight: 0,
    intake_paused: false,
    budget: {
      allowed: null,
      used: null,
      left: null,
      resets_in_ms: null,
      assumed: false,
      per_minute: null,
      closed_for_ms: 0,
    },
    requests_ahead: 0,
    converges_in_ms: 0,
    breaker: null,
    affected: null,
    ...more,
  },
  problem: null,
});

const aPartition = {
  partition: 0,
  epoch: 1,
  phase: 'running',
  next_offset: '7',
  unread: 0,
  pending: 0,
  due: 0,
  tried: 0,
  parked: 0,
  held: 0,
  waiting: 0,
  next_wait_ends_at: null,
  dead: 0,
};

/** @param unfinished of each partition the records that are not finished, of 7; null: it has no leader */
const someKafka = (unfinished: readonly (number | null)[]): KafkaFacts => ({
  group: { state: 'Stable', members: [{ memberId: 'a', clientId: 'a', host: 'h', partitions: [0] }] },
  partitions: unfinished.map((each, partition) => ({
    partition,
    bounds: each === null ? null : { start: 0n, end: 7n },
    committed: each === null ? null : 7n - BigInt(each),
    rewound: null,
  })),
});

function linesOf(kafka: KafkaFacts, reply: Reply, waiting: ReadonlyMap<number, WaitingFacts> = new Map()) {
  const overview = overviewOf({ kafka, replies: [reply], waiting });
  return statusText({ overview, kafkaError: null }, { now: NOW, withAffected: true }).split('\n');
}

describe('unread', () => {
  const unreadIn = (unfinished: readonly (number | null)[], unread: number | undefined = 0) => {
    const { unread: _, ...unsure } = aPartition;
    const partitions = [unread === undefined ? unsure : { ...aPartition, unread }];
    const [line = ''] = linesOf(someKafka(unfinished), answered({ partitions })).filter((each) =>
      each.startsWith('unread '),
    );
    return line.slice(0, line.indexOf(', '));
  };

  test.each<[string, readonly (number | null)[], number, string]>([
    ['all partitions are answered for', [3], 2, 'unread 2'],
    ['one is not', [3, 5], 2, 'unread at most 7'],
    ['one is not, and has no leader', [3, null], 2, 'unread 2 and ?'],
    ['of one each', [3, 5, null], 2, 'unread at most 7 and ?'],
  ])('%s', (_, unfinished, unread, text) => {
    expect(unreadIn(unfinished, unread)).toBe(text);
  });
});

test('no instance answers: the total is no more certain than the rows', () => {
  const silent: Reply = { url: 'http://a', answer: null, problem: 'connect ECONNREFUSED' };
  const lines = linesOf(someKafka([5]), silent);
  expect(lines).toContain('unread at most 5, pending ?, given up ?');
  expect(linesOf(someKafka([null]), silent)).toContain('unread ?, pending ?, given up ?');
});

test('--affected: what is paused and not listed is said', () => {
  const group = { group: 'g', changes: 2, since: NOW, paused: true } as const;
  const partitions = [{ ...aPartition, pending: 5, paused: 5 }];
  const lines = linesOf(someKafka([0]), answered({ partitions, affected: { groups: [group], left_out: 0 } }));
  expect(lines).toContain('group g  2 changes  since 2026-11-30T03:00:00.000Z  paused');
  expect(lines).toContain('the groups of 3 changes that wait for a resume are not listed');
});

test('--affected: of which partitions the groups are not listed is said', () => {
  const affected = { groups: [], left_out: 0 };
  const listing = answered({ partitions: [aPartition], affected });
  const lines = linesOf(someKafka([0, 3, 4]), listing);
  expect(lines).toContain('the groups of partitions 1, 2 are not listed: no instance that owns them has listed them');
  expect(lines).toContain('the groups of 7 unread records are not known');
  expect(linesOf(someKafka([0, 3]), listing)).toContain(
    'the groups of partition 1 are not listed: no instance that owns it has listed them',
  );
  expect(linesOf(someKafka(Array.from({ length: 30 }, () => 1)), listing).join('\n')).toMatch(/ 19, 20 and 9 more are/);
  const none = /^the (affected groups are not known|groups of partition)/m;
  expect(linesOf(someKafka([0]), listing).join('\n')).not.toMatch(none);
  // no answer; one of an instance that owns nothing; one of an older version
  const silent: Reply = { url: 'http://a', answer: null, problem: 'refused' };
  for (const reply of [silent, answered({ partitions: [], affected }), answered({ partitions: [aPartition] })]) {
    const said = linesOf(someKafka([3]), reply);
    expect(said).toContain('the affected groups are not known: no instance that owns a partition has listed them');
  }
});

test('--affected: a group of several partitions stands in one line', () => {
  const of = (changes: number, since: number) => ({ group: 'g', changes, since });
  const paused = { paused: true } as const;
  const groups = [{ ...of(1, NOW), ...paused }, { ...of(2, NOW - 60_000), ...paused }, of(4, NOW)];
  const lines = linesOf(someKafka([0]), answered({ affected: { groups, left_out: 0 } }));
  expect(lines.filter((each) => each.startsWith('group g'))).toEqual([
    'group g  3 changes  since 2026-11-30T02:59:00.000Z  paused',
    'group g  4 changes  since 2026-11-30T03:00:00.000Z',
  ]);
});

test('without --affected nothing is said of groups', () => {
  const group = { group: 'g', changes: 2, since: NOW, paused: true } as const;
  for (const affected of [null, { groups: [group], left_out: 3 }]) {
    const overview = overviewOf({ kafka: someKafka([0, 3]), replies: [answered({ affected })], waiting: new Map() });
    expect(statusText({ overview, kafkaError: null }, { now: NOW, withAffected: false })).not.toMatch(
      /^(the |group |\d+ more group)/m,
    );
  }
});

test('the ages in the table are of changes, not of how long they are held', () => {
  const [, , head = '', row = ''] = linesOf(
    someKafka([0]),
    answered({ partitions: [{ ...aPartition, held: 1, oldest_held_at: NOW - 60_000 }] }),
  );
  expect(head).toMatch(/^partition .* oldest +oldest held +oldest waiting +instance$/);
  expect(row).toContain('1 min');
});
