/** Groups and members of every size and spelling. */
import { expect, test } from 'vitest';
import { parseRetryRecord } from '../../src/core/log/live-record.ts';
import { describeKafka } from '../support/broker.ts';
import { longTimes } from '../support/service.ts';
import { openStage } from '../support/stage.ts';

const people = (count: number): string[] => Array.from({ length: count }, (_, i) => `user-${i}`);

describeKafka('members', ({ brokers }) => {
  test('of whom one is unknown among 40: the others land in at most 12 requests, the one is given up', async () => {
    // given
    const stage = await openStage(brokers, { unknownUsers: ['ghost'] });
    stage.group('g');
    const good = people(40);
    const members = [...good.slice(0, 17), 'ghost', ...good.slice(17)];
    // when
    stage.inside(longTimes);
    await stage.send({ group: 'g', add: members });
    await stage.reported('applied', 40);
    // then
    const sent = stage.sandbox.stats.journal.filter(({ endpoint }) => endpoint === 'group');
    const landedAt = sent.findLastIndex(({ appliedAt }) => appliedAt !== null);
    expect(landedAt + 1).toBeLessThanOrEqual(12);
    await stage.parked('g');
    await stage.settled({ givenUp: ['ghost'] });
    expect(stage.sandbox.members('g').toSorted()).toEqual(good.toSorted());
    expect(stage.outcomesOf('g', 'ghost')).toEqual(['permanent_failure']);
    expect(stage.reports.filter(({ final }) => !final)).toMatchObject([
      { member: 'ghost', attempt: 1, reason: { code: 'invalidValue' } },
      { member: 'ghost', attempt: 2, reason: { code: 'invalidValue' } },
    ]);
    await stage.until('the dead letter', () => stage.deadLetters.length > 0);
    const [letter] = stage.deadLetters;
    expect(headersOf(letter)).toMatchObject({ 'rollcall-reason': 'attempts_exhausted', 'rollcall-attempt': '3' });
    expect(JSON.parse(Buffer.from(letter?.value ?? []).toString())).toMatchObject({
      group: 'g',
      pending: [{ member: 'ghost', op: 'add', attempt: 3, dead: { reason: 'attempts_exhausted' } }],
    });
  });

  test('of all sizes, spellings and combinations land', async () => {
    // given
    const stage = await openStage(brokers);
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
    stage.group('large', ['user-0', 'user-1']);
    stage.group('empty');
    stage.group('both', ['leaver', 'stays']);
    for (const group of groups) stage.group(group, odd.slice(0, 6));
    stage.inside(longTimes);
    // when
    await stage.send(
      { group: 'large', add: people(5_000) },
      { group: 'empty' },
      { group: 'both', add: ['joiner', 'torn'], remove: ['leaver', 'torn'] },
      ...groups.map((group) => ({ group, add: odd.slice(3), remove: odd.slice(0, 3) })),
    );
    await stage.sendRaw([
      { key: 'both', value: null, headers: [] },
      { key: null, value: null, headers: [] },
    ]);
    // then
    await stage.settled();
    expect(stage.sandbox.members('large')).toHaveLength(5_000);
    expect(stage.outcomesOf('large', 'user-0')).toEqual(['already_synced']);
    expect(stage.sandbox.members('both').toSorted()).toEqual(['joiner', 'stays']);
    expect(stage.reports.filter(({ outcome }) => outcome === 'no_changes')).toMatchObject([
      { group: 'empty', member: null },
    ]);
    expect(stage.deadLetters).toEqual([]);
    expect(stage.retries.map((record) => parseRetryRecord(record).kind)).not.toContain('state');
  });
});

const headersOf = (record: { readonly headers: readonly (readonly [string, Uint8Array])[] } | undefined) =>
  Object.fromEntries((record?.headers ?? []).map(([name, value]) => [name, Buffer.from(value).toString()]));
