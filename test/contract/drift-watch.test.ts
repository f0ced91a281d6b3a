/** The comparisons beside a running pipeline (`DRIFT_EVERY_MS`), on a manual clock: what they ask, when, and what they report. */
import { describe, expect, test } from 'vitest';
import { metricsText } from '../../src/admin/metrics.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { readConfig } from '../../src/config/config.ts';
import { diffGroups } from '../../src/commands/diff.ts';
import { watchDrift } from '../../src/console/drift-running.ts';
import { DriftWatch } from '../../src/console/drift-watch.ts';
import { requestKey, pauseValue } from '../../src/core/log/request-record.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import { ReportRecord } from '../../src/core/report/report.ts';
import { summarize } from '../../src/core/report/summary.ts';
import { native } from '../../src/formats/native/native.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { aReport } from '../support/a-report.ts';
import { aContext } from '../support/command-context.ts';
import { atEnd } from '../support/genesys.ts';
import { answer, QuickWorld, type QuickOptions } from '../support/quick-world.ts';
import { timestampsIn } from '../support/timestamps-in.ts';
import { topics } from '../support/world.ts';

const EVERY_MS = 600_000;
const GROUPS = ['g0', 'g1', 'g2'];

class Watched {
  readonly world: QuickWorld;
  readonly tools: MemoryLog;
  /** Every request to the target, in their order. */
  readonly requests: string[] = [];
  #stop: AbortController | null = null;
  #watch: DriftWatch | null = null;

  constructor(options: QuickOptions = {}) {
    this.world = new QuickWorld(options);
    const { broker, target } = this.world;
    const get = target.getGroup.bind(target);
    target.getGroup = async (request) => (request.mayStart() ? get(request) : { kind: 'not_started' });
    this.tools = new MemoryLog(broker, { groupId: 'command', clientId: 'command', topics });
    target.onGet = ({ group }) => {
      this.requests.push(`GET ${group}`);
      return null;
    };
    target.onPatch = ({ group }) => {
      this.requests.push(`PATCH ${group}`);
      return null;
    };
  }

  get sources() {
    const { broker, target } = this.world;
    return {
      tools: this.tools,
      topics,
      format: native,
      committed: async () => new Map([[0, broker.group('rollcall').committed(0).offset ?? 0n]]),
      bounds: async (topic: string) => new Map([[0, broker.topic(topic).partition(0)]]),
      starts: async (topic: string) => new Map([[0, broker.topic(topic).partition(0).start]]),
      timestampsAt: timestampsIn(broker),
      ids: null,
      api: target,
      rateLimitPerMinute: null,
      diagnosed: async (error: unknown) => error,
    };
  }

  /** Members `u` and `v` in each group, applied; then the comparisons begin, the first one after EVERY_MS. */
  async start(reportsBefore = 0) {
    const { pipeline, log } = await this.world.start();
    for (const group of GROUPS) this.world.produce({ group_id: group, add_members: ['u', 'v'] });
    await this.world.clock.advance(5_000);
    expect(this.world.reports()).toHaveLength(reportsBefore + 2 * GROUPS.length);
    this.requests.length = 0;
    return { ...this.watch(pipeline), pipeline, log };
  }

  watch(pipeline: Pipeline, { evidenceBytesMax = Infinity, everyMs = EVERY_MS } = {}) {
    const { clock, logger } = this.world;
    const stop = new AbortController();
    const options = {
      pipeline: pipeline.compared,
      everyMs,
      evidenceBytesMax,
      clock,
      logger,
      stop: stop.signal,
    };
    const watch = new DriftWatch(this.sources, options);
    const ended = watch.run();
    atEnd(async () => {
      stop.abort();
      await ended;
    });
    this.#stop = stop;
    this.#watch = watch;
    return { watch, ended };
  }

  stop(): void {
    this.#stop?.abort();
  }

  /** Until the next pass has ended, or the signal has ended it. */
  async pass(): Promise<void> {
    const before = this.#passCount;
    for (let tries = 0; tries < 200 && this.#passCount === before && this.#stop?.signal.aborted !== true; tries += 1)
      await this.world.clock.advance(10_000);
    // What it has found is written.
    await this.world.clock.settle();
  }

  get #passCount(): number {
    const { finished = 0, failed = 0 } = this.#watch?.figures.passes ?? {};
    return finished + failed;
  }

