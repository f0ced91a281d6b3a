/** `rollcall status` over the memory log: what an instance says of itself, and what the log says where none answers. */
import { describe, expect, test } from 'vitest';
import { showStatus, type StatusFlags } from '../../src/commands/status.ts';
import type { StatusSources } from '../../src/console/status-sources.ts';
import { EXIT } from '../../src/exit-codes.ts';
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
  kafka: 'answers' | 'is away' = 'answers';
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
    const instances = this.#urls.map((url) => ({ url, token: INSTANCE_TOKEN }));
    this.code = await showStatus(flags, { tools: this.#tools, topics, groupId: 'rollcall', instances, context });
    return context.out();
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
      committedOffsets: async () => {
        if (this.kafka === 'is away') throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
        return new Map([[0, world.committed() ?? 0n]]);
      },
      boundsWhereLed: async () => new Map([[0, bounds()]]),
      timestampsAt: async (_, from) => {
        const first = world.records('source')[Number(from.get(0))];
        return new Map(first === undefined ? [] : [[0, first.timestamp]]);
      },
      consumerGroup: async () => ({ state: 'Stable', members: [] }),
    };
  }
}

const away = (watching: Watching): void => {
  watching.world.target.onGet = () => answer(503);
};

const converges = (pipeline: Pipeline) => {
  const { requests_ahead: requests, converges_in_ms: ms } = pipeline.status({ withAffected: false });
  return { requests, ms };
};

test('status: in step', async () => {
  const watching = new Watching();
  await watching.start();
  watching.world.produce({ add_members: ['a', 'b'] });
  await watching.world.clock.advance(MINUTE_MS);
  expect(await watching.sentence()).toBe('In step: all that can be applied is.');
  expect(watching.code).toBe(EXIT.done);
  expect(await watching.json()).toMatchObject({ in_step: true, behind: 0, converges_in_ms: 0, kafka_problem: null });
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
    /^Behind by 3 changes, the oldest for \d s; in step in about .+, with 2 requests\.$/,
  );
});

describe('status: the requests that are ahead', () => {
  const ahead = async (produce: (world: QuickWorld) => void): Promise<number> => {
    const watching = new Watching();
    const { pipeline } = await watching.start();
    const { world } = watching;
    for (const group of ['g', 'h', 'i']) world.produce({ group_id: group, add_members: ['first'] });
    await world.clock.advance(5_000);
    world.target.onPatch = () => answer(503);
    produce(world);
    await world.clock.advance(10);
    return converges(pipeline).requests;
  };

  test.each<[string, number, (world: QuickWorld) => void]>([
    ['50 changes of one group go into one', 1, (world) => world.produce({ add_members: names(50) })],
    ['51 need two', 2, (world) => world.produce({ add_members: names(51) })],
    ['of a full state one is known', 1, (world) => world.produce({ members: ['first', 'x'], complete: true })],
  ])('%s', async (_, requests, produce) => {
    // One of them is under way, and the group may have to be read again.
    const found = await ahead(produce);
    expect([requests, requests + 1]).toContain(found);
  });
});

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
    /^In step: all that can be applied is\. 3 removals held for an operator, the oldest since .+\. 1 change waiting for .+, the next try at .+\.$/,
  );
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
      /^Nothing is sent since .+: the breaker is open \(auth: .+\)\. It closes by any change that succeeds, or a probe \(a read of one group\) that does not fail so; \d+ probes so far, the next .+\. Check .+\. Behind by 3 changes, the oldest for 35 s\.$/,
    );
    expect(await watching.json()).toMatchObject({ in_step: false, converges_in_ms: null });
  });

  test('--affected lists the groups that wait for it, the oldest first', async () => {
    const lines = (await (await given()).text({ affected: true }))
      .split('\n')
      .filter((line) => line.startsWith('group '));
    expect(lines).toEqual([
      expect.stringMatching(/^group old {2}1 change {2}since /),
      expect.stringMatching(/^group new {2}2 changes {2}since /),
    ]);
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
    behind: 2,
    totals: { parked: 1 },
    partitions: [{ partition: 0, instance: null, phase: null, unread: null, unfinished: 1 }],
  });
  expect(await watching.sentence()).toBe(
    'How far behind is not known of partition 0: no instance runs; 1 record not finished there. ' +
      'Behind by 2 changes, the oldest for 1 min 5 s.',
  );
});

test('status: Kafka does not answer: the instance is shown all the same, and the code says it', async () => {
  const watching = new Watching();
  await watching.start();
  watching.kafka = 'is away';
  const text = await watching.text();
  expect(text).toContain('Kafka does not answer: ');
  expect(text).toContain('In step: all that can be applied is.');
  expect(watching.code).toBe(EXIT.unavailable);
});
