/** What `rollcall status` puts together, and the sentence that it ends with. Instants in epoch ms; `NOW` is the command's clock. */
import { describe, expect, test } from 'vitest';
import { statusJson } from '../../src/console/status-text.ts';
import type { PausesOf } from '../../src/core/log/pause-record.ts';
import type { InstanceStatus } from '../../src/core/status/instance-status.ts';
import {
  overviewOf,
  waitingFacts,
  type KafkaFacts,
  type MemberFacts,
  type Overview,
  type Reply,
  type WaitingFacts,
} from '../../src/core/status/overview.ts';
import { isInStep, statusSentence } from '../../src/core/status/sentence.ts';
import { anIntent } from '../support/an-intent.ts';

const NOW = Date.parse('2026-11-30T03:00:00Z');
const at = (text: string): number => Date.parse(`2026-11-30T${text}Z`);

type Partition = InstanceStatus['partitions'][number];

/** At rest at offset 7, its end. */
const aPartition = (partition: number, more: Partial<Partition> = {}): Partition => ({
  partition,
  epoch: 1,
  phase: 'running',
  next_offset: '7',
  unread: 0,
  oldest_unapplied_at: null,
  oldest_held_at: null,
  oldest_waiting_at: null,
  pending: 0,
  due: 0,
  tried: 0,
  parked: 0,
  held: 0,
  waiting: 0,
  next_wait_ends_at: null,
  dead: 0,
  ...more,
});