  drift(): readonly ReportRecord[] {
    return this.world
      .reports()
      .filter(({ outcome }) => outcome === 'drift')
      .map((record) => ReportRecord.parse(record));
  }

  lines(message: string): readonly object[] {
    return this.world.logger.lines.flatMap((line) => (line.message === message ? [line.fields] : []));
  }

  pause(group: string | null): void {
    const headers = [textHeader('rollcall-type', 'pause')];
    const value = pauseValue({ kind: 'pause', group, author: 'jane', reason: 'INC-7' });
    this.world.broker.append([{ topic: topics.retry, partition: 0, key: requestKey(`p-${group}`), value, headers }]);
  }
}

const members = (watched: Watched, group: string) => watched.world.target.group(group).members;

/** Until the returned function is called. */
function holdPatches(target: QuickWorld['target']): () => void {
  let land: () => void = () => undefined;
  const landed = new Promise<void>((resolve) => {
    land = resolve;
  });
  const patch = target.patchGroup.bind(target);
  target.patchGroup = async (request) => {
    await landed;
    return patch(request);
  };
  return land;
}

test('a member whom others have removed is reported once; when it is there again the gauge falls', async () => {
  const watched = new Watched();
  const { watch } = await watched.start();
  members(watched, 'g1').delete('v');
  await watched.world.clock.advance(EVERY_MS - 1);
  expect(watched.requests).toEqual([]);
  await watched.pass();
  expect(watched.requests).toEqual(['GET g0', 'GET g1', 'GET g2']);
  expect(watched.drift()).toEqual([
    {
      ...watched.drift()[0],
      id: 'drift/undone/g1/v/source/0/1/"2"',
      final: true,
      group: 'g1',
      member: 'v',
      source_group: 'g1',
      source_member: 'v',
      op: 'add',
      outcome: 'drift',
      reason: expect.objectContaining({ code: 'undone', message: expect.stringContaining('another client') }),
      source: expect.objectContaining({ topic: 'source', partition: 0, offset: '1' }),
      request: null,
      drift: { evidence: 'done', report: 'source/0/1/v', version: '"2"' },
    },
  ]);
  expect(watch.figures.found).toEqual({ members: { missing: 0, extra: 0, undone: 1 }, groups: 1 });
  await watched.pass();
  expect(watched.drift()).toHaveLength(1);
  members(watched, 'g1').add('v');
  await watched.pass();
  expect(watch.figures.found).toEqual({ members: { missing: 0, extra: 0, undone: 0 }, groups: 0 });
  members(watched, 'g1').delete('v');
  watched.world.target.group('g1').version += 1;
  await watched.pass();
  expect(watched.drift().map(({ id }) => id)).toEqual([
    'drift/undone/g1/v/source/0/1/"2"',
    'drift/undone/g1/v/source/0/1/"3"',
  ]);
});

test('a report of a source topic that was recreated since is no drift', async () => {
  const watched = new Watched();
  // given that `u` was removed at an offset that the present topic does not have yet, and `v` at one that it has
  const source = { topic: topics.source, partition: 0, event_id: null, timestamp: 1 };
  for (const [offset, member] of [
    ['50', 'u'],
    ['2', 'v'],
  ] as const) {
    const id = `source/0/${offset}/${member}`;
    const facts = {
      id,
      op: 'remove',
      group: 'g0',
      source_group: 'g0',
      reported_at: '1970-01-01T00:00:01.000Z',
    } as const;
    const value = JSON.stringify(aReport(0n, member, { ...facts, source: { ...source, offset } }));
    watched.world.broker.append([{ topic: topics.report, partition: 0, key: 'g0', value, headers: [] }]);
  }
  const { watch } = await watched.start(2);
  await watched.pass();
  expect(watched.drift()).toEqual([]);
  expect(watch.figures.found).toMatchObject({ groups: 0 });
});

test('a report that came after the last look at the source is of the present topic', async () => {
  const watched = new Watched();
  const { watch } = await watched.start();
  await watched.pass();
  watched.world.produce({ group_id: 'g0', add_members: ['w'] });
  await watched.world.clock.advance(5_000);
  members(watched, 'g0').delete('w');
  await watched.pass();
  expect(watched.drift()).toMatchObject([{ reason: { code: 'undone' }, drift: { evidence: 'done' } }]);
  expect(watch.figures.found).toMatchObject({ members: { missing: 0, extra: 0, undone: 1 } });
});

