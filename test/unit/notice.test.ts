/** Messages to people: the text that Slack shows, the fields for programs, their bounds, and the signature. */
import { describe, expect, test } from 'vitest';
import { webhookHeaders } from '../../src/adapters/webhook-notifier.ts';
import { heldFacts, percentOf } from '../../src/core/group/held-set.ts';
import {
  breakerNotice,
  GROUPS_LISTED_MAX,
  heldNotice,
  type HeldGroup,
  type Opening,
} from '../../src/core/notice/notice.ts';
import { noticePauseMs } from '../../src/core/target/retry.ts';
import { sha256 } from '../../src/adapters/system.ts';
import { anIntent } from '../support/an-intent.ts';

const sender = { id: 'n1', instance: 'rollcall-1', isShadow: false };
const since = Date.parse('2026-11-30T12:00:00Z');

const aGroup = (changes: Partial<HeldGroup> = {}): HeldGroup => ({
  digest: 'd'.repeat(64),
  group: 'sales',
  groupTarget: null,
  by: ['group_deleted'],
  since,
  groupSize: 2_000,
  count: 1_000,
  ...changes,
});

const bodyOf = (groups: readonly HeldGroup[]) => JSON.parse(heldNotice(sender, groups).body);

const anOpening = (changes: Partial<Opening> = {}): Opening => ({
  reason: 'target',
  since,
  until: null,
  problem: 'status 503.',
  failed: 'read',
  advice: 'Check the target.',
  openings: 1,
  ...changes,
});

const textOf = (opening: Opening): string => JSON.parse(breakerNotice(sender, opening).body).text;

describe('what is held', () => {
  test('has its text and its fields', () => {
    const groups = [
      aGroup({ group: 'it', count: 4, groupSize: null, by: ['window_count'] }),
      aGroup(),
      aGroup({ group: 'one', count: 1, groupSize: 1, groupTarget: 'G-1' }),
    ];
    expect(bodyOf(groups)).toEqual({
      v: 1,
      id: 'n1',
      kind: 'held',
      text:
        'Rollcall holds 1,005 removals of 3 groups: group_deleted 1,000 of 2,000 members (50 %) of `sales`, ' +
        'window_count 4 members of `it`, group_deleted 1 of 1 member (100 %) of `one`. Look with `rollcall held list`.',
      instance: 'rollcall-1',
      group_count: 3,
      removal_count: 1_005,
      groups: [
        {
          group: 'sales',
          group_target: null,
          digest: 'd'.repeat(64),
          count: 1_000,
          group_size: 2_000,
          percent: 50,
          by: ['group_deleted'],
          since: '2026-11-30T12:00:00.000Z',
        },
        expect.objectContaining({ group: 'it', percent: null, group_size: null }),
        expect.objectContaining({ group: 'one', group_target: 'G-1', percent: 100 }),
      ],
    });
  });

  test('of one group, by several reasons', () => {
    expect(bodyOf([aGroup({ count: 1, by: ['group_percent', 'target_changed'] })]).text).toBe(
      'Rollcall holds 1 removal of 1 group: group_percent/target_changed 1 of 2,000 members (0 %) of `sales`. Look with `rollcall held list`.',
    );
  });

  test('of very many groups with long names is bounded, and counts all', () => {
    const groups = Array.from({ length: 1_060 }, (_, i) => aGroup({ group: `${'&'.repeat(252)}${i}`, count: 1 }));
    const body = bodyOf(groups);
    expect(body).toMatchObject({ group_count: 1_060, removal_count: 1_060 });
    expect(body.groups).toHaveLength(GROUPS_LISTED_MAX);
    expect(body.text).toContain(' and 1,050 more groups. Look');
    expect(body.text.length).toBeLessThan(6_000);
    expect(heldNotice(sender, groups).body.length).toBeLessThan(100_000);
  });

  test.each([
    ['a<!channel>&b', '`a&lt;!channel&gt;&amp;b`'],
    ['a`b', "`a'b`"],
    ['a\u202eb', '`a\\u{202e}b`'],
    [`${'x'.repeat(78)}\u{1f600}y`, `\`${'x'.repeat(78)}…\``],
  ])('shows the group %j as %s', (group, shown) => {
    const body = bodyOf([aGroup({ group })]);
    expect(body.text).toContain(` of ${shown}.`);
    expect(body.groups[0].group).toBe(group);
  });

  test('with a reason of a newer version is escaped, too', () => {
    expect(bodyOf([aGroup({ by: ['<new>'] })]).text).toContain('&lt;new&gt;');
  });
});

