/** `rollcall status` over the memory log: what an instance says of itself, and what the log says where none answers. */
import { describe, expect, test } from 'vitest';
import { showStatus, watchStatus, type StatusFlags } from '../../src/commands/status.ts';
import type { StatusSources } from '../../src/console/status-sources.ts';
import { encodeCommit, NO_MARK } from '../../src/core/log/commit-metadata.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { pauseValue, requestKey } from '../../src/core/log/request-record.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { aContext } from '../support/command-context.ts';
import { answer, QuickWorld, type QuickOptions } from '../support/quick-world.ts';
import type { LogTools } from '../../src/ports.ts';
import { INSTANCE_TOKEN, servedPipeline } from '../support/served-pipeline.ts';
import { TappedLog } from '../support/tapped-log.ts';
import { topics } from '../support/world.ts';

const MINUTE_MS = 60_000;
const guard = { groupPercent: 100, groupFloor: 10, groupCount: 2, windowCount: 1_000_000, windowMs: 600_000 };

class Watching {
  readonly world: QuickWorld;
  kafka: 'answers' | 'is away' | 'hangs' = 'answers';
  code: number | null = null;
  readonly #tools: StatusSources['tools'];
  #urls: readonly string[] = ['http://127.0.0.1:1'];

  constructor(options: QuickOptions = {}) {
    this.world = new QuickWorld(options);
    const { source, retry } = topics;
    const inputs = { groupId: 'none', clientId: 'status', heartbeatIntervalMs: 1_000, topics: { source, retry } };
    this.#tools = Object.assign(new TappedLog(this.world.broker, inputs), this.#offsetTools());
  }

  /** An instance that is asked, until it is gone. */
  async start() {
    const started = await this.world.start();
    this.#urls = [await servedPipeline(started.pipeline)];
    return started;
  }

  instanceIsGone(): void {
    this.#urls = ['http://127.0.0.1:1'];
  }

