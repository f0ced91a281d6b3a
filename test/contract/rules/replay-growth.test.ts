/** A replay of many changes of one group costs as much as they are, not more. */
import { expect, test } from 'vitest';
import { requestKey } from '../../../src/core/log/request-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import type { IdMap, Resolution } from '../../../src/ports.ts';
import { QuickWorld } from '../../support/quick-world.ts';

/** A table that names no user until it is filled; counts how often it is asked. */
class LateTable implements IdMap {
  isFilled = false;
  asked = 0;

  known(kind: 'user' | 'group', id: string): Resolution {
    this.asked += 1;
    return kind === 'group' || this.isFilled ? { kind: 'found', id, isActive: true } : { kind: 'unmapped' };
  }

  async lookUp(kind: 'user' | 'group', id: string): Promise<Resolution> {
    return this.known(kind, id);
  }

  onChange(): void {}

  async close(): Promise<void> {}
}

/** How often the table is asked while dead changes of one group are replayed. */
async function asksOf(count: number): Promise<number> {
  const ids = new LateTable();
  const retry = { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] };
  const world = new QuickWorld({ ids, pipeline: { retry } });
  const members = Array.from({ length: count }, (_, i) => `user-${i}`);
  world.produce({ add_members: members });
  const { pipeline } = await world.start();
  await world.clock.advance(5_000);
  expect(pipeline.stats().dead).toBe(count);
  ids.isFilled = true;
  ids.asked = 0;
  const named = members.map((member) => ({ member, op: 'add', topic: 'source', partition: 0, offset: '0' }));
  world.broker.append([
    {
      topic: 'retry',
      partition: 0,
      key: requestKey('request'),
      value: JSON.stringify({ v: 1, group: 'g', pending: named }),
      headers: [textHeader('rollcall-type', 'replay')],
    },
  ]);
  await world.clock.advance(5_000);
  expect([pipeline.stats().dead, world.target.group('g').members.size]).toEqual([0, count]);
  return ids.asked;
}

test('replay: twice as many changes in one request are looked at twice as often', async () => {
  const [one, two] = [await asksOf(200), await asksOf(400)];
  expect(two / one).toBeLessThan(2.5);
});
