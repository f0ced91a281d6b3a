/** A shadow beside a target that it only reads: what it reports, and what it remembers of what it has not sent. */
import { describe, expect, test } from 'vitest';
import { ShadowApi } from '../../src/adapters/genesys/shadow-api.ts';
import { systemClock } from '../../src/adapters/system.ts';
import type { HttpAnswer } from '../../src/core/target/refusals.ts';
import { classify } from '../../src/core/target/outcome.ts';
import { patchBody, type Snapshot } from '../../src/core/target/snapshot.ts';
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import type { GroupApi } from '../../src/ports.ts';
import { anIntent } from '../support/an-intent.ts';
import { aLog, anApi, aSandbox, adding, as, get, patch } from '../support/genesys.ts';
import { mulberry32, type Stream } from '../support/random.ts';
import { aWorld, until, type Instance, type World } from '../support/world.ts';

const GROUPS = ['g', 'h', 'i'];
const MEMBERS = Array.from({ length: 12 }, (_, i) => `m${i}`);
const pipeline = { isShadow: true };

const aShadow = (sandbox: Sandbox, max?: number, logger = aLog()): ShadowApi =>
  new ShadowApi(anApi(sandbox), { clock: systemClock, logger }, max);

const changing = (world: { readonly sandbox: Sandbox }): number =>
  world.sandbox.stats.journal.filter(({ method }) => !['GET', 'POST'].includes(method)).length;

const startShadow = (world: World): Promise<Instance> =>
  world.start({ target: aShadow(world.sandbox), pipeline });

const someOf = (next: Stream, all: readonly string[], share: number): readonly string[] =>
  all.filter(() => next() < share);

/** Of one round; other systems change groups before it. */
function produceRound(world: World, next: Stream): void {
  for (const group of GROUPS) if (next() < 0.3) world.sandbox.setMembers(group, someOf(next, MEMBERS, 0.5));
  for (let each = 0; each < 8; each += 1) {
    const group = GROUPS[Math.floor(next() * GROUPS.length)] ?? '';
    if (next() < 0.15) world.state(group, ['m0', ...someOf(next, MEMBERS, 0.5)]);
    else world.change(group, { add: someOf(next, MEMBERS, 0.2), remove: someOf(next, MEMBERS, 0.2) });
  }
}

const seed = { groups: GROUPS.map((id) => ({ id, members: ['m1', 'm2'], version: 1 })) };

async function play(drawn: number, start: (world: World) => Promise<Instance>, sandbox: SandboxOptions) {
  const world = await aWorld({ sandbox: { seed, ...sandbox } });
  const next = mulberry32(drawn);
  for (let round = 0; round < 6; round += 1) {
    produceRound(world, next);
    // What lies in the source when it is read first is folded before anything is sent.
    const instance = await start(world);
    await world.expectRest(instance);
    const members = GROUPS.map((group) => world.sandbox.members(group));
    if (round === 5) return { world, members };
    instance.kill();
  }
  throw new Error('unreachable');
}