/** A member of the consumer group has its name for its id. */
const answered = (name: string, more: Partial<InstanceStatus> = {}): Reply => ({
  url: `http://${name}`,
  answer: {
    version: '1.0.0',
    now: NOW,
    member_id: name,
    ready: true,
    reasons: [],
    possible_losses: 0,
    partitions: [aPartition(0)],
    in_flight: 0,
    intake_paused: false,
    budget: {
      allowed: 300,
      used: 0,
      left: 300,
      resets_in_ms: 60_000,
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
const silent = (name: string): Reply => ({ url: `http://${name}`, answer: null, problem: 'connect ECONNREFUSED' });

const aMember = (memberId: string, partitions: readonly number[]): MemberFacts => ({
  memberId,
  clientId: 'rollcall',
  host: '10.0.0.1',
  partitions,
});

interface Kafka {
  /** Of each partition the records that are not finished, of 7; null: it has no leader. */
  readonly unfinished?: readonly (number | null)[];
  readonly members?: readonly MemberFacts[];
  readonly state?: string;
}

const someKafka = ({ unfinished = [0], members = [aMember('a', [0])], state = 'Stable' }: Kafka = {}): KafkaFacts => ({
  group: { state, members },
  partitions: unfinished.map((each, partition) => ({
    partition,
    bounds: each === null ? null : { start: 0n, end: 7n },
    committed: each === null ? null : 7n - BigInt(each),
    rewound: null,
  })),
});

interface Given {
  readonly kafka?: KafkaFacts | null;
  readonly replies?: readonly Reply[];
  readonly waiting?: ReadonlyMap<number, WaitingFacts>;
}

const given = ({ kafka = someKafka(), replies = [answered('a')], waiting = new Map() }: Given): Overview =>
  overviewOf({ kafka, replies, waiting });
const sentenceOf = (facts: Given): string => statusSentence(given(facts), NOW);
const IN_STEP = 'In step: all that can be applied is.';

test('in step: all is read, and nothing waits', () => {
  expect(sentenceOf({})).toBe(IN_STEP);
  expect(isInStep(given({}))).toBe(true);
});

test('behind: by what is not read, too, with the age of the oldest, and when it ends', () => {
  const partitions = [aPartition(0, { unread: 40, pending: 5, due: 5, oldest_unapplied_at: at('02:58:20') })];
  const reply = answered('a', { partitions, requests_ahead: 12, converges_in_ms: 95_000 });
  expect(sentenceOf({ replies: [reply] })).toBe(
    'Behind by 5 changes and 40 source records, the oldest for 1 min 40 s; in step in about 1 min 35 s, with 12 requests.',
  );
  expect(isInStep(given({ replies: [reply] }))).toBe(false);
});

test('behind: the end depends on the next try of what has failed before', () => {
  const partitions = [aPartition(0, { pending: 3, due: 3, tried: 2 })];
  const reply = answered('a', { partitions, requests_ahead: 2, converges_in_ms: 20_000 });
  expect(sentenceOf({ replies: [reply] })).toBe(
    'Behind by 3 changes; in step in about 20 s, with 2 requests, if the next try of 2 of them succeeds.',
  );
});

test('what is held, waits, or was given up keeps nothing from being in step, and is said besides', () => {
  const ages = { oldest_held_at: at('01:00:00'), oldest_waiting_at: at('02:00:00') };
  const counts = { pending: 4, parked: 4, held: 3, waiting: 1, dead: 2, next_wait_ends_at: at('03:30:00') };
  const reply = answered('a', { partitions: [aPartition(0, { ...ages, ...counts })], possible_losses: 1 });
  expect(sentenceOf({ replies: [reply] })).toBe(
    `${IN_STEP} Held for an operator: 3 removals, of changes up to 2 h old. ` +
      'Missing or not permitted at Genesys Cloud: 1 change, the next try at 2026-11-30T03:30:00.000Z. ' +
      'Given up, to be replayed: 2 changes. Possible losses since the start: 1; the log says which records were gone.',
  );
});

describe('an open breaker', () => {
  const breaker = {
    reason: 'auth',
    since: at('02:00:00'),
    problem: 'invalid_client.',
    advice: 'Check GENESYS_CLIENT_ID.',
    closed_by: 'a probe',
    next_probe_at: at('03:00:12'),
  };
  const partitions = [aPartition(0, { pending: 2, due: 2 })];
  const reply = answered('a', { breaker, converges_in_ms: null, partitions });

  test('since when, why, what closes it, and what to do', () => {
    expect(sentenceOf({ replies: [reply] })).toBe(
      'Nothing is sent since 2026-11-30T02:00:00.000Z: the breaker is open (auth: invalid_client). It closes by a probe; ' +
        'the next goes at 2026-11-30T03:00:12.000Z. Check GENESYS_CLIENT_ID. Behind by 2 changes.',
    );
  });

  test('of one of two instances: the other may send, also if it was not asked', () => {
    const members = [aMember('a', [0]), aMember('b', [1])];
    expect(sentenceOf({ kafka: someKafka({ unfinished: [0, 0], members }), replies: [reply] })).toContain(
      'Nothing is sent by http://a since',
    );
  });
});

describe('several instances', () => {
  const members = [aMember('a', [0]), aMember('b', [1, 2])];

  test('the one that takes longest says when all are in step; the figures are added', () => {
    const a = answered('a', {
      partitions: [aPartition(0, { pending: 2, due: 2 })],
      requests_ahead: 3,
      converges_in_ms: 7_000,
      in_flight: 1,
    });
    const b = answered('b', {
      partitions: [aPartition(1, { unread: 10, pending: 4, due: 3 }), aPartition(2)],
      requests_ahead: 5,
      converges_in_ms: 3_000,
      in_flight: 2,
    });
    const overview = given({ kafka: someKafka({ unfinished: [2, 4, 0], members }), replies: [a, b] });
    expect(overview).toMatchObject({ convergesInMs: 7_000, requestsAhead: 8 });
    expect(overview.totals).toMatchObject({ pending: 6, due: 5, unread: 10, in_flight: 3 });
  });

  test('a former owner, and the same instance under two names, count for nothing', () => {
    const former = answered('old', {
      partitions: [aPartition(0, { epoch: 3, pending: 5_000, due: 5_000 })],
      converges_in_ms: 60_000,
    });
    const owner = answered('a', { partitions: [aPartition(0, { epoch: 4 })] });
    for (const replies of [
      [former, owner],
      [owner, former],
      [owner, { ...owner, url: 'http://localhost' }],
    ]) {
      expect(given({ replies }).rows).toMatchObject([{ partition: 0, unread: 0 }]);
      expect(sentenceOf({ replies })).toBe(IN_STEP);
    }
  });

  test('a former owner that is asked alone is not believed', () => {
    const overview = given({ kafka: someKafka({ members: [aMember('b', [0])] }), replies: [answered('a')] });
    expect(overview.rows).toMatchObject([{ partition: 0, url: null, unread: null }]);
    expect(overview.unanswered).toEqual([aMember('b', [0])]);
    expect(isInStep(overview)).toBe(false);
  });

  test('while the group is joined, its coordinator does not say who has what', () => {
    const kafka = someKafka({ members: [aMember('a', [])], state: 'PreparingRebalance' });
    expect(given({ kafka }).rows).toMatchObject([{ url: 'http://a' }]);
    expect(sentenceOf({ kafka, replies: [answered('a', { partitions: [] })] })).toBe(
      'How far behind is not known of partition 0: the consumer group is being joined (PreparingRebalance), ask again.',
    );
  });

  test('of one that has not answered its partitions are not known, and so is the end', () => {
    const overview = given({ kafka: someKafka({ unfinished: [0, 5, 4], members }) });
    expect(overview.unanswered).toEqual([members[1]]);
    expect(overview.convergesInMs).toBeNull();
    expect(statusSentence(overview, NOW)).toBe(
      'How far behind is not known of partition 1, 2: no instance has answered for it. Behind by at most 9 source records.',
    );
  });
});

describe('what Kafka knows better than an instance', () => {
  test('its end: what an instance knows of it may be old', () => {
    const reply = answered('a', { partitions: [aPartition(0, { next_offset: '4' })] });
    expect(given({ replies: [reply] }).rows).toMatchObject([{ unread: 3 }]);
    expect(isInStep(given({ replies: [reply] }))).toBe(false);
  });

  test.each<[string, KafkaFacts['partitions'][number], string]>([
    [
      'no leader',
      { partition: 0, bounds: null, committed: null, rewound: null },
      'Of the source partition 0 has no leader: start a broker that holds it.',
    ],
    [
      'records that are gone',
      { partition: 0, bounds: { start: 5n, end: 7n }, committed: 2n, rewound: null },
      'Of the source partition 0 has lost records that were not finished: it begins at 5, and 2 is committed.',
    ],
    [
      'another topic',
      { partition: 0, bounds: { start: 0n, end: 3n }, committed: 9n, rewound: null },
      'Of the source partition 0 is another one than was read: it ends at 3, and 9 is committed.',
    ],
  ])('%s', (_, facts, sentence) => {
    const kafka = { ...someKafka(), partitions: [facts] };
    expect(sentenceOf({ kafka })).toContain(sentence);
    expect(isInStep(given({ kafka }))).toBe(false);
  });
});

describe('not known', () => {
  const oldest = { unapplied: at('02:50:00'), held: null, waiting: null };
  const pauses = { all: null, groups: [] };
  const waiting = new Map([[0, { due: 3, held: 2, waiting: 1, paused: 0, dead: 1, oldest, pauses }]]);

  test('no instance: what Kafka says is said', () => {
    const kafka = someKafka({ unfinished: [6], members: [], state: 'Empty' });
    const overview = given({ kafka, replies: [silent('a')], waiting });
    expect(overview.totals).toMatchObject({ pending: 6, parked: 6, held: 2, waiting: 1, dead: 1, unread: 6 });
    expect(statusSentence(overview, NOW)).toBe(
      'How far behind is not known of partition 0: no instance runs. ' +
        'Behind by at most 3 changes and 6 source records, the oldest for 10 min. Held for an operator: 2 removals. ' +
        'Missing or not permitted at Genesys Cloud: 1 change. Given up, to be replayed: 1 change.',
    );
  });

  test('no Kafka: other partitions, and what is new in these', () => {
    const overview = given({ kafka: null, replies: [answered('a'), silent('b')] });
    expect(isInStep(overview)).toBe(false);
    expect(overview.convergesInMs).toBeNull();
    expect(statusSentence(overview, NOW)).toBe(
      'Kafka could not be asked: whether there are other partitions, and what is new in these, is not known.',
    );
  });

  test('an instance that is not ready says why, and names no time', () => {
    const reasons = ['the topic retry cannot be written to since 02:00.', 'partition 0 is refused: another topic'];
    const overview = given({ replies: [answered('a', { ready: false, reasons })] });
    expect(isInStep(overview)).toBe(false);
    expect(overview.convergesInMs).toBeNull();
    expect(statusSentence(overview, NOW)).toBe(
      'Not ready: the topic retry cannot be written to since 02:00; partition 0 is refused: another topic.',
    );
  });

  test('a partition that is caught up with, or whose end is not known', () => {
    const catchingUp = answered('a', { partitions: [aPartition(0, { phase: 'catching_up', unread: 3 })] });
    expect(sentenceOf({ replies: [catchingUp] })).toContain('Still to be caught up with: partition 0.');
    const { unread: _unread, oldest_unapplied_at: _at, ...unsure } = aPartition(0);
    const overview = given({ replies: [answered('a', { partitions: [unsure], converges_in_ms: null })] });
    expect(overview.rows[0]).toMatchObject({ unread: null, ages: { held: null, waiting: null } });
    expect(overview.rows[0]?.ages).not.toHaveProperty('unapplied');
    expect(statusSentence(overview, NOW)).toBe('How far behind is not known yet: ask again.');
  });

  test('of many partitions a few are named', () => {
    const kafka = someKafka({ unfinished: Array.from({ length: 400 }, () => 0), members: [], state: 'Empty' });
    expect(sentenceOf({ kafka, replies: [] })).toBe(
      'How far behind is not known of partition 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 390 more: no instance runs.',
    );
  });
});

describe('paused', () => {
  const by = { author: 'jane', reason: 'INC-7.', since: at('02:00:00') };
  const none = { partitions: [], groups: [], group_count: 0 };
  const GROUP_REMEDY = '`rollcall resume --group … --author …` goes on with a group.';

  test('the sentence begins with it, and what is paused is not behind', () => {
    const paused = { ...none, partitions: [{ partition: 0, ...by }] };
    const partitions = [aPartition(0, { pending: 41, held: 1, paused: 40 })];
    const overview = given({ replies: [answered('a', { paused, partitions })] });
    expect(statusSentence(overview, NOW)).toBe(
      'Nothing is sent since 2026-11-30T02:00:00.000Z: paused by jane (INC-7). `rollcall resume --author …` goes on. ' +
        'All else that can be applied is. Waiting for a resume: 40 changes. Held for an operator: 1 removal.',
    );
    expect(isInStep(overview)).toBe(false);
    expect(statusJson({ overview, kafkaError: null }, NOW)).toMatchObject({ in_step: false, converges_in_ms: null });
  });

  test('a group that is paused is not in step either, and the time that is named is that of all else', () => {
    const paused = { ...none, groups: [{ group: 'g', ...by }], group_count: 1 };
    const partitions = [aPartition(0, { pending: 3, due: 2, paused: 1 })];
    const overview = given({ replies: [answered('a', { paused, partitions, converges_in_ms: 5_000 })] });
    expect(statusSentence(overview, NOW)).toContain('Behind by 2 changes; all else in step in about 5 s');
    const atRest = given({ replies: [answered('a', { paused })] });
    for (const each of [overview, atRest])
      expect(statusJson({ overview: each, kafkaError: null }, NOW)).toMatchObject({
        in_step: false,
        converges_in_ms: null,
      });
  });

  test('an open breaker sends no probe before the resume', () => {
    const breaker = {
      reason: 'target',
      since: at('02:00:00'),
      problem: 'it answers 500.',
      advice: 'Look at its status page.',
      closed_by: 'a probe',
      next_probe_at: at('03:00:12'),
    };
    const paused = { ...none, partitions: [{ partition: 0, ...by }] };
    expect(sentenceOf({ replies: [answered('a', { breaker, paused })] })).toContain(
      'It closes by a probe; none goes before a resume. Look at its status page.',
    );
    // where a part of it is paused, the others are asked for
    const partitions = [aPartition(0), aPartition(1)];
    const kafka = someKafka({ unfinished: [0, 0], members: [aMember('a', [0, 1])] });
    expect(sentenceOf({ kafka, replies: [answered('a', { breaker, paused, partitions })] })).toContain(
      'the next goes at 2026-11-30T03:00:12.000Z',
    );
  });

  test('of some partitions it says which, and of one pause the first time', () => {
    const partitions = [0, 1, 2].map((partition) => aPartition(partition, { pending: 1, due: 1 }));
    const pauses = [2, 1].map((partition) => ({ partition, ...by, since: at(`02:00:0${partition}`) }));
    const reply = answered('a', { partitions, paused: { ...none, partitions: pauses } });
    const kafka = someKafka({ unfinished: [0, 0, 0], members: [aMember('a', [0, 1, 2])] });
    expect(sentenceOf({ kafka, replies: [reply] })).toMatch(
      /^Nothing is sent of partition 1, 2 since 2026-11-30T02:00:01.000Z: paused by jane \(INC-7\)\. .* Behind by 3 changes/,
    );
  });

  test('groups are named, each once, and of very many the first', () => {
    const groups = [9, 8, 7, 6, 5, 4, 3].map((i) => ({ group: `g${i}`, ...by, since: at(`02:00:0${i}`) }));
    const paused = { ...none, groups };
    const kafka = someKafka({ unfinished: [0, 0], members: [aMember('a', [0]), aMember('b', [1])] });
    const replies = [answered('a', { paused }), answered('b', { paused, partitions: [aPartition(1)] })];
    const sentence = sentenceOf({ kafka, replies });
    expect(sentence).toContain('Group g3 is paused since 2026-11-30T02:00:03.000Z by jane (INC-7). Group g4 is paused');
    expect(sentence).toContain('by jane (INC-7).');
    expect(sentence).toContain(`2 other groups paused. ${GROUP_REMEDY} All else that can be applied is.`);
  });

  test('of a partition that has another owner by now, what its former owner says does not count', () => {
    const former = answered('old', { paused: { ...none, partitions: [{ partition: 0, ...by }] } });
    const owner = answered('a', { partitions: [aPartition(0, { epoch: 2 })], paused: none });
    expect(sentenceOf({ replies: [former, owner] })).toBe(IN_STEP);
  });

  test('an older version does not say, and is taken for one that has paused nothing', () => {
    expect(given({}).totals.paused).toBe(0);
  });

  test('of more groups than an instance lists the number is known', () => {
    const groups = Array.from({ length: 100 }, (_, i) => ({ group: `g${i}`, ...by }));
    const reply = answered('a', { paused: { ...none, groups, group_count: 700 } });
    expect(sentenceOf({ replies: [reply] })).toContain('695 other groups paused.');
  });

  test('without an instance, as the retry topic says', () => {
    const pause = { author: 'jane', reason: 'INC-7', at: at('02:00:00') };
    const intents = ['g', 'h', 'h'].map((group, i) => ({ ...anIntent({ member: `m${i}` }), group }));
    const facts = (pauses: PausesOf): ReadonlyMap<number, WaitingFacts> =>
      new Map([[0, waitingFacts(intents, { firstUnfinishedAt: null, pauses, now: NOW })]]);
    const kafka = someKafka({ members: [], state: 'Empty' });
    const all = given({ kafka, replies: [], waiting: facts({ all: pause, groups: [] }) });
    expect(all.totals).toMatchObject({ pending: 3, due: 0, paused: 3 });
    expect(statusSentence(all, NOW)).toMatch(/^Nothing is sent since 2026-11-30T02:00:00.000Z: paused by jane/);
    const one = given({ kafka, replies: [], waiting: facts({ all: null, groups: [{ group: 'h', ...pause }] }) });
    expect(one.totals).toMatchObject({ due: 1, paused: 2 });
    expect(statusSentence(one, NOW)).toContain('Group h is paused since');
  });
});
