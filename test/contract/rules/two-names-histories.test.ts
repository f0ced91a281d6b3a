/** Random histories of users with several names, resolved at any time, with crashes in between: the newest change counts. */
import { expect, test } from 'vitest';
import type { PatchGroupRequest } from '../../../src/ports.ts';
import { QuickWorld } from '../../support/quick-world.ts';
import { congruential, SeededRandom } from '../../support/random.ts';
import { Table } from '../../support/table.ts';

const NAMES: Readonly<Record<string, string>> = { a1: 'a', a2: 'a', a3: 'a', b1: 'b', b2: 'b', c1: 'c' };
const HOURS = 3_600_000;
const patient = {
  retry: { baseMs: 1_000, capMs: 5_000, attemptsMax: 1_000, slowScheduleMs: Array.from({ length: 200 }, () => 60_000) },
};

type Op = 'add' | 'remove';

class History {
  readonly ids = new Table().set('group', 'g', 'g');
  readonly world = new QuickWorld({ ids: this.ids, pipeline: patient });
  /** What each event says of each user under any name, in their order. */
  readonly #events: ReadonlyMap<string, ReadonlySet<Op>>[] = [];
  /** PATCHes that undo what is reported, and that no newer event wants. */
  readonly stale: string[] = [];
  readonly #random: SeededRandom;
  #instance: Awaited<ReturnType<QuickWorld['start']>> | null = null;

  constructor(seed: number) {
    this.#random = new SeededRandom(congruential(seed));
    this.world.target.onPatch = (request) => {
      this.#judge(request);
      return null;
    };
  }

  async play(): Promise<void> {
    await this.#restart();
    for (let step = 0; step < 25; step += 1) {
      const drawn = this.#random.next();
      if (drawn < 0.5) this.#change();
      else if (drawn < 0.65) this.#resolve(this.#random.pick(Object.keys(NAMES)));
      else if (drawn < 0.75) this.#breakLog();
      else if (drawn < 0.85) await this.#restart();
      else await this.world.clock.advance(this.#random.pick([1, 10, 1_000, 70_000]));
    }
    for (const name of Object.keys(NAMES)) this.#resolve(name);
    await this.#restart();
    await this.world.clock.advance(2 * HOURS);
  }

  /** Of one event the removal wins. */
  wanted(): readonly string[] {
    const newest = new Map(this.#events.flatMap((event) => [...event]));
    return [...newest].flatMap(([user, ops]) => (ops.has('remove') ? [] : [user])).toSorted();
  }

  #change(): void {
    const names = Object.keys(NAMES).filter(() => this.#random.next() < 0.3);
    const [add, remove] = [names.filter((_, i) => i % 2 === 0), names.filter((_, i) => i % 2 === 1)];
    const [adds, removes] = this.#random.next() < 0.5 ? [add, remove] : [remove, add];
    this.world.produce({ add_members: adds, remove_members: removes });
    const said = new Map<string, Set<Op>>();
    for (const [op, list] of [
      ['add', adds],
      ['remove', removes],
    ] as const)
      for (const name of list) said.set(userOf(name), (said.get(userOf(name)) ?? new Set()).add(op));
    this.#events.push(said);
  }

  #resolve(name: string): void {
    this.ids.set('user', name, userOf(name));
  }

  /** Until the next restart nothing is written to the retry topic. */
  #breakLog(): void {
    if (this.#instance === null) return;
    this.#instance.log.beforeSend = async (records) => {
      if (records.some(({ topic }) => topic === 'retry')) throw new Error('the retry topic is away');
    };
  }

  async #restart(): Promise<void> {
    this.#instance?.kill();
    this.#instance = await this.world.start();
  }

  /** What is reported to be so is undone by a newer event only. */
  #judge({ body }: PatchGroupRequest): void {
    for (const { op, path, value } of body.Operations) {
      const users = op === 'add' ? (value ?? []).map((each) => each.value) : [String(JSON.parse(path.slice(17, -1)))];
      for (const user of users) if (!this.#mayBe(user, op)) this.stale.push(`${op} ${user}`);
    }
  }

  #mayBe(user: string, op: Op): boolean {
    const landed = this.world
      .reports()
      .filter(({ outcome, source_member: name }) => LANDED.has(outcome) && userOf(name ?? '') === user)
      .map(({ source, op: said }) => ({ offset: Number(source.offset), isRemoval: said === 'remove' }));
    const newest = Math.max(-1, ...landed.map(({ offset }) => offset));
    const isRemoved = landed.some(({ offset, isRemoval }) => offset === newest && isRemoval);
    const isWantedByNewer = this.#events.slice(newest + 1).some((event) => event.get(user)?.has(op) === true);
    return isWantedByNewer || (isRemoved ? op === 'remove' : this.#events[newest]?.get(user)?.has(op) === true);
  }
}

const userOf = (name: string): string => NAMES[name] ?? '';

const LANDED: ReadonlySet<string> = new Set(['applied', 'recovered', 'already_synced']);

test.each(Array.from({ length: 25 }, (_, seed) => seed))('two names: history %i', async (seed) => {
  const history = new History(seed);
  await history.play();
  const { world } = history;
  expect([...world.target.group('g').members].toSorted()).toEqual(history.wanted());
  expect(history.stale).toEqual([]);
  expect(
    world
      .reports()
      .filter(
        ({ outcome }) =>
          !LANDED.has(outcome) && outcome !== 'superseded' && outcome !== 'retry_scheduled' && outcome !== 'no_changes',
      ),
  ).toEqual([]);
  expect(world.committed()).toBe(BigInt(world.records('source').length));
  expect(
    world.records('retry').findLast(({ key }) => String(Buffer.from(key ?? [])) === 'g')?.value ?? null,
  ).toBeNull();
});
