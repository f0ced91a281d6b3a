/** Full states and the removal guard: what is held survives kill -9, and only an operator lets it pass, by the command. */
import { expect, test } from 'vitest';
import { heldCommand } from '../../src/commands/held.ts';
import { replayCommand } from '../../src/commands/replay.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { describeKafka } from '../support/broker.ts';
import { aContext } from '../support/command-context.ts';
import { openStage, type Stage } from '../support/stage.ts';

/** As an operator types it; the lines of `--json`. */
async function held(stage: Stage, ...args: string[]) {
  const context = aContext({ environment: stage.environment() });
  await heldCommand(context).parseAsync([...args, '--json'], { from: 'user' });
  const lines = context.out().trim().split('\n').filter(Boolean);
  return { code: context.exitCode(), lines: lines.map((line) => JSON.parse(line)) };
}

const people = Array.from({ length: 12 }, (_, i) => `user-${i}`);

const fullState = (stage: Stage, group: string, members: readonly string[], more: object = {}) =>
  stage.sendRaw([
    { key: group, value: JSON.stringify({ group_id: group, members, complete: true, ...more }), headers: [] },
  ]);

const landed = (stage: Stage, group: string, members: readonly string[]): Promise<void> =>
  stage.unbroken(
    stage.sandbox.until(() => stage.sandbox.members(group).toSorted().join() === members.toSorted().join()),
  );

describeKafka('removals that are held', ({ brokers }) => {
  test('wait through kill -9 for exactly their approval, while everything else goes on', async () => {
    // given a group that the identity provider has deleted, and another one
    const stage = await openStage(brokers);
    stage.group('gone', people);
    stage.group('other');
    const first = stage.process();
    await fullState(stage, 'gone', [], { deleted: true });
    await stage.reported('held', people.length);
    await stage.parked('gone');
    const [before] = (await held(stage, 'list')).lines;
    expect(before).toMatchObject({ group: 'gone', by: ['group_deleted'], count: people.length });
    // when it is killed, and somebody is added to both
    await first.kill();
    const second = stage.process();
    await second.said('partition caught up', { count: 3 });
    await stage.send({ group: 'gone', add: ['user-3'] }, { group: 'other', add: ['user-1'] });
    await landed(stage, 'other', ['user-1']);
    await stage.until('what stands on top', () => stage.outcomesOf('gone', 'user-3').at(-1) === 'already_synced');
    // then the former approval is none of what is held now
    expect((await held(stage, 'approve', before.digest, '--author', 'jane').catch(() => ({ code: -1 }))).code).not.toBe(
      EXIT.done,
    );
    expect(stage.sandbox.members('gone').toSorted()).toEqual(people.toSorted());
    // and the present one lets just that pass
    const [now] = (await held(stage, 'list')).lines;
    expect(now).toMatchObject({ group: 'gone', count: people.length - 1 });
    const shown = (await held(stage, 'show', now.digest)).lines.map(({ member }) => member as string);
    expect(new Set(shown)).toEqual(new Set(people.filter((member) => member !== 'user-3')));
    expect(await held(stage, 'approve', now.digest.slice(0, 12), '--author', 'jane')).toMatchObject({
      code: EXIT.done,
      lines: [{ digest: now.digest, result: 'approved', count: people.length - 1 }],
    });
    await landed(stage, 'gone', ['user-3']);
    await stage.reported('applied', people.length);
    const removals = stage.reports.filter(({ op, outcome }) => op === 'remove' && outcome === 'applied');
    expect(new Set(removals.map(({ approval }) => approval?.author))).toEqual(new Set(['jane']));
    expect((await held(stage, 'list')).lines).toEqual([]);
    await stage.committedToTheEnd();
    expect(stage.sandbox.stats.dangerous).toBe(0);
  });

  test('that are refused stay refused, also when somebody replays them', async () => {
    // given a full state that leaves out most
    const stage = await openStage(brokers);
    stage.group('g', people);
    const environment = { GUARD_GROUP_PERCENT: '30' };
    const first = stage.process(environment);
    await fullState(stage, 'g', ['user-0', 'new']);
    await landed(stage, 'g', [...people, 'new']);
    await stage.reported('held', people.length - 1);
    await stage.parked('g');
    // when it is refused, and the owner killed right after the answer
    const [set] = (await held(stage, 'list')).lines;
    expect((await held(stage, 'reject', set.digest, '--author', 'jane')).lines).toMatchObject([{ result: 'rejected' }]);
    await first.kill();
    const second = stage.process(environment);
    await second.said('partition caught up', { count: 3 });
    expect((await held(stage, 'list')).lines).toEqual([]);
    // and replayed
    const context = aContext({ environment: stage.environment() });
    await replayCommand(context).parseAsync(['now', '--group', 'g', '--yes'], { from: 'user' });
    // then it is held again, and nobody is removed
    const [again] = (await held(stage, 'list')).lines;
    expect(again).toMatchObject({ digest: set.digest, count: people.length - 1 });
    expect(stage.sandbox.members('g').toSorted()).toEqual([...people, 'new'].toSorted());
    await stage.until('the dead letters', () => stage.deadLetters.length >= people.length - 1);
  });
});