test('the end of a pass is one line, and metrics', async () => {
  const watched = new Watched();
  const { watch, pipeline } = await watched.start();
  members(watched, 'g0').delete('u');
  const metrics = () => metricsText({ ...pipeline.stats(), drift: watch.figures }, 0);
  expect(await metrics()).not.toContain('rollcall_drift_members');
  await watched.pass();
  expect(watched.lines('the groups of this instance are compared with Genesys Cloud')).toEqual([
    expect.objectContaining({ compared: 3, groups: 1, members: { missing: 0, extra: 0, undone: 1 }, requests: 3 }),
  ]);
  const text = await metrics();
  expect(text).toContain('rollcall_drift_members{kind="undone"} 1\n');
  expect(text).toContain('rollcall_drift_members{kind="missing"} 0\n');
  expect(text).toContain('rollcall_drift_groups 1\n');
  expect(text).toContain('rollcall_drift_passes_total{result="finished"} 1\n');
  expect(text).toContain('rollcall_drift_requests_total 3\n');
  expect(text).toMatch(/^rollcall_drift_last_pass_timestamp_seconds 1\d{9}/m);
});

test('no reader takes a report of drift for something that was done', async () => {
  const watched = new Watched();
  const { pipeline } = await watched.start();
  members(watched, 'g1').delete('v');
  await watched.pass();
  expect(watched.drift()).toHaveLength(1);
  const summary = summarize(watched.world.reports(), 0);
  expect(summary).toMatchObject({ total_operations: 6, success_count: 6, failure_count: 0, by_outcome: { drift: 1 } });
  const context = aContext({ clock: watched.world.clock });
  const more = { consumerGroup: 'rollcall', targetOrigin: 'https://target', onComparing: () => undefined };
  await diffGroups({ group: ['g1'], json: true, rate: 100_000 }, { ...watched.sources, ...more, context }, context);
  expect(JSON.parse(context.out())).toMatchObject({ undone: [{ member: 'v', report: 'source/0/1/v' }], extra: [] });
  expect(pipeline.stats().reports).toEqual({ applied: 6 });
});

