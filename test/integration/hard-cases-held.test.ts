/** Full states and the removal guard: what is held survives kill -9, and only an operator lets it pass, by the command. */
import { expect, test } from 'vitest';
import { heldCommand } from '../../src/commands/held.ts';
import { replayCommand } from '../../src/commands/replay.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { describeKafka } from '../support/broker.ts';
import { aContext } from '../support/command-context.ts';
import { atEnd, openKafkaHarness, type KafkaHarness } from '../support/kafka-harness.ts';
import { WebhookReceiver } from '../support/receiver.ts';

/** As an operator types it; the lines of `--json`. */
async function held(harness: KafkaHarness, ...args: string[]) {
  const host = aContext({ environment: harness.environment() });
  await heldCommand(host).parseAsync([...args, '--json'], { from: 'user' });
  const lines = host.out().trim().split('\n').filter(Boolean);
  return { code: host.exitCode(), lines: lines.map((line) => JSON.parse(line)) };
}

const people = Array.from({ length: 12 }, (_, i) => `user-${i}`);

const fullState = (harness: KafkaHarness, group: string, members: readonly string[], more: object = {}) =>
  harness.sendRaw([
    { key: group, value: JSON.stringify({ group_id: group, members, complete: true, ...more }), headers: [] },
  ]);

const landed = (harness: KafkaHarness, group: string, members: readonly string[]): Promise<void> =>
  harness.unbroken(
    harness.sandbox.until(() => harness.sandbox.members(group).toSorted().join() === members.toSorted().join()),
  );

const textOf = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString();

describeKafka('removals that are held', ({ brokers }) => {
  test('wait through kill -9 for exactly their approval, while everything else goes on', async () => {
    // given a group that the identity provider has deleted, and another one
    const harness = await openKafkaHarness(brokers);
    harness.group('gone', people);
    harness.group('other');
    const first = harness.process();
    await fullState(harness, 'gone', [], { deleted: true });
    await harness.reported('held', people.length);
    await harness.parked('gone');
    const [before] = (await held(harness, 'list')).lines;
    expect(before).toMatchObject({ group: 'gone', by: ['group_deleted'], count: people.length });
    // when it is killed, and a member is added to both
    await first.kill();
    const second = harness.process();
    await second.said('partition caught up', { count: 3 });
    await harness.send({ group: 'gone', add: ['user-3'] }, { group: 'other', add: ['user-1'] });
    await landed(harness, 'other', ['user-1']);
    await harness.until('what stands on top', () => harness.outcomesOf('gone', 'user-3').at(-1) === 'already_synced');
    // then the former approval is none of what is held now
    expect(
      (await held(harness, 'approve', before.digest, '--author', 'jane').catch(() => ({ code: -1 }))).code,
    ).not.toBe(EXIT.done);
    expect(harness.sandbox.members('gone').toSorted()).toEqual(people.toSorted());
    // and the present one lets just that pass
    const [now] = (await held(harness, 'list')).lines;
    expect(now).toMatchObject({ group: 'gone', count: people.length - 1 });
    const shown = (await held(harness, 'show', now.digest)).lines.map(({ member }) => member as string);
    expect(new Set(shown)).toEqual(new Set(people.filter((member) => member !== 'user-3')));
    expect(await held(harness, 'approve', now.digest.slice(0, 12), '--author', 'jane')).toMatchObject({
      code: EXIT.done,
      lines: [{ digest: now.digest, result: 'approved', count: people.length - 1 }],
    });
    await landed(harness, 'gone', ['user-3']);
    await harness.reported('applied', people.length);
    const removals = harness.reports.filter(({ op, outcome }) => op === 'remove' && outcome === 'applied');
    expect(new Set(removals.map(({ approval }) => approval?.author))).toEqual(new Set(['jane']));
    expect((await held(harness, 'list')).lines).toEqual([]);
    await harness.committedToTheEnd();
    expect(harness.sandbox.stats.dangerous).toBe(0);
  });

  test('that are refused stay refused, also when an operator replays them', async () => {
    // given a full state that leaves out most
    const harness = await openKafkaHarness(brokers);
    harness.group('g', people);
    const environment = { GUARD_GROUP_PERCENT: '30' };
    const first = harness.process(environment);
    await fullState(harness, 'g', ['user-0', 'new']);
    await landed(harness, 'g', [...people, 'new']);
    await harness.reported('held', people.length - 1);
    await harness.parked('g');
    // when it is refused, and the owner killed right after the answer
    const [set] = (await held(harness, 'list')).lines;
    expect((await held(harness, 'reject', set.digest, '--author', 'jane')).lines).toMatchObject([
      { result: 'rejected' },
    ]);
    await first.kill();
    const second = harness.process(environment);
    await second.said('partition caught up', { count: 3 });
    expect((await held(harness, 'list')).lines).toEqual([]);
    // and replayed
    const host = aContext({ environment: harness.environment() });
    await replayCommand(host).parseAsync(['now', '--group', 'g', '--yes'], { from: 'user' });
    // then it is held again, and no member is removed
    const [again] = (await held(harness, 'list')).lines;
    expect(again).toMatchObject({ digest: set.digest, count: people.length - 1 });
    expect(harness.sandbox.members('g').toSorted()).toEqual([...people, 'new'].toSorted());
    await harness.until('the dead letters', () => harness.deadLetters.length >= people.length - 1);
  });

  test('are notified by the next owner where the first one dies before its message is delivered, and by no third', async () => {
    // given a receiver that refuses
    const receiver = await new WebhookReceiver().listen();
    atEnd(() => receiver.close());
    receiver.respond = (response) => void response.writeHead(503).end();
    const harness = await openKafkaHarness(brokers);
    harness.group('gone', people);
    const path = '/services/T0123456789/a-secret-of-the-receiver';
    const environment = { NOTIFY_URL: receiver.origin + path, NOTIFY_KEY: 'a key of sixteen characters' };
    const first = harness.process(environment);
    await fullState(harness, 'gone', [], { deleted: true });
    await first.said('a notification is not delivered, trying again');
    // when its owner is killed
    await first.kill();
    receiver.respond = (response) => void response.writeHead(200).end('ok');
    const second = harness.process(environment);
    await second.said('a notification is delivered');
    // then the last message says what `held list` shows, and is signed
    const [set] = (await held(harness, 'list')).lines;
    const { request, body } = receiver.received.at(-1) ?? {};
    expect(JSON.parse(body ?? '')).toMatchObject({
      kind: 'held',
      removal_count: people.length,
      groups: [{ group: 'gone', digest: set.digest }],
    });
    expect(request?.headers['webhook-signature']).toMatch(/^v1,/);
    await harness.until('the mark', () =>
      harness.retries.some(({ value }) => textOf(value).includes('"notified":true')),
    );
    const count = receiver.received.length;
    // when it stops, and another one starts, which sends what waits when it stops
    second.signal('SIGTERM');
    await second.exited;
    const third = harness.process(environment);
    await third.said('partition caught up', { count: 3 });
    third.signal('SIGTERM');
    await third.exited;
    // then
    expect(receiver.received).toHaveLength(count);
    for (const service of [first, second, third]) expect(service.printed).not.toContain('a-secret-of-the');
  });
});
