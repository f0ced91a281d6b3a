/** Groups and members of every size and spelling. */
import { expect, test } from 'vitest';
import { parseRetryRecord } from '../../src/core/log/live-record.ts';
import { describeKafka } from '../support/broker.ts';
import { longTimes } from '../support/service.ts';
import { openKafkaHarness } from '../support/kafka-harness.ts';

const people = (count: number): string[] => Array.from({ length: count }, (_, i) => `user-${i}`);

describeKafka('members', ({ brokers }) => {
  test('of whom one is unknown among 40: the others land in at most 12 requests, the one is given up', async () => {
    // given
    const harness = await openKafkaHarness(brokers, { unknownUsers: ['ghost'] });
    harness.group('g');
    const good = people(40);
    const members = [...good.slice(0, 17), 'ghost', ...good.slice(17)];
    // when
    harness.inside(longTimes);
    await harness.send({ group: 'g', add: members });
    await harness.reported('applied', 40);
    // then
    const sent = harness.sandbox.stats.journal.filter(({ endpoint }) => endpoint === 'group');
    const landedAt = sent.findLastIndex(({ appliedAt }) => appliedAt !== null);
    expect(landedAt + 1).toBeLessThanOrEqual(12);
    await harness.parked('g');
    await harness.settled({ givenUp: ['ghost'] });
    expect(harness.sandbox.members('g').toSorted()).toEqual(good.toSorted());
    expect(harness.outcomesOf('g', 'ghost')).toEqual(['permanent_failure']);
    expect(harness.reports.filter(({ final }) => !final)).toMatchObject([
      { member: 'ghost', attempt: 1, reason: { code: 'invalidValue' } },
      { member: 'ghost', attempt: 2, reason: { code: 'invalidValue' } },
    ]);
    await harness.until('the dead letter', () => harness.deadLetters.length > 0);
    const [letter] = harness.deadLetters;
    expect(headersOf(letter)).toMatchObject({ 'rollcall-reason': 'attempts_exhausted', 'rollcall-attempt': '3' });
    expect(JSON.parse(Buffer.from(letter?.value ?? []).toString())).toMatchObject({
      group: 'g',
      pending: [{ member: 'ghost', op: 'add', attempt: 3, dead: { reason: 'attempts_exhausted' } }],
    });
  });

  test('of all sizes, spellings and combinations land', async () => {
    // given
    const harness = await openKafkaHarness(brokers);
    const odd = [
      `a/b`,
      `"quoted"`,
      `it's`,
      'ünï çødé',
      '名前',
      '👩‍🚀',
      'a b',
      '%2F',
      'a?b#c',
      '\\',
      'x'.repeat(256),
      '] or true',
    ];
    const groups = odd.map((id) => `group ${id}`.slice(0, 256));
    harness.group('large', ['user-0', 'user-1']);
    harness.group('empty');
    harness.group('both', ['leaver', 'stays']);
    for (const group of groups) harness.group(group, odd.slice(0, 6));
    harness.inside(longTimes);
    // when
    await harness.send(
      { group: 'large', add: people(5_000) },
      { group: 'empty' },
      { group: 'both', add: ['joiner', 'torn'], remove: ['leaver', 'torn'] },
      ...groups.map((group) => ({ group, add: odd.slice(3), remove: odd.slice(0, 3) })),
    );
    await harness.sendRaw([
      { key: 'both', value: null, headers: [] },
      { key: null, value: null, headers: [] },
    ]);
    // then
    await harness.settled();
    expect(harness.sandbox.members('large')).toHaveLength(5_000);
    expect(harness.outcomesOf('large', 'user-0')).toEqual(['already_synced']);
    expect(harness.sandbox.members('both').toSorted()).toEqual(['joiner', 'stays']);
    expect(harness.reports.filter(({ outcome }) => outcome === 'no_changes')).toMatchObject([
      { group: 'empty', member: null },
    ]);
    expect(harness.deadLetters).toEqual([]);
    expect(harness.retries.map((record) => parseRetryRecord(record).kind)).not.toContain('state');
  });
});

const headersOf = (record: { readonly headers: readonly (readonly [string, Uint8Array])[] } | undefined) =>
  Object.fromEntries((record?.headers ?? []).map(([name, value]) => [name, Buffer.from(value).toString()]));