describe('idle budget only', () => {
  test('nothing is sent while a change is on its way; what is due goes first', async () => {
    const watched = new Watched();
    await watched.start();
    const { target } = watched.world;
    const land = holdPatches(target);
    watched.world.produce({ group_id: 'g2', remove_members: ['u'] });
    await watched.world.clock.advance(3 * EVERY_MS);
    expect(watched.requests).toEqual([]);
    land();
    await watched.pass();
    expect(watched.requests.slice(0, 4)).toEqual(['PATCH g2', 'GET g0', 'GET g1', 'GET g2']);
  });

  test('nothing is sent while the breaker is open', async () => {
    const watched = new Watched();
    const { pipeline } = await watched.start();
    let isDown = true;
    const { target } = watched.world;
    target.onPatch = ({ group }) => {
      watched.requests.push(`PATCH ${group}`);
      return isDown ? answer(503) : null;
    };
    target.onGet = ({ group }) => {
      watched.requests.push(`GET ${group}`);
      return isDown ? answer(503) : null;
    };
    for (const group of ['h0', 'h1', 'h2']) watched.world.produce({ group_id: group, add_members: ['u'] });
    await watched.world.clock.advance(3 * EVERY_MS);
    expect(pipeline.stats().breaker).not.toBe(null);
    expect(watched.requests.filter((request) => request.startsWith('GET g'))).toEqual([]);
    isDown = false;
    await watched.world.clock.advance(2 * EVERY_MS);
    expect(watched.requests.filter((request) => request.startsWith('GET g')).slice(0, 3)).toEqual([
      'GET g0',
      'GET g1',
      'GET g2',
    ]);
  });

  test('nothing is sent while the breaker is open, even if nothing is to be sent', async () => {
    const watched = new Watched();
    const { pipeline } = await watched.start();
    const { target, clock } = watched.world;
    const others = ['h0', 'h1', 'h2'];
    target.onGet = ({ group }) => {
      watched.requests.push(`GET ${group}`);
      return others.includes(group) ? answer(503) : null;
    };
    for (const group of others) watched.world.produce({ group_id: group, add_members: ['u'] });
    await clock.advance(60_000);
    for (const group of others) watched.pause(group);
    await clock.advance(60_000);
    watched.requests.length = 0;
    await clock.advance(2 * EVERY_MS);
    expect(pipeline.stats().breaker).not.toBe(null);
    expect(watched.requests).toEqual([]);
  });

  test('nothing is sent while source records are not read', async () => {
    const watched = new Watched({ pipeline: { pendingIntentsMax: 10 } });
    const { pipeline } = await watched.start();
    watched.pause('h');
    await watched.world.clock.advance(1_000);
    for (let i = 0; i < 60; i += 1) {
      watched.world.produce({ group_id: 'h', add_members: [`u${i}`] });
      if (i % 5 === 0) await watched.world.clock.advance(5_000);
    }
    await watched.world.clock.advance(60_000);
    expect(pipeline.stats()).toMatchObject({ isIntakePaused: true, partitions: [{ lag: expect.any(Number) }] });
    await watched.world.clock.advance(2 * EVERY_MS);
    expect(pipeline.stats().partitions[0]?.lag).toBeGreaterThan(0);
    expect(watched.requests).toEqual([]);
  });

  test('a request starts only in idle time, and its permit is given back where it does not', async () => {
    const watched = new Watched();
    const { watch } = await watched.start();
    const { target, clock } = watched.world;
    const land = holdPatches(target);
    const get = target.getGroup.bind(target);
    let asked = 0;
    let mightStart: boolean | null = null;
    target.getGroup = async (request) => {
      asked += 1;
      if (asked > 1) return get(request);
      // While the token is fetched, a change comes.
      watched.world.produce({ group_id: 'g2', remove_members: ['u'] });
      await clock.wait(100);
      mightStart = request.mayStart();
      land();
      return { kind: 'not_started' };
    };
    await watched.pass();
    expect(watched.requests.slice(0, 2)).toEqual(['PATCH g2', 'GET g0']);
    expect(mightStart).toBe(false);
    expect(watch.figures.requests).toBe(asked - 1);
    expect(target.gate.held).toBe(0);
  });
});

test('a request that is tried again waits for the pace, too', async () => {
  const watched = new Watched();
  await watched.start();
  const times: number[] = [];
  watched.world.target.onGet = () => {
    times.push(watched.world.clock.now().monotonic);
    return answer(503);
  };
  await watched.pass();
  expect(times.length).toBeGreaterThan(2 * GROUPS.length);
  const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  // A quarter of 180 a minute.
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(Math.floor(60_000 / 45));
});

test('a group that is paused is passed over, and what was found of it before stays', async () => {
  const watched = new Watched();
  const { watch } = await watched.start();
  members(watched, 'g1').delete('v');
  await watched.pass();
  watched.requests.length = 0;
  watched.pause('g1');
  members(watched, 'g1').delete('u');
  await watched.pass();
  expect(watched.requests).toEqual(['GET g0', 'GET g2']);
  expect(watched.drift()).toHaveLength(1);
  expect(watch.figures.found?.groups).toBe(1);
});

test('while all is paused no group is compared', async () => {
  const watched = new Watched();
  await watched.start();
  watched.pause(null);
  await watched.pass();
  await watched.pass();
  expect(watched.requests).toEqual([]);
  expect(watched.lines('the groups of this instance are compared with Genesys Cloud')[0]).toMatchObject({ paused: 3 });
});

test('a change that comes while its group is compared is no drift', async () => {
  const watched = new Watched();
  await watched.start();
  watched.world.target.onGet = ({ group }) => {
    if (group === 'g1') watched.world.produce({ group_id: group, remove_members: ['v'] });
    if (group === 'g1') members(watched, group).delete('v');
    return null;
  };
  await watched.pass();
  expect(watched.drift()).toEqual([]);
});

