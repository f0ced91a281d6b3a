/** What the histograms say of durations: those of changes once for each final report, those of requests once for each of them. */
import { expect, test } from 'vitest';
import type { HttpAnswer } from '../../../src/core/target/refusals.ts';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { answer, QuickWorld, type QuickOptions } from '../../support/quick-world.ts';
import { samplesNow } from '../../support/scrape.ts';

const LINGER_MS = 30;
const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax: 100, slowScheduleMs: [60_000] };
const guard = { groupPercent: 100, groupFloor: 10, groupCount: 3, windowCount: 1_000_000, windowMs: 600_000 };

const aWorld = (pipeline: QuickOptions['pipeline'] = {}): QuickWorld =>
  new QuickWorld({ pipeline: { retry, guard, lingerMs: LINGER_MS, ...pipeline } });

interface Series {
  readonly name: string;
  readonly label: string;
}

const QUEUE: Series = { name: 'rollcall_queue_seconds', label: '' };
const APPLY: Series = { name: 'rollcall_apply_seconds', label: '' };
const READS: Series = { name: 'rollcall_request_seconds', label: 'request="read"' };
const WRITES: Series = { name: 'rollcall_request_seconds', label: 'request="write"' };

const bucketOf = ({ name, label }: Series, bound: string): string =>
  `${name}_bucket{le="${bound}"${label === '' ? '' : `,${label}`}}`;
const totalOf = ({ name, label }: Series, total: 'sum' | 'count'): string =>
  `${name}_${total}${label === '' ? '' : `{${label}}`}`;

/** Count and sum in seconds, and how many its buckets of the given bounds have. */
async function measured(world: QuickWorld, pipeline: Pipeline, series: Series, bounds: readonly string[] = []) {
  const samples = await samplesNow(world, pipeline);
  return {
    count: samples.get(totalOf(series, 'count')),
    sum: samples.get(totalOf(series, 'sum')),
    upTo: bounds.map((bound) => samples.get(bucketOf(series, bound))),
  };
}

/** As the final reports that stand in the topic say, each once. */
function lagsReported(world: QuickWorld): {
  readonly count: number;
  readonly queueMs: number;
  readonly applyMs: number;
} {
  const finals = new Map(world.reports().flatMap((report) => (report.final ? [[report.id, report.lag_ms]] : [])));
  const sent = [...finals.values()].flatMap(({ queue, apply }) => (queue === null ? [] : [{ queue, apply }]));
  const sumOf = (list: readonly (number | null)[]): number => list.reduce<number>((sum, ms) => sum + (ms ?? 0), 0);
  return {
    count: sent.length,
    queueMs: sumOf(sent.map(({ queue }) => queue)),
    applyMs: sumOf(sent.map(({ apply }) => apply)),
  };
}

const outcomes = (world: QuickWorld): readonly string[] => world.reports().map(({ outcome }) => outcome);

test('latency histograms: before anything was done they are there, and empty', async () => {
  const world = aWorld();
  const { pipeline } = await world.start();
  for (const series of [QUEUE, APPLY, READS, WRITES])
    expect(await measured(world, pipeline, series, ['0.005', '+Inf'])).toEqual({ count: 0, sum: 0, upTo: [0, 0] });
});

test('latency histograms: a change that waits for its next try counts once, at its end, with all of its wait', async () => {
  const world = aWorld();
  const { pipeline } = await world.start();
  let isThere = false;
  world.target.onGet = () => (isThere ? null : answer(404));
  world.produce({ add_members: ['a'] });
  // when it waits, which is reported with the times until then
  await world.clock.advance(20_000);
  expect(world.reports()).toMatchObject([{ outcome: 'retry_scheduled', lag_ms: { queue: LINGER_MS, apply: 0 } }]);
  expect(await measured(world, pipeline, APPLY)).toMatchObject({ count: 0, sum: 0 });
  isThere = true;
  await world.clock.advance(50_000);
  // then
  expect(outcomes(world)).toEqual(['retry_scheduled', 'recovered']);
  expect(await measured(world, pipeline, QUEUE, ['0.025', '0.05'])).toEqual({ count: 1, sum: 0.03, upTo: [0, 1] });
  expect(await measured(world, pipeline, APPLY, ['30', '60'])).toEqual({ count: 1, sum: 60, upTo: [0, 1] });
});

