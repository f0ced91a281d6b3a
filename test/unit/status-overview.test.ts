/** What `rollcall status` puts together, and the sentence that it ends with. Instants in epoch ms; `NOW` is the command's clock. */
import { describe, expect, test } from 'vitest';
import type { InstanceStatus } from '../../src/core/status/instance-status.ts';
import { overviewOf, type KafkaFacts, type Reply, type WaitingFacts } from '../../src/core/status/overview.ts';
import { behindOf, isInStep, statusSentence } from '../../src/core/status/sentence.ts';

const NOW = Date.parse('2026-11-30T03:00:00Z');
const at = (text: string): number => Date.parse(`2026-11-30T${text}Z`);

type Part = Partial<InstanceStatus['partitions'][number]>;

const aPartition = (partition: number, more: Part = {}): InstanceStatus['partitions'][number] => ({
  partition,
  epoch: 1,
  phase: 'running',
  next_offset: '7',
  unread: 0,
  oldest_unapplied_at: null,
  oldest_held_at: null,
  oldest_waiting_at: null,
  ...more,
});

const someStatus = (more: Partial<InstanceStatus> = {}): InstanceStatus => ({
  version: '1.0.0',
  now: NOW,
  ready: true,
  reasons: [],
  partitions: [aPartition(0)],
  pending: 0,
  parked: 0,
  held: 0,
  dead: 0,
  waiting: 0,
  next_wait_ends_at: null,
  in_flight: 0,
  intake_paused: false,
  budget: { allowed: 300, used: 0, left: 300, resets_in_ms: 60_000, closed_for_ms: 0 },
  requests_ahead: 0,
  converges_in_ms: 0,
  breaker: null,
  affected: null,
  ...more,
});

const answered = (url: string, more: Partial<InstanceStatus> = {}): Reply => ({
  url,
  answer: someStatus(more),
  problem: null,
});
const silent = (url: string): Reply => ({ url, answer: null, problem: 'connect ECONNREFUSED' });

const someKafka = (
  unfinished: readonly (number | null)[],
  members: KafkaFacts['group']['members'] = [],
): KafkaFacts => ({
  group: { state: 'Stable', members },
  partitions: unfinished.map((each, partition) => ({ partition, unfinished: each })),
});

interface Given {
  readonly kafka?: KafkaFacts | null;
  readonly replies?: readonly Reply[];
  readonly waiting?: ReadonlyMap<number, WaitingFacts>;
}

const given = ({ kafka = someKafka([0]), replies = [answered('http://a')], waiting = new Map() }: Given) =>
  overviewOf({ kafka, replies, waiting });
const sentenceOf = (facts: Given): string => statusSentence(given(facts), NOW);

test('in step: all is read, and nothing waits', () => {
  expect(sentenceOf({})).toBe('In step: all that can be applied is.');
  expect(isInStep(given({}))).toBe(true);
});

test('behind: by what is not read, too, with the age of the oldest, and when it ends', () => {
  const partitions = [aPartition(0, { unread: 40, oldest_unapplied_at: at('02:58:20') })];
  const reply = answered('http://a', { partitions, pending: 5, requests_ahead: 12, converges_in_ms: 95_000 });
  expect(sentenceOf({ replies: [reply] })).toBe(
    'Behind by 45 changes, the oldest for 1 min 40 s; in step in about 1 min 35 s, with 12 requests.',
  );
  expect(isInStep(given({ replies: [reply] }))).toBe(false);
});

test('what is held, waits, or was given up keeps nothing from being in step, and is said besides', () => {
  const partitions = [aPartition(0, { oldest_held_at: at('01:00:00'), oldest_waiting_at: at('02:00:00') })];
  const counts = { pending: 4, parked: 4, held: 3, waiting: 1, dead: 2, next_wait_ends_at: at('03:30:00') };
  expect(sentenceOf({ replies: [answered('http://a', { partitions, ...counts })] })).toBe(
    'In step: all that can be applied is. 3 removals held for an operator, the oldest since 2026-11-30T01:00:00.000Z. ' +
      '1 change waiting for what is missing at Genesys Cloud, the next try at 2026-11-30T03:30:00.000Z. ' +
      '2 changes given up, to be replayed.',
  );
});