describe('before a report is written', () => {
  /** @param then after the source was read on for the nth time since the target has shown group g1 */
  async function afterReading(watched: Watched, nth: number, then: () => void): Promise<void> {
    const read = watched.tools.read.bind(watched.tools);
    let count: number | null = null;
    watched.world.target.onGet = ({ group }) => {
      if (group === 'g1') count ??= 0;
      return null;
    };
    watched.tools.read = async function* reading(topic, options) {
      yield* read(topic, options);
      if (topic !== topics.source || count === null) return;
      count += 1;
      if (count === nth) then();
    };
    await watched.pass();
  }

  test('a change ends the difference: no report says that there is one', async () => {
    const watched = new Watched();
    const { watch } = await watched.start();
    members(watched, 'g1').delete('v');
    watched.world.target.group('g1').version += 1;
    await afterReading(watched, 1, () => watched.world.produce({ group_id: 'g1', add_members: ['v'] }));
    expect(members(watched, 'g1')).toContain('v');
    expect(watched.drift()).toEqual([]);
    expect(watch.figures.found?.groups).toBe(0);
    expect(watched.lines('the groups of this instance are compared with Genesys Cloud')).toEqual([
      expect.objectContaining({ compared: 2, moved: 1 }),
    ]);
  });

  test('a change comes between many reports of one group: those that are left wait for the next pass', async () => {
    const watched = new Watched();
    const { watch } = await watched.start();
    const many = Array.from({ length: 600 }, (_, i) => `m${i}`);
    watched.world.produce({ group_id: 'g1', add_members: many });
    await watched.world.clock.advance(60_000);
    for (const member of many) members(watched, 'g1').delete(member);
    await afterReading(watched, 2, () => watched.world.produce({ group_id: 'g1', add_members: ['u2'] }));
    expect(watched.drift()).toHaveLength(500);
    expect(watch.figures.found?.members.undone).toBe(500);
    await watched.pass();
    expect(watched.drift().map(({ member }) => member)).toEqual(many);
    expect(watch.figures.found?.members.undone).toBe(600);
  });

  test('the signal comes: nothing is reported', async () => {
    const watched = new Watched();
    const { ended } = await watched.start();
    members(watched, 'g1').delete('v');
    await afterReading(watched, 1, () => watched.stop());
    await ended;
    expect(watched.drift()).toEqual([]);
  });

  test('it says when the target had answered', async () => {
    const watched = new Watched();
    await watched.start();
    members(watched, 'g1').delete('v');
    let shownAt = 0;
    const land = holdPatches(watched.world.target);
    await afterReading(watched, 1, () => {
      shownAt = watched.world.clock.now().wall;
      watched.world.produce({ group_id: 'g2', remove_members: ['u'] });
      watched.world.clock.schedule(60_000, land);
    });
    expect(watched.drift().map(({ reported_at: at }) => Date.parse(at))).toEqual([Math.floor(shownAt)]);
  });
});

describe('while a group waits for its turn', () => {
  /** @param then before the request for group g1, after it was found to be owned and not paused */
  async function whileWaiting(watched: Watched, then: () => void): Promise<void> {
    watched.world.target.onGet = ({ group }) => {
      watched.requests.push(`GET ${group}`);
      if (group === 'g0') watched.world.clock.schedule(500, then);
      return null;
    };
    await watched.pass();
  }

  test('it is paused: it is not read', async () => {
    const watched = new Watched();
    await watched.start();
    await whileWaiting(watched, () => watched.pause('g1'));
    expect(watched.requests).toEqual(['GET g0', 'GET g2']);
    expect(watched.lines('the groups of this instance are compared with Genesys Cloud')).toEqual([
      expect.objectContaining({ compared: 2, paused: 1 }),
    ]);
  });

  test('its partition is lost and comes back: it is compared under the new ownership', async () => {
    const watched = new Watched();
    const { log, watch } = await watched.start();
    members(watched, 'g1').delete('v');
    await whileWaiting(watched, () => log.rejoin('a test'));
    expect(watched.requests).toEqual(['GET g0', 'GET g1', 'GET g2']);
    expect(watched.drift()).toHaveLength(1);
    expect(watch.figures.found?.groups).toBe(1);
  });
});

test('the signal ends a pass in the middle, without another request', async () => {
  const watched = new Watched();
  const { watch, ended } = await watched.start();
  watched.world.target.onGet = ({ group }) => {
    watched.requests.push(`GET ${group}`);
    if (group === 'g1') watched.stop();
    return null;
  };
  await watched.pass();
  await ended;
  expect(watched.requests).toEqual(['GET g0', 'GET g1']);
  expect(watch.figures).toMatchObject({ passes: { finished: 0, failed: 0 }, groupsLeft: 0 });
});

