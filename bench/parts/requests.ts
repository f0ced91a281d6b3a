/**
 * How many PATCHes a second reach distinct groups, 20 in flight: of Rollcall, which knows the groups from an event before, and of
 * undici alone. The target is a process like this one, so that at 0 ms it is the limit of both.
 */
import { ratio, single, type Figure } from '../figure.ts';
import { inPairs, type Bench, type Part } from '../part.ts';
import type { Memberships } from '../world/memberships.ts';
import { Run } from '../world/run.ts';
import { groupName } from '../world/stream.ts';
import { sendEvents } from '../world/send-events.ts';
import { peer, rollcall, type Subject } from '../world/subject.ts';
import { nativeValue } from '../world/workload.ts';

const GROUPS = 3_000;
const LIMIT_SECONDS = 120;

export const requests: Part = { name: 'requests', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [latencyMs, atLeast] of [
    [20, 0.95],
    [0, 0.5],
  ] as const) {
    const own = await rollcall();
    const raw = await peer('raw-requests', { GROUPS: String(GROUPS) });
    const pairs = await inPairs(
      bench,
      () => ofRollcall(bench, own, latencyMs),
      () => ofUndici(bench, raw, latencyMs),
    );
    const name = (what: string) => `PATCH/s to distinct groups at ${latencyMs} ms: ${what}`;
    figures.push(
      ratio(
        name('÷ undici alone'),
        pairs.map(([a, b]) => a.perSecond / b.perSecond),
        { atLeast },
      ),
      {
        name: name('of undici alone'),
        values: pairs.map(([, b]) => b.perSecond),
        unit: '/s',
        digits: 0,
        goal: null,
      },
      single(name('groups that undici left wrong'), Math.max(...pairs.map(([, b]) => b.wrongGroups)), {}),
    );
  }
  return figures;
}

interface Written {
  readonly perSecond: number;
  /** Of undici. */
  readonly wrongGroups: number;
}

async function ofRollcall(bench: Bench, subject: Subject, latencyMs: number): Promise<Written> {
  const { tools } = await bench.kafka();
  return withRun(bench, latencyMs, async (run) => {
    run.start(subject);
    await sendEvents(tools, run.topics.SOURCE_TOPIC, additions('first'));
    await run.committed(GROUPS, LIMIT_SECONDS);
    const writes = new Writes(run);
    await sendEvents(tools, run.topics.SOURCE_TOPIC, additions('second'));
    await run.committed(2 * GROUPS, LIMIT_SECONDS);
    return { perSecond: writes.perSecond, wrongGroups: run.wrongGroups(groupsOf('first', 'second'), subject) };
  });
}

async function ofUndici(bench: Bench, subject: Subject, latencyMs: number): Promise<Written> {
  return withRun(bench, latencyMs, async (run) => {
    const writes = new Writes(run);
    run.start(subject);
    await run.until(() => writes.count === GROUPS, { what: 'all groups are patched', limitSeconds: LIMIT_SECONDS });
    return { perSecond: writes.perSecond, wrongGroups: run.wrongGroups(groupsOf('member-1'), subject) };
  });
}

async function withRun(bench: Bench, latencyMs: number, work: (run: Run) => Promise<Written>): Promise<Written> {
  const target = { limits: 'off', latencyMs } as const;
  const run = await Run.open({ kafka: await bench.kafka(), target, initial: groupsOf(), partitions: 6 });
  try {
    return await work(run);
  } finally {
    await run.close();
  }
}

const groupsOf = (...members: readonly string[]): Memberships =>
  new Map(Array.from({ length: GROUPS }, (_, index) => [groupName(index), new Set(members)]));

const additions = (member: string) =>
  [...groupsOf().keys()].map((group) => ({ group, value: nativeValue(`${member}-${group}`, group, { add: member }) }));

/** The writes from now on. */
class Writes {
  count = 0;
  /** Of `performance.now()`. */
  #firstAt = Number.NaN;
  #lastAt = Number.NaN;

  constructor({ sandbox }: Run) {
    sandbox.onRequest(({ phase }) => {
      if (phase !== 'applied') return;
      this.#lastAt = performance.now();
      if (this.count === 0) this.#firstAt = this.#lastAt;
      this.count += 1;
    });
  }

  /** Between the first and the last. */
  get perSecond(): number {
    return ((this.count - 1) * 1000) / (this.#lastAt - this.#firstAt);
  }
}