test('an open breaker: since when, why, what closes it, and what to do', () => {
  const breaker = {
    reason: 'auth',
    since: at('02:00:00'),
    problem: 'invalid_client.',
    advice: 'Check GENESYS_CLIENT_ID.',
    closed_by: 'a probe',
    probes: 9,
    next_probe_at: at('03:00:12'),
  };
  const reply = answered('http://a', { breaker, converges_in_ms: null, pending: 2 });
  expect(sentenceOf({ replies: [reply] })).toBe(
    'Nothing is sent since 2026-11-30T02:00:00.000Z: the breaker is open (auth: invalid_client). It closes by a probe; ' +
      '9 probes so far, the next at 2026-11-30T03:00:12.000Z. Check GENESYS_CLIENT_ID. Behind by 2 changes.',
  );
});

describe('several instances', () => {
  test('the one that takes longest says when all are in step; the figures are added', () => {
    const a = answered('http://a', { pending: 2, requests_ahead: 3, converges_in_ms: 7_000, in_flight: 1 });
    const partitions = [aPartition(1, { unread: 10 })];
    const b = answered('http://b', { partitions, pending: 4, requests_ahead: 5, converges_in_ms: 3_000, in_flight: 2 });
    const overview = given({ kafka: someKafka([2, 14]), replies: [a, b] });
    expect(overview).toMatchObject({ convergesInMs: 7_000, requestsAhead: 8 });
    expect(overview.totals).toMatchObject({ pending: 6, unread: 10, inFlight: 3 });
    expect(behindOf(overview)).toBe(16);
  });

  test('of two that name one partition the one with the higher epoch owns it', () => {
    const stale = answered('http://old', { partitions: [aPartition(0, { epoch: 3, unread: 99 })] });
    const owner = answered('http://new', { partitions: [aPartition(0, { epoch: 4, unread: 1 })] });
    for (const replies of [
      [stale, owner],
      [owner, stale],
    ])
      expect(given({ replies }).rows).toMatchObject([{ partition: 0, url: 'http://new', unread: 1 }]);
  });

  test('one that was not asked is named with its partitions, and the end is not known', () => {
    const members = [
      { clientId: 'rollcall', host: '10.0.0.1', partitions: [0] },
      { clientId: 'rollcall', host: '10.0.0.2', partitions: [1, 2] },
    ];
    const overview = given({ kafka: someKafka([0, 8, 5], members) });
    expect(overview.silent).toEqual([members[1]]);
    expect(overview.convergesInMs).toBeNull();
    expect(statusSentence(overview, NOW)).toBe(
      'How far behind is not known of partitions 1, 2: no instance has answered for it; 13 records are not finished there.',
    );
  });
});

describe('none has answered', () => {
  const waiting = new Map([
    [0, { parked: 6, held: 2, dead: 1, waiting: 1, oldest: { unapplied: at('02:50:00'), held: null, waiting: null } }],
  ]);

  test('what Kafka says is said: records that are not finished, and what waits', () => {
    const overview = given({ kafka: someKafka([300]), replies: [silent('http://a')], waiting });
    expect(overview.totals).toMatchObject({ pending: 6, parked: 6, held: 2, waiting: 1, dead: 1 });
    expect(statusSentence(overview, NOW)).toBe(
      'How far behind is not known of partition 0: no instance runs; 300 records are not finished there. ' +
        'Behind by 3 changes, the oldest for 10 min. 2 removals held for an operator. ' +
        '1 change waiting for what is missing at Genesys Cloud. 1 change given up, to be replayed.',
    );
  });

  test('nothing is taken for certain where a partition has no leader', () => {
    expect(sentenceOf({ kafka: someKafka([null, 4]), replies: [] })).toContain(
      'how many records are not finished there is not known',
    );
  });

  test('neither Kafka nor an instance', () => {
    const overview = given({ kafka: null, replies: [silent('http://a')] });
    expect(isInStep(overview)).toBe(false);
    expect(statusSentence(overview, NOW)).toBe('How far behind is not known: neither Kafka nor an instance says so.');
  });
});

