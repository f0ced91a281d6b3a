import { request } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { KnownSecrets } from '../../src/core/text/redact.ts';
import type { ServiceHealth, ServiceStats } from '../../src/admin/readiness.ts';
import { startAdmin, type AdminOptions, type AdminServer, type AdminSources } from '../../src/admin/server.ts';
import type { InstanceAnswer } from '../../src/core/explain/instance-answer.ts';
import { InstanceStatus, type PipelineStatus } from '../../src/core/status/instance-status.ts';
import type { PipelineStats } from '../../src/pipeline/stats.ts';
import { packageVersion } from '../../src/version.ts';
import { ManualClock } from '../support/manual-clock.ts';

const clock = new ManualClock();

const someStats = (changes: Partial<PipelineStats> = {}): PipelineStats => ({
  ready: true,
  isShadow: false,
  partitions: [
    {
      partition: 0,
      phase: 'running',
      lag: 3,
      oldestUnappliedAt: clock.now().wall - 2500,
      oldestHeldAt: null,
      oldestWaitingAt: clock.now().wall - 4000,
    },
    { partition: 1, phase: 'running', lag: 4, oldestUnappliedAt: null, oldestHeldAt: clock.now().wall - 3000 },
  ],
  pending: 12,
  parked: 5,
  dead: 1,
  inFlight: 2,
  isIntakePaused: true,
  requests: { applied: 40, conflict: 2 },
  conflicts: 2,
  gateWaitedMs: 1500,
  breaker: null,
  possibleLosses: 0,
  held: 1,
  waiting: 4,
  skipped: { tombstone: 6, not_successful: 2 },
  outsideLease: 1,
  unrecordable: [],
  strayKeys: 3,
  refusedRequests: { unsigned: 2 },
  unsettled: [],
  notifications: null,
  reports: { applied: 38 },
  queueTimes: { bounds: [50, 2_500], counts: [1, 3], sum: 64_000, count: 4 },
  applyTimes: { bounds: [5], counts: [0], sum: 0, count: 0 },
  requestTimes: {
    read: { bounds: [250], counts: [7], sum: 700, count: 7 },
    write: { bounds: [250], counts: [2], sum: 1_500, count: 5 },
  },
  paused: {
    partitions: [{ partition: 1, author: 'jane', reason: 'INC-7', since: 1 }],
    groups: [{ group: 'g', author: 'joe', reason: 'freeze', since: 2 }],
    groupCount: 101,
    changes: 9,
  },
  ...changes,
});

let server: AdminServer | null = null;

afterEach(async () => {
  await server?.close();
  server = null;
});

const logged: string[] = [];

async function given(
  stats: () => ServiceStats,
  options: Partial<AdminOptions> = {},
  more: Pick<AdminSources, 'explain' | 'status'> = {},
) {
  const started = await startAdmin(
    { host: '127.0.0.1', port: 0, token: null, ...options },
    {
      stats,
      ...more,
      clock,
      logger: { error: (_fields, message) => void logged.push(message) },
      secrets: new KnownSecrets(['admin-page-secret']),
    },
  );
  server = started;
  return (path: string, init?: RequestInit) => fetch(started.url + path, init);
}

test('admin server: /healthz answers as long as the event loop does, ready or not', async () => {
  const get = await given(() => null);
  expect((await get('/healthz')).status).toBe(200);
});

test('ready: 200, no reasons', async () => {
  const get = await given(() => someStats());
  const response = await get('/readyz?verbose');
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ ready: true, reasons: [], breaker: null, possible_losses: 0 });
});

test('shadow: /readyz and /metrics say that nothing is sent', async () => {
  const get = await given(() => someStats({ isShadow: true }));
  expect(await (await get('/readyz')).json()).toMatchObject({ ready: true, shadow: true });
  expect(samplesOf(await (await get('/metrics')).text())).toContain('rollcall_shadow 1');
});