test('topics that cannot be read are a warning, and the next pass tries again', async () => {
  const watched = new Watched();
  const { watch } = await watched.start();
  members(watched, 'g1').delete('v');
  const read = watched.tools.read.bind(watched.tools);
  watched.tools.read = () => {
    throw new Error('the disk is on fire');
  };
  await watched.pass();
  expect(watched.lines('a comparison with Genesys Cloud has failed, the next one tries again')).toEqual([
    expect.objectContaining({ code: 'unexpected', problem: 'the disk is on fire', advice: expect.any(String) }),
  ]);
  watched.tools.read = read;
  await watched.pass();
  expect(watch.figures.passes).toEqual({ finished: 1, failed: 1 });
  expect(watched.drift()).toHaveLength(1);
});

test('passes that fail again and again for one reason are few lines', async () => {
  const watched = new Watched();
  Object.assign(watched.world.logger, { debug: () => undefined });
  const { pipeline } = await watched.world.start();
  watched.tools.read = () => {
    throw new Error('the disk is on fire');
  };
  const { watch } = watched.watch(pipeline, { everyMs: 10_000 });
  await watched.world.clock.advance(55_000);
  expect(watch.figures.passes.failed).toBeGreaterThan(3);
  expect(watched.lines('a comparison with Genesys Cloud has failed, the next one tries again')).toHaveLength(1);
});

test('a report of a group that can be no path fails no pass', async () => {
  const watched = new Watched();
  const { watch } = await watched.start();
  const [record] = watched.world.reports();
  const value = JSON.stringify({ ...record, id: 'source/0/99/u', group: '\uD800', source_group: '\uD800' });
  watched.world.broker.append([{ topic: topics.report, partition: 0, key: 'lone', value, headers: [] }]);
  await watched.pass();
  expect(watch.figures.passes).toEqual({ finished: 1, failed: 0 });
  expect(watched.requests).toEqual(['GET g0', 'GET g1', 'GET g2']);
});

test('evidence that cannot be read is one line, not one at each pass', async () => {
  const watched = new Watched();
  const { watch } = await watched.start();
  const read = watched.tools.read.bind(watched.tools);
  watched.tools.read = async function* reading(topic, options) {
    for await (const record of read(topic, options)) {
      const isBad = topic === topics.source && record.offset === 0n;
      yield isBad ? { ...record, unreadable: { code: 'batch_unreadable', message: 'it is bad' } } : record;
    }
  };
  await watched.pass();
  await watched.pass();
  expect(watch.figures.passes.finished).toBe(2);
  expect(watched.lines('a comparison lacks evidence that cannot be read')).toEqual([
    { problem: expect.stringContaining('it is bad') },
  ]);
});

test('topics that cannot be read on are read again from the beginning; what they no longer name is not counted', async () => {
  const watched = new Watched();
  const { watch } = await watched.start();
  const { broker, clock } = watched.world;
  members(watched, 'g1').delete('v');
  await watched.pass();
  expect(watch.figures.found?.groups).toBe(1);
  watched.world.produce({ group_id: 'g0', add_members: ['w'] });
  watched.world.produce({ group_id: 'g0', add_members: ['x'] });
  await clock.advance(5_000);
  for (const topic of [topics.source, topics.report])
    broker.deleteRecordsBefore(topic, 0, broker.topic(topic).partition(0).end - 1n);
  await watched.pass();
  expect(watched.lines('comparisons read the topics again from the beginning')).toEqual([
    { problem: expect.stringMatching(/^reports\/0 was read up to offset \d+, and now holds \d+ to \d+/) },
  ]);
  expect(watch.figures).toMatchObject({ passes: { finished: 2, failed: 0 }, found: { groups: 0 } });
  expect(watched.drift()).toHaveLength(0);
});

