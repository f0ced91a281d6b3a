/** `rollcall held` over the memory log: who would be removed, by the ids of both sides. */
import { expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { sha256, systemClock, systemRandom } from '../../src/adapters/system.ts';
import { showHeld } from '../../src/commands/held.ts';
import type { Held } from '../../src/core/change/change.ts';
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

async function show(flags: { readonly json?: true }) {
  const broker = new MemoryBroker(systemClock, systemRandom);
  broker.createTopic({ topic: 'retry', partitionCount: 1, replicationFactor: 1, settings: {} });
  const log = new MemoryLog(broker, { groupId: 'g', clientId: 'c', topics: { source: 'source', retry: 'retry' } });
  const stamp = { owner: 'o', epoch: 1, seq: 1 };
  const state = renderState({ group: 'g', intents, stamp, trouble: null, now: 0, sha256 });
  await log.send([{ topic: 'retry', partition: 0, ...state }]);
  const context = aContext();
  await showHeld({ topic: 'retry', tools: log, context }, heldDigest('g', intents, sha256) ?? '', flags);
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