test.for([
  [null, ['the brokers have not been reached yet']],
  [someStats({ ready: false, partitions: [] }), ['the consumer group has not been joined yet']],
  [someStats({ ready: false }), ['a rebalance is under way, or the last heartbeat is too old (no lease)']],
  [
    someStats({
      ready: false,
      partitions: [{ partition: 3, phase: 'refused', lag: 0, oldestUnappliedAt: null, refusal: 'why. Do this' }],
    }),
    ['the source topic was recreated, truncated or renamed: partitions 3', 'partition 3 is refused: why. Do this'],
  ],
  [
    someStats({
      ready: false,
      partitions: [
        { partition: 0, phase: 'restoring', lag: 0, oldestUnappliedAt: null },
        { partition: 2, phase: 'restoring', lag: 0, oldestUnappliedAt: null },
        { partition: 4, phase: 'catching_up', lag: 9, oldestUnappliedAt: null },
      ],
    }),
    ['what is parked is being restored: partitions 0, 2', 'the source is being caught up with: partitions 4'],
  ],
] as const)('not ready: 503 with the reasons', async ([stats, reasons]) => {
  const get = await given(() => stats);
  const response = await get('/readyz');
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ ready: false, reasons });
});

test('admin server: what the brokers say is shown without secrets', async () => {
  const error = String.raw`refused: admin-page\u002dsecret, admin-page-`;
  const get = await given(() => someStats({ ready: false, unsettled: [{ ...stuck, error, isLasting: true }] }));
  const text = await (await get('/readyz')).text();
  expect(text).toContain('refused: [redacted], [redacted]');
});

test('readiness: a possible loss and an open breaker are named, and do not make an instance unready', async () => {
  const since = clock.now().wall;
  const get = await given(() =>
    someStats({
      possibleLosses: 2,
      breaker: { reason: 'auth', since, problem: 'refused', failed: 'read', nextProbeAt: null },
    }),
  );
  const response = await get('/readyz');
  expect(response.status).toBe(200);
  const breaker = { reason: 'auth', since: new Date(since).toISOString() };
  expect(await response.json()).toMatchObject({ ready: true, possible_losses: 2, breaker });
});

const stuck = {
  topic: 'reports',
  act: 'write',
  error: 'INVALID_RECORD: no key',
  since: clock.now().wall - 4_500,
} as const;

test('admin server: readiness names the topic that cannot be written to, and why', async () => {
  const get = await given(() => someStats({ ready: false, unsettled: [{ ...stuck, isLasting: true }] }));
  const response = await get('/readyz');
  expect(response.status).toBe(503);
  const since = new Date(stuck.since).toISOString();
  expect(await response.json()).toMatchObject({
    reasons: [`the topic reports cannot be written to since ${since}: INVALID_RECORD: no key`],
  });
});

test('admin server: metrics tell for how long a topic has not taken what is to be written, from the first failure on', async () => {
  const get = await given(() => someStats({ unsettled: [{ ...stuck, isLasting: false }] }));
  expect(await (await get('/metrics')).text()).toContain('rollcall_unsettled_seconds{topic="reports"} 4.5\n');
});

test.each([
  [4_500, 9_500],
  [9_500, 4_500],
])(
  'admin server: of troubles of a topic that began %i ms and %i ms ago the older one is measured',
  async (writeMs, readMs) => {
    const since = (ageMs: number): number => clock.now().wall - ageMs;
    const [write, read] = [
      { ...stuck, since: since(writeMs) },
      { ...stuck, act: 'read', since: since(readMs) },
    ] as const;
    const get = await given(() =>
      someStats({ unsettled: [write, read].map((each) => ({ ...each, isLasting: false })) }),
    );
    expect(await (await get('/metrics')).text()).toContain('rollcall_unsettled_seconds{topic="reports"} 9.5\n');
  },
);

const samplesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

