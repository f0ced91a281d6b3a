/** `rollcall explain` where the version has moved by a request of Rollcall whose answer was lost: others are not accused of it. */
import { describe, expect, test } from 'vitest';
import type { HttpAnswer } from '../../src/core/target/refusals.ts';
import { produced, started, type Asking } from '../support/asking.ts';
import { answer } from '../support/quick-world.ts';

const LOST: HttpAnswer = {
  kind: 'no_response',
  code: 'ECONNRESET',
  message: 'reset',
  sent: true,
  sentAt: 0,
  durationMs: 1,
};

const OR_OWN =
  /, others have changed the group since, or Rollcall's request [0-9a-f-]{36} has, after which no report names a newer version\n/;

const changedByOthers = async (asking: Asking): Promise<unknown> => {
  const { target } = JSON.parse(await asking.text({ json: true })) as { target: Record<string, unknown> };
  return target['changed_by_others'];
};

/** A change was applied; of the next one the answer is this, and then none comes. */
async function afterLost(given: HttpAnswer, isApplied = true): Promise<Asking> {
  const asking = await started({ add_members: ['u', 'v'] });
  const { target } = asking.world;
  target.onPatch = (request) => {
    if (isApplied) target.apply(request);
    target.onGet = () => answer(503);
    return given;
  };
  asking.world.produce({ remove_members: ['u'] });
  await asking.world.clock.advance(500);
  target.onGet = () => null;
  return asking;
}

describe('explain: a request of Rollcall after which no report names a newer version', () => {
  test.each<[string, HttpAnswer]>([
    ['none', LOST],
    ['500', answer(500)],
    ['202', answer(202)],
  ])('may have moved the version: answer %s', async (_, given) => {
    const asking = await afterLost(given);
    for (const flags of [{}, { member: 'v' }, 'all members'] as const) expect(await asking.text(flags)).toMatch(OR_OWN);
    expect(await changedByOthers(asking)).toBeNull();
  });

  test('that was refused has moved nothing', async () => {
    const asking = await afterLost(answer(403), false);
    const group = asking.world.target.group('g');
    group.version += 1;
    expect(await asking.text()).toContain('left "2", others have changed the group since\n');
    expect(await changedByOthers(asking)).toBe(true);
  });

  test('is taken for it no more once a report names one', async () => {
    const asking = await afterLost(LOST);
    asking.world.target.onPatch = () => null;
    await asking.world.clock.advance(120_000);
    expect(await asking.sentence()).toMatch(/^Not a member: removed at source/);
    expect(await asking.text()).toMatch(OR_OWN);
    await produced(asking, { remove_members: ['v'] });
    expect(await changedByOthers(asking)).toBe(false);
    asking.world.target.group('g').version += 1;
    expect(await asking.text()).toContain(', others have changed the group since\n');
    expect(await changedByOthers(asking)).toBe(true);
  });

  test('where no report names a version nothing is known of others', async () => {
    expect(await changedByOthers(await started())).toBeNull();
    const asking = await started({ add_members: ['u'] });
    expect(await changedByOthers(asking)).toBe(false);
    await produced(asking, { add_members: ['v'] });
    expect(await changedByOthers(asking)).toBe(false);
  });
});