test.each<[string, Part, string]>([
  ['restores', { phase: 'restoring' }, 'Partition 0 is restoring.'],
  ['catches up', { phase: 'catching_up' }, 'Partition 0 is catching up.'],
  [
    'is refused',
    { phase: 'refused', refusal: 'The topic is another one.' },
    'Partition 0 is refused: The topic is another one.',
  ],
])('a partition that %s is not in step', (_, part, sentence) => {
  const { unread: _unread, ...partition } = aPartition(0, part);
  const replies = [answered('http://a', { partitions: [partition], converges_in_ms: null })];
  expect(sentenceOf({ replies })).toBe(sentence);
  expect(isInStep(given({ replies }))).toBe(false);
});

describe('paused', () => {
  const by = { author: 'jane', reason: 'INC-7.', since: at('02:00:00') };
  const none = { partitions: [], groups: [], group_count: 0, changes: 0 };

  test('the sentence begins with it, and what is paused is not behind', () => {
    const paused = { ...none, partitions: [{ partition: 0, ...by }], changes: 40 };
    const overview = given({ replies: [answered('http://a', { paused, pending: 41, held: 1 })] });
    expect(statusSentence(overview, NOW)).toBe(
      'Nothing is sent since 2026-11-30T02:00:00.000Z: paused by jane (INC-7). `rollcall resume --author …` goes on. ' +
        'All else that can be applied is. 40 changes waiting for a resume. 1 removal held for an operator.',
    );
    expect([behindOf(overview), isInStep(overview)]).toEqual([0, true]);
  });

  test('of some partitions it says which, and of one pause the first time', () => {
    const partitions = [0, 1, 2].map((partition) => aPartition(partition));
    const pauses = [2, 1].map((partition) => ({ partition, ...by, since: at(`02:00:0${partition}`) }));
    const reply = answered('http://a', { partitions, paused: { ...none, partitions: pauses }, pending: 3 });
    expect(sentenceOf({ kafka: someKafka([0, 0, 0]), replies: [reply] })).toMatch(
      /^Nothing is sent of partitions 1, 2 since 2026-11-30T02:00:01.000Z: paused by jane \(INC-7\)\. .* Behind by 3 changes/,
    );
  });

  test('groups are named, each once, and of very many the first', () => {
    const groups = [9, 8, 7, 6, 5, 4, 3].map((i) => ({ group: `g${i}`, ...by, since: at(`02:00:0${i}`) }));
    const replies = ['http://a', 'http://b'].map((url) => answered(url, { paused: { ...none, groups } }));
    const sentence = sentenceOf({ replies });
    expect(sentence).toContain('Group g3 is paused since 2026-11-30T02:00:03.000Z by jane (INC-7). Group g4 is paused');
    expect(sentence).toContain('by jane (INC-7). 2 other groups paused. All else that can be applied is.');
  });

  test('of a partition that has another owner by now, what its former owner says does not count', () => {
    const former = answered('http://a', { paused: { ...none, partitions: [{ partition: 0, ...by }] } });
    const owner = answered('http://b', { partitions: [aPartition(0, { epoch: 2 })], paused: none });
    expect(sentenceOf({ replies: [former, owner] })).toBe('In step: all that can be applied is.');
  });

  test('an older version does not say, and is taken for one that has paused nothing', () => {
    expect(given({}).totals.paused).toBe(0);
  });
});