  async text(flags: StatusFlags = {}): Promise<string> {
    const context = aContext({ clock: this.world.clock });
    const instances = this.#urls.map((url) => ({ url, token: INSTANCE_TOKEN, isShadow: false }));
    this.code = await showStatus(flags, { tools: this.#tools, topics, groupId: 'rollcall', instances, context });
    return context.out();
  }

  watch() {
    const context = aContext({ clock: this.world.clock });
    const instances = this.#urls.map((url) => ({ url, token: INSTANCE_TOKEN, isShadow: false }));
    const sources = { tools: this.#tools, topics, groupId: 'rollcall', instances, context };
    return { context, ended: watchStatus({ json: true, watch: true }, sources) };
  }

  /** Until so many frames are shown. */
  async shown(context: ReturnType<typeof aContext>, count: number): Promise<void> {
    while (context.out().split('\n').length <= count) {
      await this.world.clock.advance(500);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async sentence(): Promise<string> {
    return (await this.text()).trimEnd().split('\n').at(-1) ?? '';
  }

  async json(flags: StatusFlags = {}): Promise<Record<string, never>> {
    return JSON.parse(await this.text({ json: true, ...flags })) as Record<string, never>;
  }

  /** As Kafka would say it. */
  #offsetTools(): Omit<StatusSources['tools'], keyof LogTools> {
    const { world } = this;
    const bounds = () => ({ start: 0n, end: BigInt(world.records('source').length) });
    return {
      committedIn: async () => {
        if (this.kafka === 'is away') throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
        if (this.kafka === 'hangs') await new Promise(() => undefined);
        return new Map([[0, world.broker.group('rollcall').committed(0)]]);
      },
      boundsWhereLed: async () => new Map([[0, bounds()]]),
      timestampsAt: async (_, from) => {
        const first = world.records('source')[Number(from.get(0))];
        return new Map(first === undefined ? [] : [[0, first.timestamp]]);
      },
      consumerGroup: async () => ({
        state: world.broker.group('rollcall').memberIds.length === 0 ? 'Empty' : 'Stable',
        members: world.broker.group('rollcall').memberIds.map((memberId) => ({
          memberId,
          clientId: 'i1',
          host: '127.0.0.1',
          partitions: new Map([['source', [0]]]),
        })),
      }),
    };
  }
}

const away = (watching: Watching): void => {
  watching.world.target.onGet = () => answer(503);
};

const converges = (pipeline: Pipeline) => {
  const { requests_ahead: requests, converges_in_ms: ms } = pipeline.status({ withAffected: false }, pipeline.stats());
  return { requests, ms };
};

test('status: in step', async () => {
  const watching = new Watching();
  await watching.start();
  watching.world.produce({ add_members: ['a', 'b'] });
  await watching.world.clock.advance(MINUTE_MS);
  expect(await watching.sentence()).toBe('In step: all that can be applied is.');
  expect(watching.code).toBe(EXIT.done);
  expect(await watching.json()).toMatchObject({ in_step: true, converges_in_ms: 0, kafka_problem: null });
});

test('status: who has rewound last, and why, of each partition', async () => {
  const watching = new Watching();
  const { world } = watching;
  const { kill } = await watching.start();
  world.produce({ add_members: ['a'] });
  await world.clock.advance(5_000);
  expect(await watching.text()).not.toContain('rewound');
  expect(await watching.json()).toMatchObject({ partitions: [{ rewound: null }] });
  kill();
  await world.clock.advance(MINUTE_MS);
  const rewound = { author: 'jane', reason: 'INC-7: a restore', at: 1_790_000_000_000 };
  const metadata = encodeCommit(1n, { ranges: [], mark: { ...NO_MARK, rewound: { ...rewound, from: 1n } } });
  world.broker.group('rollcall').commitWithoutMembers([{ partition: 0, offset: 1n, metadata }]);
  const at = '2026-09-21T14:13:20.000Z';
  expect(await watching.json()).toMatchObject({ partitions: [{ rewound: { ...rewound, at } }] });
  expect(await watching.text()).toContain(`\npartition 0: rewound by jane at ${at}: INC-7: a restore\n`);
});

test('status: behind by what waits for another try, by the time of its record', async () => {
  const watching = new Watching();
  const { pipeline } = await watching.start();
  away(watching);
  watching.world.produce({ add_members: ['a', 'b', 'c'] });
  await watching.world.clock.advance(1_500);
  // A read, and one PATCH for all three, after the wait for the next try.
  const { requests, ms } = converges(pipeline);
  expect(requests).toBe(2);
  expect(ms).toBeGreaterThan(0);
  expect(ms).toBeLessThan(5_000);
  expect(await watching.sentence()).toMatch(
    /^Behind by 3 changes, the oldest for \d s; in step in about .+, with 2 requests, if the next try of 3 of them succeeds\.$/,
  );
});

describe('status: the requests that are ahead', () => {
  test.each<[string, number, (world: QuickWorld) => void]>([
    ['50 changes of a group that is not known need a read and a PATCH', 2, (world) => world.produce(adding(50))],
    ['51 need a read and two PATCHes', 3, (world) => world.produce(adding(51))],
    ['of a full state a read and one PATCH are known', 2, (world) => world.produce({ members: ['x'], complete: true })],
    [
      'each group has its own',
      4,
      (world) => {
        world.produce(adding(3));
        world.produce({ ...adding(3), group_id: 'h' });
      },
    ],
  ])('%s', async (_, requests, produce) => {
    const watching = new Watching();
    const { pipeline } = await watching.start();
    // Nothing is tried again for a minute.
    watching.world.target.onGet = () => answer(503, { retryAfterMs: MINUTE_MS });
    produce(watching.world);
    await watching.world.clock.advance(1_000);
    expect(converges(pipeline).requests).toBe(requests);
  });

  test('what is so already, as far as is known, needs none', async () => {
    const watching = new Watching();
    const { pipeline } = await watching.start();
    const { world } = watching;
    world.produce(adding(2));
    await world.clock.advance(5_000);
    world.target.onPatch = () => answer(503, { retryAfterMs: MINUTE_MS });
    world.produce({ add_members: ['m0', 'm1', 'new'] });
    await world.clock.advance(1_000);
    // The answer leaves in doubt what the group is, so that it is read again.
    expect(converges(pipeline).requests).toBe(2);
  });

  test('to ask changes nothing of which groups are remembered', async () => {
    // given room for two groups of one member, of which `g` was used first, and has something to be sent
    const watching = new Watching({ pipeline: { snapshotMembersMax: 4 } });
    const { pipeline } = await watching.start();
    const { world } = watching;
    const patches: string[] = [];
    const reads: string[] = [];
    world.target.onGet = ({ group }) => {
      reads.push(group);
      return null;
    };
    world.target.onPatch = ({ group }) => {
      patches.push(group);
      const isLater = patches.filter((each) => each === 'g').length > 1;
      return group === 'g' && isLater ? answer(429, { retryAfterMs: MINUTE_MS }) : null;
    };
    const change = async (group: string, members: object): Promise<void> => {
      world.produce({ ...members, group_id: group });
      await world.clock.advance(1_000);
    };
    await change('g', adding(1));
    await change('g', { remove_members: ['m0'] });
    await change('h', adding(1));
    // when it is asked, and a third group comes
    pipeline.status({ withAffected: true }, pipeline.stats());
    await change('i', adding(1));
    // then `h` is still known
    await change('h', { remove_members: ['m0'] });
    expect(reads.filter((group) => group === 'h')).toHaveLength(1);
  });
});

const adding = (count: number) => ({ add_members: names(count) });
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);

test('status: what is held, waits for long, or was given up is no lag', async () => {
  const watching = new Watching({
    pipeline: { guard, retry: { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [MINUTE_MS] } },
  });
  const { world } = watching;
  await watching.start();
  world.produce({ add_members: ['a', 'b', 'c'] });
  await world.clock.advance(5_000);
  world.target.onGet = ({ group }) => (group === 'gone' ? answer(404) : null);
  world.produce({ remove_members: ['a', 'b', 'c'], event_id: 'left' });
  world.produce({ group_id: 'gone', add_members: ['a'] });
  await world.clock.advance(5_000);
  expect(await watching.sentence()).toMatch(
    /^In step: all that can be applied is\. Held for an operator: 3 removals, of changes up to .+ s old\. Missing or not permitted at Genesys Cloud: 1 change, the next try at .+\.$/,
  );
});

async function pause({ world }: Watching, group: string | null): Promise<void> {
  const value = pauseValue({ kind: 'pause', group, author: 'jane', reason: 'INC-7' });
  const headers = [textHeader('rollcall-type', 'pause')];
  world.broker.append([{ topic: topics.retry, partition: 0, key: requestKey(String(group)), value, headers }]);
  await world.clock.advance(5_000);
}

test('status --affected: what is held of a paused group waits for no resume', async () => {
  const watching = new Watching({ pipeline: { guard } });
  const { world } = watching;
  await watching.start();
  world.produce({ add_members: ['a', 'b', 'c'] });
  await world.clock.advance(5_000);
  world.produce({ remove_members: ['a', 'b', 'c'] });
  await world.clock.advance(5_000);
  await pause(watching, null);
  expect(await watching.text({ affected: true })).not.toMatch(/^group /m);
  world.produce({ add_members: ['d'] });
  await world.clock.advance(5_000);
  expect(await watching.text({ affected: true })).toMatch(/^group g {2}1 change {2}since .+ {2}paused$/m);
});

describe('status: the breaker is open', () => {
  async function given(): Promise<Watching> {
    const watching = new Watching();
    await watching.start();
    watching.world.target.onGet = () => answer(401);
    watching.world.produce({ group_id: 'old', add_members: ['a'] });
    await watching.world.clock.advance(30_000);
    watching.world.produce({ group_id: 'new', add_members: ['b', 'c'] });
    await watching.world.clock.advance(5_000);
    return watching;
  }

  test('why, since when, what closes it, what to do; when it ends is not known', async () => {
    const watching = await given();
    expect(await watching.sentence()).toMatch(
      /^Nothing is sent since .+: the breaker is open \(auth: .+\)\. It closes by any change that succeeds, or a probe \(a read of one group\) that is neither refused as before, .+; the next goes .+\. Check .+\. Behind by 3 changes, the oldest for 35 s\.$/,
    );
    expect(await watching.json()).toMatchObject({ in_step: false, converges_in_ms: null });
  });

  test('--affected lists the groups that wait for it, the oldest first', async () => {
    const lines = (await (await given()).text({ affected: true }))
      .split('\n')
      .filter((line) => line.startsWith('group '));
    expect(lines).toEqual([
      expect.stringMatching(/^group old {2}1 change {2}since .+ {2}the breaker is open$/),
      expect.stringMatching(/^group new {2}2 changes {2}since .+ {2}the breaker is open$/),
    ]);
  });

  test('--affected lists what is paused as well, and says so', async () => {
    const watching = await given();
    const lines = async (): Promise<readonly string[]> =>
      (await watching.text({ affected: true })).split('\n').filter((line) => line.startsWith('group '));
    await pause(watching, 'old');
    expect(await lines()).toEqual([
      expect.stringMatching(/^group old {2}1 change {2}since .+ {2}paused$/),
      expect.stringMatching(/^group new {2}2 changes {2}since .+ {2}the breaker is open$/),
    ]);
    await pause(watching, null);
    expect(await lines()).toEqual([
      expect.stringMatching(/^group old {2}1 change {2}since .+ {2}paused$/),
      expect.stringMatching(/^group new {2}2 changes {2}since .+ {2}paused$/),
    ]);
    expect(await watching.sentence()).toContain('Waiting for a resume: 3 changes.');
  });
});

test('status: no instance answers: what is not finished, since when, and what waits', async () => {
  const watching = new Watching();
  const { world } = watching;
  const { kill } = await watching.start();
  away(watching);
  world.produce({ add_members: ['a'] });
  await world.clock.advance(5_000);
  kill();
  watching.instanceIsGone();
  world.produce({ group_id: 'h', add_members: ['b'] });
  await world.clock.advance(MINUTE_MS);
  expect(await watching.json()).toMatchObject({
    in_step: false,
    converges_in_ms: null,
    totals: { parked: 1, due: 1, unread: 1 },
    partitions: [{ partition: 0, instance: null, phase: null, unread: null, unfinished: 1 }],
  });
  expect(await watching.sentence()).toBe(
    'How far behind is not known of partition 0: no instance runs. ' +
      'Behind by at most 1 change and 1 source record, the oldest for 1 min 5 s.',
  );
});

test('status: Kafka does not answer: the instance is shown all the same, and the code says it', async () => {
  const watching = new Watching();
  await watching.start();
  watching.kafka = 'is away';
  const text = await watching.text();
  expect(text).toContain('Kafka: connect ECONNREFUSED');
  expect(text).toContain('Kafka could not be asked: ');
  expect(text).not.toContain('In step');
  expect(text).toContain(', version ');
  expect(watching.code).toBe(EXIT.unavailable);
});

test('status: a broker that hangs is unavailable, and what it would say is not known', async () => {
  const watching = new Watching();
  watching.kafka = 'hangs';
  const asking = watching.text();
  await watching.world.clock.advance(11_000);
  const text = await asking;
  expect(text).toContain('unread ?, pending ?, given up ?\n');
  expect(text).toContain('Kafka could not be asked: ');
  expect(watching.code).toBe(EXIT.unavailable);
});

describe('status --watch', () => {
  test('asks again every 2 s, also while Kafka is away, until a signal', async () => {
    const watching = new Watching();
    await watching.start();
    const { context, ended } = watching.watch();
    await watching.shown(context, 1);
    watching.kafka = 'is away';
    await watching.shown(context, 2);
    watching.kafka = 'answers';
    await watching.shown(context, 3);
    context.ask();
    expect(await ended).toBe(EXIT.done);
    const frames = framesOf(context.out());
    expect(frames.map(({ kafka_problem: problem }) => problem)).toEqual([null, 'connect ECONNREFUSED', null]);
  });
});

const framesOf = (out: string): Record<string, unknown>[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