test('latency histograms: a change that was already so was read for, and counts', async () => {
  const world = aWorld();
  world.target.group('g').members.add('a');
  const { pipeline } = await world.start();
  world.produce({ add_members: ['a'] });
  await world.clock.advance(1_000);
  expect(outcomes(world)).toEqual(['already_synced']);
  expect(await measured(world, pipeline, QUEUE)).toMatchObject({ count: 1, sum: 0.03 });
  expect(await measured(world, pipeline, APPLY, ['0.005'])).toEqual({ count: 1, sum: 0, upTo: [1] });
});

test('latency histograms: a change that no request was sent for does not count', async () => {
  const world = aWorld();
  const { pipeline } = await world.start();
  // given one that is replaced before its turn
  world.produce({ add_members: ['a'] });
  world.produce({ remove_members: ['a'] });
  await world.clock.advance(1_000);
  expect(outcomes(world).toSorted()).toEqual(['already_synced', 'superseded']);
  expect(await measured(world, pipeline, QUEUE)).toMatchObject({ count: 1 });
  expect(await measured(world, pipeline, APPLY)).toMatchObject({ count: 1 });
});

test('latency histograms: a held removal counts once it is applied, with the time that it was held', async () => {
  const world = aWorld();
  const members = ['a', 'b', 'c', 'd'];
  for (const member of members) world.target.group('g').members.add(member);
  const { pipeline } = await world.start();
  world.produce({ remove_members: members });
  await world.clock.advance(200_000);
  expect(new Set(outcomes(world))).toEqual(new Set(['held']));
  expect(await measured(world, pipeline, QUEUE)).toMatchObject({ count: 0 });
  // when
  world.approve('kim');
  await world.clock.advance(1_000);
  // then
  expect(outcomes(world).filter((outcome) => outcome === 'applied')).toHaveLength(members.length);
  const { count, upTo } = await measured(world, pipeline, APPLY, ['120', '300']);
  expect({ count, upTo }).toEqual({ count: 4, upTo: [0, 4] });
  expect((await measured(world, pipeline, APPLY)).sum).toBeCloseTo(lagsReported(world).applyMs / 1_000, 6);
});

test('latency histograms: a final report that is written twice counts once', async () => {
  const world = aWorld();
  const { pipeline, log } = await world.start();
  // given a first report that is written, and whose acknowledgement is lost
  let isLost = false;
  log.afterSend = async (records) => {
    if (isLost || !records.some(({ topic }) => topic === 'reports')) return;
    isLost = true;
    throw new Error('REQUEST_TIMED_OUT');
  };
  world.produce({ add_members: ['a'] });
  await world.clock.advance(60_000);
  expect(outcomes(world)).toEqual(['applied', 'applied']);
  expect(await measured(world, pipeline, QUEUE)).toMatchObject({ count: 1, sum: 0.03 });
});

test('latency histograms: what is given up counts, and all in all they say what the final reports say', async () => {
  const world = aWorld({ retry: { ...retry, attemptsMax: 2, slowScheduleMs: [] } });
  const { pipeline } = await world.start();
  world.target.onGet = ({ group }) => (group === 'missing' ? answer(404) : null);
  let refusals = 1;
  world.target.onPatch = () => (refusals-- > 0 ? answer(503) : null);
  for (const member of ['a', 'b', 'c']) {
    world.produce({ add_members: [member] });
    world.produce({ group_id: 'missing', add_members: [member] });
    await world.clock.advance(700);
  }
  world.produce({ members: ['b', 'd'], complete: true });
  await world.clock.advance(120_000);
  // then
  expect(new Set(outcomes(world))).toEqual(new Set(['retry_scheduled', 'recovered', 'applied', 'permanent_failure']));
  const reported = lagsReported(world);
  const queue = await measured(world, pipeline, QUEUE, ['+Inf']);
  const apply = await measured(world, pipeline, APPLY, ['+Inf']);
  expect([queue.count, queue.upTo, apply.count, apply.upTo]).toEqual([
    reported.count,
    [reported.count],
    reported.count,
    [reported.count],
  ]);
  expect(queue.sum).toBeCloseTo(reported.queueMs / 1_000, 6);
  expect(apply.sum).toBeCloseTo(reported.applyMs / 1_000, 6);
});

