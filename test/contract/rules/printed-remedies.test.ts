/** Commands that reports print as remedies, carried out as they are printed: each does what it says. */
import { expect, test } from 'vitest';
import { decideHeld, decisionOf, showHeld } from '../../../src/commands/held.ts';
import { replayNow } from '../../../src/commands/replay.ts';
import { EXIT, type ExitCode } from '../../../src/exit-codes.ts';
import { aContext } from '../../support/command-context.ts';
import { readCommandLine } from '../../support/command-lines.ts';
import { retryOf } from '../../support/retry-topic-of.ts';
import { aWorld, type Instance, topics, until, type World } from '../../support/world.ts';

/** As the program does it, but on the log of the world. */
async function carryOut(world: World, line: string): Promise<{ readonly code: ExitCode; readonly out: string }> {
  const context = aContext({ environment: { USER: 'jane' } });
  const { retry } = retryOf(world, context);
  const { name, args, flags } = readCommandLine(line);
  const work = async (): Promise<ExitCode> => {
    switch (name) {
      case 'held show':
        return showHeld(retry, args[0] ?? '', {});
      case 'held approve':
      case 'held reject': {
        const kind = name === 'held approve' ? 'approve' : 'reject';
        return decideHeld(retry, decisionOf(kind, args, flags, context), flags);
      }
      case 'replay now':
        return replayNow({ flags, ...retry });
      default:
        throw new Error(`not tried here: ${name}`);
    }
  };
  return { code: await work(), out: context.out() };
}

const commandsIn = (advice: string): string[] =>
  [...advice.matchAll(/`rollcall ([^`]+)`/g)].map(([, line]) => line ?? '');

const adviceOf = (world: World, id: string): string => world.kept().get(id)?.reason?.advice ?? '';

async function heldRemovals(): Promise<{ world: World; one: Instance; advice: string }> {
  const members = ['a', 'b', 'c'];
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members, version: 1 }] } } });
  const value = JSON.stringify({ group_id: 'g', members: [], complete: true, deleted: true });
  world.produce({ topic: topics.source, partition: null, key: 'g', value, headers: [] });
  const one = await world.start();
  await world.expectRest(one);
  return { world, one, advice: adviceOf(world, 'source/0/0/a') };
}

test.each([
  ['approve', []],
  ['reject', ['a', 'b', 'c']],
])('what is held: a look, then %s', async (kind, left) => {
  const { world, one, advice } = await heldRemovals();
  const [show = '', ...decisions] = commandsIn(advice);
  expect((await carryOut(world, show)).out.split('\n').filter((line) => line !== '')).toHaveLength(3);
  const [line = ''] = decisions.filter((each) => each.startsWith(`held ${kind}`));
  expect(await carryOut(world, line)).toMatchObject({ code: EXIT.done });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(left);
});

test.each(['new', "o'brien", 'a b $(c) "d"', '-x', '*'])(
  'remedy: what was given up for the user %s',
  async (member) => {
    const world = await aWorld({
      sandbox: { users: 'any', unknownUsers: [member], seed: { groups: [{ id: 'g', members: [], version: 1 }] } },
    });
    world.change('g', { add: [member] });
    const once = { retry: { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] } };
    const one = await world.start({ pipeline: once });
    await world.expectRest(one);
    expect(world.outcome(0n, member)).toBe('permanent_failure');
    const advice = adviceOf(world, `source/0/0/${member}`);
    expect(advice).not.toContain('by itself');
    const [line = '', ...others] = commandsIn(advice);
    expect(others).toEqual([]);
    // as the advice has it
    world.sandbox.putUser({ id: member });
    expect(await carryOut(world, line)).toMatchObject({ code: EXIT.done });
    await until(
      () => world.outcome(0n, member) === 'applied' || world.outcome(0n, member) === 'recovered',
      'the landing',
    );
    expect(world.sandbox.members('g')).toEqual([member]);
  },
);

test.each([
  ['a group that is not there', undefined],
  ['a group that the client may not change', { status: 403 }],
  ['a failure that lasted', { status: 500 }],
])('remedy: what was given up for %s', async (_, fault) => {
  const world = await aWorld({
    sandbox: { users: 'any', seed: { groups: [{ id: 'other', members: [], version: 1 }] } },
  });
  if (fault !== undefined) {
    world.sandbox.putGroup({ id: 'g', members: [] });
    world.sandbox.addRule({ match: { endpoint: 'group', method: 'PATCH' }, fault: { kind: 'status', ...fault } });
  }
  world.change('g', { add: ['new'] });
  const once = { retry: { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] } };
  const one = await world.start({ pipeline: once });
  await world.expectRest(one);
  expect(world.outcome(0n, 'new')).toBe('permanent_failure');
  const [line = '', ...others] = commandsIn(adviceOf(world, 'source/0/0/new'));
  expect(others).toEqual([]);
  // as the advice has it
  if (fault === undefined) world.sandbox.putGroup({ id: 'g', members: [] });
  world.sandbox.clearRules();
  expect(await carryOut(world, line)).toMatchObject({ code: EXIT.done });
  await until(() => world.sandbox.members('g').includes('new'), 'the landing');
});
