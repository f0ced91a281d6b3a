/** `rollcall held`: what is held by cause, and decisions about a part of a set. */
import { expect, test } from 'vitest';
import { decideHeld, decisionOf, heldCommand, listHeld, type DecisionFlags } from '../../../src/commands/held.ts';
import { heldSets } from '../../../src/console/held-sets.ts';
import { EXIT } from '../../../src/exit-codes.ts';
import { aContext } from '../../support/command-context.ts';
import { retryOf } from '../../support/retry-topic-of.ts';
import { aWorld, type Instance, topics, type World } from '../../support/world.ts';

const people = (count: number): string[] => Array.from({ length: count }, (_, i) => `user-${i}`);

/** The identity provider has deleted `gone`, and sends an empty full state of `empty`. */
async function held(size = 12): Promise<{ world: World; one: Instance }> {
  const groups = ['gone', 'empty'].map((id) => ({ id, members: people(size), version: 1 }));
  const world = await aWorld({ sandbox: { seed: { groups } } });
  const send = (key: string, more: object): void => {
    const value = JSON.stringify({ group_id: key, members: [], complete: true, ...more });
    world.produce({ topic: topics.source, partition: null, key, value, headers: [] });
  };
  send('gone', { deleted: true, event_id: 'e-1', actor: { email: 'hr@example.com' } });
  send('empty', { event_id: 'e-2' });
  const one = await world.start();
  await world.expectRest(one);
  return { world, one };
}

async function decide(
  world: World,
  kind: 'approve' | 'reject',
  { digests = [], ...flags }: DecisionFlags & { readonly digests?: readonly string[] },
) {
  const { context, retry } = retryOf(world);
  const decision = decisionOf(kind, digests, { author: 'jane', ...flags }, context);
  const code = await decideHeld(retry, decision, flags);
  return { code, out: context.out(), err: context.err() };
}

const digestOf = async (world: World, group: string): Promise<string> =>
  (await heldSets(retryOf(world).retry)).find((set) => set.group === group)?.digest ?? '';

test('the list stands by cause, with the event, who made it, and some of the members', async () => {
  const { world } = await held();
  const { context, retry } = retryOf(world);
  expect(await listHeld(retry, {})).toBe(EXIT.done);
  const lines = context.out().split('\n');
  expect(lines).toHaveLength(9);
  const at = lines.findIndex((line) => line.startsWith('group_deleted: '));
  expect(lines[at]).toMatch(/ \(12 removals of 1 group\)$/);
  expect(lines[at + 1]).toMatch(
    /^[0-9a-f]{12} {2}group gone {2}12 removals, of 12 members when first held \(100 %\) {2}held since /,
  );
  expect(lines[at + 2]).toMatch(/^ {4}event e-1 at source\/\d\/\d+ by hr@example\.com, 20\d\d-/);
  expect(lines[at + 3]).toBe('    user-0, user-1, user-2, user-3, user-4 and 7 more');
  expect(lines.some((line) => /^ {4}event e-2 at source\/\d\/\d+, 20\d\d-/.test(line))).toBe(true);
});

test('the list for programs has the same', async () => {
  const { world } = await held();
  const { context, retry } = retryOf(world);
  await listHeld(retry, { json: true });
  const lines = context
    .out()
    .trim()
    .split('\n')
    .map((line): object => JSON.parse(line));
  expect(lines).toContainEqual(
    expect.objectContaining({
      group: 'gone',
      count: 12,
      percent: 100,
      causes: [
        {
          by: 'group_deleted',
          count: 12,
          percent: 100,
          event: expect.objectContaining({ topic: 'source', event_id: 'e-1', actor: 'hr@example.com' }),
          event_count: 1,
        },
      ],
      sample: people(5),
    }),
  );
});

test('of an event whose record is gone the list says so, and names nobody as its actor', async () => {
  const { world } = await held();
  const { partitionCount } = world.broker.topic(topics.source).description;
  for (let partition = 0; partition < partitionCount; partition++)
    world.broker.deleteRecordsBefore(topics.source, partition, 1_000n);
  const { context, retry } = retryOf(world);
  await listHeld(retry, {});
  expect(context.out()).toMatch(
    /^ {4}event e-1 at source\/\d\/\d+, 20[^;]*; its record is gone or cannot be read, so who made it is not known$/m,
  );
  const lines = retryOf(world);
  await listHeld(lines.retry, { json: true });
  expect(lines.context.out()).toContain('"actor":null,"is_retained":false}');
});

