// What `apply --plan` withholds was never asked of the target, so that it says nothing of it.
import { expect, test } from 'vitest';
import { answer, QuickWorld } from '../../support/quick-world.ts';

const failure = {
  code: 'not_planned',
  message: 'It is not planned.',
  status: null,
  scimType: null,
  advice: 'Plan again.',
};

test('breaker: what was withheld neither clears its failures nor closes it', async () => {
  const retry = { baseMs: 20, capMs: 20, attemptsMax: 1_000, slowScheduleMs: [] };
  const world = new QuickWorld({ pipeline: { retry } });
  const { target } = world;
  let failureCount = 0;
  target.onGet = ({ group }) => {
    if (group !== 'g') return { kind: 'withheld', failure };
    failureCount += 1;
    return answer(503);
  };
  const { pipeline } = await world.start();
  // given four failures of one group, of which the fifth opens it
  world.produce({ add_members: ['a'] });
  while (failureCount < 4) await world.clock.advance(1);
  expect(pipeline.stats().breaker).toBeNull();
  // when something is withheld before the fifth
  world.produce({ group_id: 'h', add_members: ['a'] });
  while (target.requestCount < 5) await world.clock.advance(1);
  expect(failureCount).toBe(4);
  // then that opens it all the same
  while (failureCount < 5) await world.clock.advance(1);
  const opened = pipeline.stats().breaker;
  expect(opened?.reason).toBe('target');
  // and a probe that was withheld does not close it
  world.produce({ group_id: 'i', add_members: ['a'] });
  while (target.requestCount < 7) await world.clock.advance(100);
  expect(pipeline.stats().breaker?.since).toBe(opened?.since);
});