test.for([
  ['no partition is owned', []],
  [
    'one of them is not known',
    [
      { partition: 0, phase: 'running', lag: 3 },
      { partition: 1, phase: 'restoring' },
    ] as const,
  ],
] as const)('admin server: there is no lag where %s, and no age where it is not known', async ([, partitions]) => {
  const get = await given(() => someStats({ partitions }));
  const names = samplesOf(await (await get('/metrics')).text()).map((line) => line.split(/[ {]/)[0]);
  expect(names.filter((name) => /_lag$|_oldest_/.test(name ?? ''))).toEqual([]);
});

test('admin server: metrics tell what the statistics say', async () => {
  const get = await given(() =>
    someStats({
      breaker: { reason: 'target', since: 0, problem: 'down', failed: 'read', nextProbeAt: null },
    }),
  );
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const name of ['queue', 'apply', 'request'])
    expect(text).toContain(`\n# TYPE rollcall_${name}_seconds histogram\n`);
  const samples = samplesOf(text).filter((line) => !/^(process|nodejs)_|^rollcall_build/.test(line));
  expect(samples.toSorted()).toEqual(
    [
      'rollcall_ready 1',
      'rollcall_shadow 0',
      'rollcall_lag 7',
      'rollcall_intake_paused 1',
      'rollcall_paused_changes 9',
      'rollcall_paused_groups 101',
      'rollcall_paused_partitions 1',
      'rollcall_pending 12',
      'rollcall_parked 5',
      'rollcall_requests_outside_lease_total 1',
      'rollcall_keys_in_two_partitions_total 3',
      'rollcall_operator_requests_refused_total{reason="unsigned"} 2',
      'rollcall_dead 1',
      'rollcall_in_flight 2',
      'rollcall_possible_losses 0',
      'rollcall_conflicts_total 2',
      'rollcall_throttled_seconds_total 1.5',
      'rollcall_tombstones_skipped_total 6',
      'rollcall_skipped_total{reason="not_successful"} 2',
      'rollcall_skipped_total{reason="tombstone"} 6',
      'rollcall_held 1',
      'rollcall_waiting 4',
      'rollcall_requests_total{outcome="applied"} 40',
      'rollcall_requests_total{outcome="conflict"} 2',
      'rollcall_reports_total{outcome="applied"} 38',
      'rollcall_oldest_unapplied_seconds{partition="0"} 2.5',
      'rollcall_oldest_unapplied_seconds{partition="1"} 0',
      'rollcall_oldest_held_seconds{partition="0"} 0',
      'rollcall_oldest_held_seconds{partition="1"} 3',
      'rollcall_oldest_waiting_seconds{partition="0"} 4',
      'rollcall_breaker_open{reason="target"} 1',
      'rollcall_breaker_open{reason="auth"} 0',
      'rollcall_breaker_open{reason="permission"} 0',
      'rollcall_queue_seconds_bucket{le="0.05"} 1',
      'rollcall_queue_seconds_bucket{le="2.5"} 3',
      'rollcall_queue_seconds_bucket{le="+Inf"} 4',
      'rollcall_queue_seconds_sum 64',
      'rollcall_queue_seconds_count 4',
      'rollcall_apply_seconds_bucket{le="0.005"} 0',
      'rollcall_apply_seconds_bucket{le="+Inf"} 0',
      'rollcall_apply_seconds_sum 0',
      'rollcall_apply_seconds_count 0',
      'rollcall_request_seconds_bucket{le="0.25",request="read"} 7',
      'rollcall_request_seconds_bucket{le="+Inf",request="read"} 7',
      'rollcall_request_seconds_sum{request="read"} 0.7',
      'rollcall_request_seconds_count{request="read"} 7',
      'rollcall_request_seconds_bucket{le="0.25",request="write"} 2',
      'rollcall_request_seconds_bucket{le="+Inf",request="write"} 5',
      'rollcall_request_seconds_sum{request="write"} 1.5',
      'rollcall_request_seconds_count{request="write"} 5',
    ].toSorted(),
  );
});