test('a target that cannot be read ends the pass with a warning; what was read of the topics stays', async () => {
  const watched = new Watched();
  const { watch } = await watched.start();
  let isRefused = true;
  watched.world.target.onGet = () => (isRefused ? answer(401) : null);
  await watched.pass();
  expect(watched.lines('a comparison with Genesys Cloud has failed, the next one tries again')).toEqual([
    expect.objectContaining({
      code: 'target_unreadable',
      problem: expect.stringContaining('cannot be read'),
      advice: expect.any(String),
    }),
  ]);
  expect(watch.figures.passes).toEqual({ finished: 0, failed: 1 });
  isRefused = false;
  const read = watched.tools.read.bind(watched.tools);
  const froms: unknown[] = [];
  watched.tools.read = (topic, options) => {
    if (topic === topics.source) froms.push(options.from);
    return read(topic, options);
  };
  await watched.pass();
  expect(watch.figures.passes).toEqual({ finished: 1, failed: 1 });
  expect(froms).toEqual([{ offsets: new Map([[0, 3n]]) }]);
});

test('after a loss of the partition what differs is reported again, under the same id', async () => {
  const watched = new Watched();
  const { pipeline, log, watch } = await watched.start();
  members(watched, 'g1').delete('v');
  await watched.pass();
  const owned = pipeline.compared.owned(0);
  log.rejoin('a test');
  await watched.world.clock.settle();
  expect(watch.figures.found?.groups).toBe(0);
  await watched.pass();
  expect(pipeline.compared.owned(0)).not.toBe(owned);
  expect(watch.figures.found?.groups).toBe(1);
  const [first, second] = watched.drift();
  expect(second).toMatchObject({ id: first?.id, source: first?.source, reported_at: expect.any(String) });
  expect(watched.drift()).toHaveLength(2);
});

test('evidence that takes too much memory ends the pass, and is forgotten', async () => {
  const watched = new Watched();
  const { pipeline } = await watched.world.start();
  for (let i = 0; i < 200; i += 1) watched.world.produce({ group_id: 'g0', add_members: [`u${i}`] });
  await watched.world.clock.advance(60_000);
  watched.watch(pipeline, { evidenceBytesMax: 150 * 250 });
  await watched.pass();
  expect(watched.lines('a comparison with Genesys Cloud has failed, the next one tries again')).toEqual([
    expect.objectContaining({
      code: 'evidence_too_large',
      problem: 'what is known of memberships takes more than 0 MiB',
      advice: expect.stringContaining('run `rollcall diff` as a process of its own'),
    }),
  ]);
});

test('an error outside of all passes ends the comparisons, and not the service', async () => {
  const watched = new Watched();
  const { pipeline } = await watched.world.start();
  const given = { KAFKA_BROKERS: 'localhost:9092', GENESYS_CLIENT_ID: 'id', GENESYS_CLIENT_SECRET: 'secret' };
  const config = readConfig({ ...given, DRIFT_EVERY_MS: '60000' }, ['kafka', 'topics', 'genesys', 'drift'], String);
  const ports = { live: { current: config }, api: watched.world.target, ids: null, format: native };
  const clock = {
    now: () => {
      throw new Error('there is no time');
    },
    schedule: watched.world.clock.schedule.bind(watched.world.clock),
  };
  const running = watchDrift(pipeline, ports, { context: aContext({ clock }), logger: watched.world.logger });
  await running?.close();
  expect(watched.lines('comparisons with Genesys Cloud have ended by an error, the service goes on')).toEqual([
    { problem: 'there is no time' },
  ]);
});

test('off by default', async () => {
  const watched = new Watched();
  const { pipeline } = await watched.world.start();
  const given = { KAFKA_BROKERS: 'localhost:9092', GENESYS_CLIENT_ID: 'id', GENESYS_CLIENT_SECRET: 'secret' };
  const live = { current: readConfig(given, ['kafka', 'topics', 'genesys', 'drift'], String) };
  const ports = { live, api: watched.world.target, ids: null, format: native };
  expect(watchDrift(pipeline, ports, { context: aContext(), logger: watched.world.logger })).toBe(null);
  expect(readConfig({}, ['drift'], String).drift).toEqual({ everyMs: null });
  expect(readConfig({ DRIFT_EVERY_MS: '60000' }, ['drift'], String).drift).toEqual({ everyMs: 60_000 });
  expect(() => readConfig({ DRIFT_EVERY_MS: '9999' }, ['drift'], String)).toThrow('must be 0, or a whole number from');
});