const timedOut: HttpAnswer = {
  kind: 'no_response',
  sent: true,
  code: 'timeout',
  message: 'no answer',
  sentAt: 0,
  durationMs: 10_020,
};

test('latency histograms: each request counts with its own duration, answered or failed, reads apart from writes', async () => {
  const world = aWorld();
  const { pipeline } = await world.start();
  const reads = [answer(503, { durationMs: 410 }), { ...world.target.shown('g'), durationMs: 180 }];
  world.target.onGet = () => reads.shift() ?? null;
  const writes = [timedOut, answer(429, { durationMs: 12 })];
  world.target.onPatch = () => writes.shift() ?? null;
  world.produce({ add_members: ['a'] });
  await world.clock.advance(300_000);
  expect(outcomes(world).at(-1)).toBe('recovered');
  // then those that the target answers by itself take 1 ms
  const read = await measured(world, pipeline, READS, ['0.005', '0.25', '0.5', '+Inf']);
  const [quick = 0] = read.upTo;
  expect(read).toEqual({
    count: quick + 2,
    sum: expect.closeTo(quick / 1_000 + 0.59, 6),
    upTo: [quick, quick + 1, quick + 2, quick + 2],
  });
  expect(await measured(world, pipeline, WRITES, ['0.005', '0.025', '10', '30'])).toEqual({
    count: 3,
    sum: expect.closeTo(10.033, 6),
    upTo: [1, 2, 2, 3],
  });
  expect(read.count).toBe(world.target.requestCount - 3);
});

test('latency histograms: what was not sent, for want of a token, is no request', async () => {
  const world = aWorld();
  const { pipeline } = await world.start();
  world.target.onGet = () => ({
    kind: 'no_token',
    loginUrl: 'https://login.example',
    refused: false,
    status: 503,
    retryAfterMs: null,
    code: 'unavailable',
    message: 'try later',
  });
  world.produce({ add_members: ['a'] });
  await world.clock.advance(5_000);
  expect(pipeline.stats().requests).not.toEqual({});
  expect(await measured(world, pipeline, READS)).toMatchObject({ count: 0, sum: 0 });
});

test.each([QUEUE, APPLY, READS, WRITES])(
  'latency histograms: the buckets of $name $label ascend, and end with all that it counts',
  async (series) => {
    const world = aWorld();
    const { pipeline } = await world.start();
    const delaysMs = [3, 7, 33, 99, 480, 3_200, 31_000];
    world.target.onGet = ({ group }) => ({ ...world.target.shown(group), durationMs: delaysMs.shift() ?? 1 });
    for (let i = 0; i < 9; i += 1) world.produce({ group_id: `g${i}`, add_members: ['a'] });
    await world.clock.advance(60_000);
    const samples = await samplesNow(world, pipeline);
    const [start, end = ''] = bucketOf(series, '|').split('|');
    const buckets = [...samples].filter(([name]) => name.startsWith(start ?? '') && name.endsWith(end));
    const bounds = buckets.map(([name]) => Number(name.slice(start?.length, -end.length).replace('+Inf', 'Infinity')));
    const counts = buckets.map(([, count]) => count);
    expect(bounds).toEqual([...new Set(bounds)].toSorted((a, b) => a - b));
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect([bounds.at(-1), counts.at(-1)]).toEqual([Infinity, samples.get(totalOf(series, 'count'))]);
    expect(counts.at(-1)).toBe(9);
    if (series === READS) expect([...new Set(counts)]).toEqual([3, 4, 5, 6, 7, 8, 9]);
  },
);