test('metrics: each scrape is computed again; totals are not added up, a lost partition leaves no series', async () => {
  let stats = someStats();
  const get = await given(() => stats);
  await get('/metrics');
  stats = someStats({ partitions: [], requests: { applied: 41 } });
  const text = await (await get('/metrics')).text();
  expect(text).toContain('rollcall_requests_total{outcome="applied"} 41\n');
  expect(text).not.toContain('{partition=');
});

test.for(['/metrics', '/metrics?name[]=rollcall_lag'])(
  'admin server: %s needs the token where there is one',
  async (path) => {
    const get = await given(() => someStats(), { token: 'hush' });
    expect((await get(path)).status).toBe(401);
    expect((await get(path, { headers: { authorization: 'Bearer hus' } })).status).toBe(401);
    const allowed = await get(path, { headers: { authorization: 'Bearer hush' } });
    expect(allowed.status).toBe(200);
  },
);

test.for([
  ['/healthz', 200],
  ['/readyz', 200],
  ['/readyz?verbose', 200],
  ['/nothing', 404],
] as const)('admin server: %s is open where there is a token, and with a wrong one too', async ([path, status]) => {
  const get = await given(() => someStats(), { token: 'hush', host: '0.0.0.0' });
  expect((await get(path)).status).toBe(status);
  expect((await get(path, { headers: { authorization: 'Bearer hus' } })).status).toBe(status);
});

test('admin server: a service without a pipeline says whether it is ready, and why not', async () => {
  let stats: ServiceHealth = { ready: true, reasons: [] };
  const get = await given(() => stats);
  expect(await (await get('/readyz')).json()).toEqual(stats);
  expect(samplesOf(await (await get('/metrics')).text())).toContain('rollcall_ready 1');
  stats = { ready: false, reasons: ['Kafka has not acknowledged'] };
  const unready = await get('/readyz');
  expect([unready.status, await unready.json()]).toEqual([503, stats]);
  const samples = samplesOf(await (await get('/metrics')).text());
  expect(samples.filter((line) => line.startsWith('rollcall_') && !line.includes('build'))).toEqual([
    'rollcall_ready 0',
  ]);
});

test('admin server: metrics tell of the process and its build, before the brokers are reached too', async () => {
  const get = await given(() => null);
  const samples = samplesOf(await (await get('/metrics')).text());
  expect(samples).toContain('rollcall_ready 0');
  expect(samples).toContain(`rollcall_build_info{version="${packageVersion()}",node="${process.versions.node}"} 1`);
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds'])
    expect(samples.filter((line) => line.startsWith(`${name} `))).toHaveLength(1);
});

test('admin server: nothing but GET, and no other pages', async () => {
  const get = await given(() => someStats());
  const posted = await get('/healthz', { method: 'POST', body: 'x' });
  expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET']);
  expect((await get('/')).status).toBe(404);
  expect((await get('/metrics/')).status).toBe(404);
});

test('admin server: an error inside is answered with 500 and logged, not shown', async () => {
  const get = await given(() => {
    throw new Error('inner workings');
  });
  const response = await get('/readyz');
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain('inner');
  expect(logged).toEqual(['the admin server could not answer']);
});