test('some members are approved, some refused, and the rest waits on under another digest', async () => {
  const { world, one } = await held();
  const before = await digestOf(world, 'gone');
  const two = await decide(world, 'approve', { digests: [before], member: ['user-0', 'user-1'], reason: 'they left' });
  expect(two).toMatchObject({ code: EXIT.done, out: expect.stringMatching(/^approved {2}2 removals {2}group gone /) });
  await world.expectRest(one);
  expect(world.sandbox.members('gone').toSorted()).toEqual(people(12).slice(2).toSorted());
  const rest = await digestOf(world, 'gone');
  expect(rest).not.toBe(before);
  await expect(decide(world, 'approve', { digests: [before] })).rejects.toMatchObject({ code: EXIT.someFailed });
  expect(await decide(world, 'reject', { group: ['gone'], member: ['user-2'], yes: true })).toMatchObject({
    code: EXIT.done,
    out: expect.stringMatching(/^rejected {2}1 removal {2}group gone /),
  });
  await world.expectRest(one);
  const left = (await heldSets(retryOf(world).retry)).find(({ group }) => group === 'gone');
  expect(left?.intents.map(({ member }) => member).toSorted()).toEqual(people(12).slice(3).toSorted());
  const reports = [...world.kept().values()].filter(({ group }) => group === 'gone');
  expect(reports.find(({ member }) => member === 'user-0')).toMatchObject({
    outcome: 'applied',
    approval: { author: 'jane', reason: 'they left' },
  });
  expect(reports.find(({ member }) => member === 'user-2')).toMatchObject({
    outcome: 'failed',
    reason: { code: 'refused' },
    refusal: { author: 'jane', reason: null },
  });
});

test('half of many is decided in several requests', async () => {
  const { world, one } = await held(1_300);
  const member = people(650);
  const half = await decide(world, 'approve', { group: ['gone'], member, yes: true });
  expect(half.code).toBe(EXIT.done);
  const counts = half.out.match(/(\d+) removal/g)?.map((text) => parseInt(text, 10)) ?? [];
  expect(counts.length).toBeGreaterThan(1);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(650);
  await world.expectRest(one);
  expect(world.sandbox.members('gone')).toHaveLength(650);
  expect(world.sandbox.members('gone')).not.toContain('user-649');
  expect(world.sandbox.members('empty')).toHaveLength(1_300);
});

test('a cause picks what it holds, and nothing else', async () => {
  const { world, one } = await held();
  const shown = await decide(world, 'approve', { cause: ['empty_state'] });
  expect(shown.err).toContain('12 removals of 1 group would be approved');
  expect(shown.err).toMatch(/exactly these with\n {2}rollcall held approve [0-9a-f]{12}\n/);
  expect(world.sandbox.members('empty')).toHaveLength(12);
  await decide(world, 'approve', { cause: ['empty_state'], yes: true });
  await world.expectRest(one);
  expect(world.sandbox.members('empty')).toEqual([]);
  expect(world.sandbox.members('gone')).toHaveLength(12);
});

test('what a part would be is shown without a command for whole sets', async () => {
  const { world } = await held();
  const { err, out } = await decide(world, 'approve', { group: ['gone'], member: ['user-3'] });
  expect(out).toMatch(/^1 of 12 held {2}group gone {2}1 removal, of 12 members when first held \(8 %\)/);
  expect(err).toBe('1 removal of 1 group would be approved: with --yes, what fits --group, --member then\n');
});

test('no digest that is shown for a part names all of its set', async () => {
  const { world } = await held();
  const { out } = await decide(world, 'approve', { group: ['gone'], member: ['user-3'], json: true });
  expect(JSON.parse(out)).toMatchObject({ digest: null, prefix: null, count: 1, percent: 8 });
  const whole = await decide(world, 'approve', { group: ['gone'], json: true });
  expect(JSON.parse(whole.out)).toMatchObject({ digest: await digestOf(world, 'gone'), count: 12 });
});

test('a group of which nothing is held is said, also beside others', async () => {
  const { world } = await held();
  const typo = decide(world, 'approve', { group: ['gone', 'gnoe'], yes: true });
  await expect(typo).rejects.toMatchObject({ code: EXIT.someFailed, message: expect.stringContaining('gnoe') });
  expect(world.sandbox.members('gone')).toHaveLength(12);
});

test('a member of whom nothing is held there decides nothing, also beside others', async () => {
  const { world } = await held();
  const stranger = decide(world, 'approve', { group: ['gone'], member: ['user-3', 'user-12'], yes: true });
  await expect(stranger).rejects.toMatchObject({ code: EXIT.someFailed, message: expect.stringContaining('user-12') });
  expect(world.sandbox.members('gone')).toHaveLength(12);
});

test('what is meant has to be said, once', async () => {
  const context = aContext();
  const of = (digests: readonly string[], flags: DecisionFlags) => () =>
    decisionOf('approve', digests, { author: 'jane', ...flags }, context);
  const usage = expect.objectContaining({ code: EXIT.usage });
  expect(of([], {})).toThrow(usage);
  expect(of(['3f9a5c70e1d2'], { group: ['g'] })).toThrow(usage);
  expect(of(['3f9a5c70e1d2'], { all: true })).toThrow(usage);
  expect(of([], { all: true, reason: 'two\nlines' })).toThrow(usage);
  expect(of(['3f9a5c70e1d2'], { member: ['u'], cause: ['c'] })()).toMatchObject({ members: ['u'], causes: ['c'] });
});

test('the former name of --cause still works', () => {
  const approve = heldCommand(aContext()).commands.find((command) => command.name() === 'approve');
  expect(approve?.options.find(({ long }) => long === '--by')).toMatchObject({ hidden: true });
});
