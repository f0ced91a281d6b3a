/** `rollcall held` over the memory log: who would be removed, by the ids of both sides. */
import { expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { sha256, systemClock, systemRandom } from '../../src/adapters/system.ts';
import { decideHeld, listHeld, showHeld } from '../../src/commands/held.ts';
import type { Held, Intent } from '../../src/core/change/change.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { heldDigest } from '../../src/core/group/guard.ts';
import { renderState } from '../../src/core/log/live-record.ts';
import { anIntent } from '../support/an-intent.ts';
import { aContext } from '../support/command-context.ts';

const held: Held = { kind: 'held', by: 'group_count', since: 1_790_000_000_000 };
const intents = [
  anIntent({ member: 'okta-a', op: 'remove', guard: { ...held, target: 'u-1', groupTarget: 'sales' } }),
  anIntent({ member: 'u-2', op: 'remove', namedBy: 'target', guard: { ...held, groupTarget: 'sales' } }),
  anIntent({ member: 'c', op: 'remove', guard: held }),
];

async function retryWith(intents: readonly Intent[]) {
  const broker = new MemoryBroker(systemClock, systemRandom);
  broker.createTopic({ topic: 'retry', partitionCount: 1, replicationFactor: 1, settings: {} });
  const log = new MemoryLog(broker, { groupId: 'g', clientId: 'c', topics: { source: 'source', retry: 'retry' } });
  const stamp = { owner: 'o', epoch: 1, seq: 1 };
  const state = renderState({ group: 'g', intents, stamp, trouble: null, now: 0, sha256 });
  await log.send([{ topic: 'retry', partition: 0, ...state }]);
  const context = aContext();
  return { context, retry: { topic: 'retry', tools: log, context } };
}

async function show(flags: { readonly json?: true }) {
  const { retry, context } = await retryWith(intents);
  await showHeld(retry, heldDigest('g', intents, sha256) ?? '', flags);
  return context.out().trim().split('\n');
}

test('held: shows whom each removal means at the target', async () => {
  const lines = await show({ json: true });
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { id: 't/0/7/okta-a', group: 'g', group_target: 'sales', member: 'okta-a', target: 'u-1', by: 'group_count' },
    { id: 't/0/7/u-2', group: 'g', group_target: 'sales', member: 'u-2', target: 'u-2' },
    { id: 't/0/7/c', group: 'g', group_target: 'g', member: 'c', target: 'c' },
  ]);
});

test('held: in text only where it is another id', async () => {
  expect(await show({})).toEqual([
    'remove  okta-a  as u-1 of sales  (t/0/7/okta-a)',
    'remove  u-2  as u-2 of sales  (t/0/7/u-2)',
    'remove  c  (t/0/7/c)',
  ]);
});

/** Two by one cause, of the events at 5 and 6, and one by another, of the newest event. */
function heldForTwoCauses(): readonly Intent[] {
  const unknown: Held = { ...held, by: 'unresolved_members' };
  const at = (offset: bigint) => ({ ...anIntent({}).source, offset, eventId: `e-${offset}` });
  return [
    anIntent({ member: 'a', op: 'remove', guard: held, source: at(5n) }),
    anIntent({ member: 'b', op: 'remove', guard: held, source: at(6n) }),
    anIntent({ member: 'c', op: 'remove', guard: unknown, source: at(9n) }),
  ];
}

test('held: a set of two causes is one line with its digest, and each cause has its own event', async () => {
  const set = heldForTwoCauses();
  const { retry, context } = await retryWith(set);
  await listHeld(retry, {});
  const digest = heldDigest('g', set, sha256)?.slice(0, 12);
  const lines = context.out().trimEnd().split('\n');
  expect(lines[0]).toMatch(/^group_count: .+; unresolved_members: .+ \(3 removals of 1 group\)$/);
  expect(lines[1]).toMatch(new RegExp(`^${digest}  group g  3 removals  held since `));
  expect(lines[2]).toMatch(/^ {4}2 by group_count: event e-6 at t\/0\/6, .+, the newest of 2 events$/);
  expect(lines[4]).toMatch(/^ {4}1 by unresolved_members: event e-9 at t\/0\/9, /);
  expect(lines.filter((line) => line.includes(digest ?? ' '))).toHaveLength(1);
});

test('held: a cause of a set that has two is a part, and no digest is printed for it', async () => {
  const { retry, context } = await retryWith(heldForTwoCauses());
  const selection = { digests: [], groups: [], causes: ['unresolved_members'], members: [] };
  await decideHeld(retry, { kind: 'approve', ...selection, author: 'jane', reason: null }, {});
  expect(context.out()).toMatch(/^1 of 3 held {2}group g {2}1 removal {2}held since /);
  expect(context.err()).toBe('1 removal of 1 group would be approved: with --yes, what fits --cause then\n');
});

test('held: an id that means one member by each side decides nothing', async () => {
  const crossed = [
    anIntent({ member: 'x', op: 'remove', guard: { ...held, target: 'y' } }),
    anIntent({ member: 'y', op: 'remove', guard: { ...held, target: 'x' } }),
    anIntent({ member: 'z', op: 'remove', guard: { ...held, target: 't' } }),
  ];
  const { retry, context } = await retryWith(crossed);
  const decideOn = (member: string) =>
    decideHeld(
      retry,
      { kind: 'approve', digests: [], groups: [], causes: [], members: [member], author: 'jane', reason: null },
      {},
    );
  await expect(decideOn('x')).rejects.toMatchObject({
    code: EXIT.someFailed,
    message: expect.stringContaining('x is one member at the identity provider and another in Genesys Cloud'),
  });
  await decideOn('t');
  expect(context.out()).toMatch(/^1 of 3 held {2}group g/);
});
