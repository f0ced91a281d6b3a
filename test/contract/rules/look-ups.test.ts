/** Look-ups that are shared by groups, and rows that change while something is on its way (`ID_MAP`). */
import { expect, test } from 'vitest';
import type { IdMap } from '../../../src/ports.ts';
import { QuickWorld } from '../../support/quick-world.ts';
import { Table } from '../../support/table.ts';

test('look-up: a look-up that one group no longer waits for is made for the others', async () => {
  // given look-ups one at a time, the first of which is on its way
  const asked: string[] = [];
  let answerFirst = (): void => undefined;
  const first = new Promise<void>((resolve) => (answerFirst = resolve));
  const known = new Map<string, { readonly kind: 'found'; readonly id: string; readonly isActive: boolean }>();
  const found = (id: string) => ({ kind: 'found', id, isActive: true }) as const;
  const ids: IdMap = {
    known: (kind, id) => (kind === 'group' ? found(id) : (known.get(id) ?? null)),
    lookUp: async (_, id) => {
      asked.push(id);
      if (id === 'first') await first;
      known.set(id, found(id));
      return found(id);
    },
    onChange: () => undefined,
    close: async () => undefined,
  };
  const world = new QuickWorld({ ids, pipeline: { concurrency: 1 } });
  world.produce({ group_id: 'f', add_members: ['first'] });
  const { pipeline } = await world.start();
  // and two groups that wait for another one, until the newest of one of them wants no members at all
  world.produce({ group_id: 'g', add_members: ['wanted'] });
  world.produce({ group_id: 'h', add_members: ['wanted'] });
  await world.clock.advance(1_000);
  world.produce({ group_id: 'g', members: [], complete: true });
  await world.clock.advance(60_000);
  expect([asked, pipeline.sizes().groups]).toEqual([['first'], 2]);
  // when the first is found
  answerFirst();
  await world.clock.advance(1_000);
  // then
  expect(asked).toEqual(['first', 'wanted']);
  expect([...world.target.group('h').members]).toEqual(['wanted']);
});

test('look-up: a row that is corrected while a request of its change is on its way makes no second change of it', async () => {
  const ids = new Table().set('group', 'g', 'g').set('user', 'okta-a', 'a');
  const world = new QuickWorld({ ids });
  const { target } = world;
  let letThrough = (): void => undefined;
  const through = new Promise<void>((resolve) => (letThrough = resolve));
  const patch = target.patchGroup.bind(target);
  let isSent = false;
  target.patchGroup = async (request) => {
    isSent = true;
    await through;
    return patch(request);
  };
  await world.start();
  world.produce({ add_members: ['okta-a'] });
  await world.clock.advance(1_000);
  expect(isSent).toBe(true);
  // when
  ids.set('user', 'okta-a', 'b');
  letThrough();
  await world.clock.advance(60_000);
  // then
  expect(world.reports()).toMatchObject([{ final: true, outcome: 'applied', member: 'a' }]);
  expect([...target.group('g').members]).toEqual(['a']);
  expect(world.committed()).toBe(1n);
});