test('a shadow says in each message that nothing is sent, and where to look', () => {
  const shadow = { ...sender, isShadow: true };
  const held = JSON.parse(heldNotice(shadow, [aGroup()]).body);
  const open = JSON.parse(breakerNotice(shadow, anOpening()).body);
  expect([held.shadow, open.shadow]).toEqual([true, true]);
  expect(held.text).toMatch(/^Shadow, nothing is sent: Rollcall holds .* Look with `rollcall --shadow held list`\.$/);
  expect(open.text).toMatch(/^Shadow, nothing is sent: .* Look with `rollcall --shadow status --affected`\.$/);
});

describe('an open breaker', () => {
  test('has its text and its fields', () => {
    expect(JSON.parse(breakerNotice(sender, anOpening()).body)).toEqual({
      v: 1,
      id: 'n1',
      kind: 'breaker_open',
      text: 'Rollcall sends nothing to Genesys Cloud since 2026-11-30T12:00:00.000Z: the breaker is open (target: status 503). Check the target. Look with `rollcall status --affected`.',
      instance: 'rollcall-1',
      reason: 'target',
      since: '2026-11-30T12:00:00.000Z',
      until: null,
      problem: 'status 503.',
      failed: 'read',
      openings: 1,
    });
  });

  test('that has closed says until when, and how often', () => {
    expect(textOf(anOpening({ until: since + 60_000, openings: 3 }))).toBe(
      'Rollcall sent nothing to Genesys Cloud from 2026-11-30T12:00:00.000Z to 2026-11-30T12:01:00.000Z: the breaker was open (target: status 503). It has opened 3 times. Check the target. Look with `rollcall status --affected`.',
    );
  });

  test('has a problem that is escaped and bounded', () => {
    const text = textOf(anOpening({ problem: `<!here>${'&'.repeat(10_000)}` }));
    expect(text).toContain('&lt;!here&gt;');
    expect(text.length).toBeLessThan(4_000);
  });
});

describe('the signature', () => {
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
  const body = '{"test": 2432232314}';
  const now = 1_614_265_330_999;

  test('is that of the reference vector of Standard Webhooks', () => {
    expect(webhookHeaders(id, body, { key: Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64'), now })).toEqual({
      'webhook-id': id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  test('takes another text as it is', () => {
    // printf '%s' 'a.1614265330.{}' | openssl dgst -sha256 -hmac 'a secret of ours' -binary | base64
    expect(webhookHeaders('a', '{}', { key: Buffer.from('a secret of ours'), now })['webhook-signature']).toBe(
      'v1,J/F/Ph3AqJtjdVkDjQfuy/KdPBCI2rZmN7H1+LLQ3ds=',
    );
  });
});

test('pauses grow from 1 s to 5 min, with a part by chance, and are never shorter than asked for', () => {
  const pause = (failuresInRow: number, random = 0, askedMs: number | null = null): number =>
    noticePauseMs({ askedMs, failuresInRow, random });
  expect([1, 2, 3, 9, 10, 10_000].map((count) => pause(count))).toEqual([
    1_000, 2_000, 4_000, 256_000, 300_000, 300_000,
  ]);
  expect(pause(1, 0.999)).toBe(1_100);
  expect(pause(1, 0, 90_000)).toBe(90_000);
  expect(pause(20, 0, 90_000)).toBe(300_000);
});

describe('facts of a held set', () => {
  const held = (member: string, more: object = {}) =>
    anIntent({ member, op: 'remove', guard: { kind: 'held', by: 'group_percent', since: 2, ...more } });

  test('are those of the oldest and of the largest size, each reason once', () => {
    const intents = [
      held('a', { groupSize: 5 }),
      held('b', { since: 1, groupSize: 7 }),
      held('c', { by: 'group_count' }),
    ];
    expect(heldFacts('g', intents, sha256)).toMatchObject({
      group: 'g',
      by: ['group_percent', 'group_count'],
      since: 1,
      groupSize: 7,
    });
    expect(heldFacts('g', [], sha256)).toBeNull();
  });

  test('do not depend on whether they were notified', () => {
    const digest = heldFacts('g', [held('a'), held('b')], sha256)?.digest;
    expect(heldFacts('g', [held('a', { isNotified: true }), held('b')], sha256)?.digest).toBe(digest);
  });

  test('have a share of at most 100 %', () => {
    expect([percentOf(1, 3), percentOf(4, 3), percentOf(1, null), percentOf(1, 0)]).toEqual([33, 100, null, null]);
  });
});