test('admin server: a port that is taken is an error for the caller', async () => {
  await given(() => null);
  const port = Number(new URL(server?.url ?? '').port);
  const second = startAdmin(
    { host: '127.0.0.1', port, token: null },
    { stats: () => null, clock, logger: { error: () => undefined }, secrets: new KnownSecrets([]) },
  );
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

const NOTHING: InstanceAnswer = { partitions: [], breaker: null, intents: [], left_out: 0 };
const TOKEN = 'a token of sixteen';

test('/explain: what the instance has of a group, by the ids as they are asked for', async () => {
  const asked: unknown[] = [];
  const explain: AdminSources['explain'] = (...of) => {
    asked.push(of);
    return NOTHING;
  };
  const get = await given(() => someStats(), {}, { explain });
  expect(await (await get('/explain?group=g%2F1&member=a%26b')).json()).toEqual(NOTHING);
  expect((await get('/explain?group=g')).status).toBe(200);
  expect(asked).toEqual([
    ['g/1', 'a&b'],
    ['g', null],
  ]);
});

test.for<[number, string, string, Pick<AdminSources, 'explain'>]>([
  [401, 'without the token', '/explain?group=g', { explain: () => NOTHING }],
  [400, 'without a group', '/explain', { explain: () => NOTHING }],
  [400, 'with an empty group', '/explain?group=', { explain: () => NOTHING }],
  [400, 'with a group that can be none', '/explain?group=a%00', { explain: () => NOTHING }],
  [400, 'with an empty member', '/explain?group=g&member=', { explain: () => NOTHING }],
  [503, 'before there is a pipeline', '/explain?group=g', { explain: () => null }],
  [404, 'of a service without one', '/explain?group=g', {}],
])('/explain: %d %s', async ([status, , path, sources]) => {
  const get = await given(() => null, { token: TOKEN }, sources);
  const headers = status === 401 ? {} : { authorization: `Bearer ${TOKEN}` };
  expect((await get(path, { headers })).status).toBe(status);
});

const STATUS: PipelineStatus = {
  now: 1_000,
  partitions: [],
  member_id: 'rollcall-1',
  possible_losses: 0,
  in_flight: 1,
  intake_paused: false,
  budget: {
    allowed: null,
    used: null,
    left: null,
    resets_in_ms: null,
    assumed: false,
    per_minute: 180,
    closed_for_ms: 0,
  },
  requests_ahead: 2,
  converges_in_ms: null,
  breaker: {
    reason: 'auth',
    since: 1,
    problem: 'refused: admin-page-secret',
    advice: 'Check.',
    closed_by: 'a probe',
    next_probe_at: 2,
  },
  affected: null,
};

test('/status: the figures of the pipeline, with what the service around it knows, and without secrets', async () => {
  const asked: unknown[] = [];
  const status: AdminSources['status'] = (wanted, stats) => {
    asked.push([wanted, stats.pending]);
    return STATUS;
  };
  const get = await given(() => someStats({ ready: false, partitions: [] }), {}, { status });
  expect(InstanceStatus.parse(await (await get('/status')).json())).toMatchObject({
    version: packageVersion(),
    ready: false,
    reasons: ['the consumer group has not been joined yet'],
    in_flight: 1,
    breaker: { problem: 'refused: [redacted]' },
  });
  expect((await get('/status?affected=true')).status).toBe(200);
  expect(asked).toEqual([
    [{ withAffected: false }, 12],
    [{ withAffected: true }, 12],
  ]);
});

test.for<[number, string, Pick<AdminSources, 'status'>]>([
  [401, 'without the token', { status: () => STATUS }],
  [503, 'before there is a pipeline', { status: () => null }],
  [404, 'of a service without one', {}],
])('/status: %d %s', async ([status, , sources]) => {
  const get = await given(() => someStats(), { token: TOKEN }, sources);
  const headers = status === 401 ? {} : { authorization: `Bearer ${TOKEN}` };
  expect((await get('/status', { headers })).status).toBe(status);
});

test.for(['/explain?group=g', '/status'])('%s without a token: to pages of this machine alone', async (path) => {
  await given(() => someStats(), {}, { explain: () => NOTHING, status: () => STATUS });
  const port = new URL(server?.url ?? '').port;
  const ask = (host: string): Promise<number | undefined> =>
    new Promise((resolve) => {
      const options = { port, path, headers: { host } };
      request({ host: '127.0.0.1', ...options }, ({ statusCode }) => resolve(statusCode)).end();
    });
  expect(await ask(`localhost:${port}`)).toBe(200);
  expect(await ask('rebound.example.com')).toBe(403);
});
