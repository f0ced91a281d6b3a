import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/adapters/system.ts';
import type { Held, Intent } from '../../src/core/change/change.ts';
import { heldDigest } from '../../src/core/group/guard.ts';
import {
  FENCE_KEY,
  parseRetryRecord,
  removalsKey,
  renderAnswer,
  renderFence,
  renderState,
  stateValue,
  type WireRecord,
} from '../../src/core/log/live-record.ts';
import { PAUSES_KEY } from '../../src/core/log/pause-record.ts';
import { textHeader, type Headers } from '../../src/core/log/wire-intent.ts';
import { parseAnswer, requestKey } from '../../src/core/log/request-record.ts';
import { anIntent, atOffset, validId } from '../support/an-intent.ts';
import { aWrittenIntent } from '../support/a-written-intent.ts';

const STAMP = { owner: 'client-1', epoch: 3, seq: 8 };
const NOW = 1_790_000_000_000;
const TROUBLE = { code: 'timeout', message: 'zu spät', firstFailureAt: NOW - 5 };

/** As it goes over the wire and comes back. */
const wire = (record: { key: string; value?: string | null; headers: Headers }): WireRecord => ({
  key: Buffer.from(record.key),
  value: typeof record.value === 'string' ? Buffer.from(record.value) : null,
  headers: record.headers,
});

const textsOf = (headers: Headers): Record<string, string> =>
  Object.fromEntries(headers.map(([name, value]) => [name, Buffer.from(value).toString()]));

const state = (group: string, intents: readonly Intent[]) =>
  renderState({ group, intents, stamp: STAMP, trouble: TROUBLE, now: NOW, sha256 });

const liveRecord = validId().chain((group) =>
  fc.tuple(
    fc.constant(group),
    fc.uniqueArray(aWrittenIntent(group), { selector: ({ member }) => member, minLength: 1, maxLength: 8 }),
  ),
);

describe('a live record', () => {
  test('says again what was written, whatever the ids', () => {
    fc.assert(
      fc.property(liveRecord, ([group, intents]) => {
        const expected = { kind: 'state', group, stamp: STAMP, intents };
        expect(parseRetryRecord(wire(state(group, intents)))).toEqual(expected);
      }),
    );
  });

  test.each(['a/b', '"', '\\', '👩‍🚀', 'Ж', '__proto__', ' ', '%00', '\ufeffg'])('carries the id %j', (id) => {
    const intents = [anIntent({ group: id, member: id })];
    expect(parseRetryRecord(wire(state(id, intents)))).toMatchObject({ kind: 'state', group: id, intents });
  });

  test('has the documented value', () => {
    const dead = { at: NOW, reason: 'attempts_exhausted' as const };
    const intent = atOffset(42n, { attempt: 2, notBefore: NOW, firstSeenAt: NOW - 9, dead });
    expect(JSON.parse(stateValue('g', [intent]))).toEqual({
      v: 1,
      group: 'g',
      pending: [
        {
          member: 'm',
          op: 'add',
          topic: 't',
          partition: 0,
          offset: '42',
          event_id: null,
          timestamp: 1,
          attempt: 2,
          not_before: NOW,
          first_seen_at: NOW - 9,
          dead,
        },
      ],
    });
  });

  test('names under each held removal the digest of all that are held of the group', () => {
    const guard: Held = { kind: 'held', by: 'group_deleted', since: NOW };
    const intents = ['a', 'b'].map((member) => anIntent({ member, op: 'remove', guard }));
    const { pending } = JSON.parse(state('g', [...intents, anIntent({ member: 'c' })]).value ?? '') as {
      pending: readonly Record<string, unknown>[];
    };
    const all = { by: 'group_deleted', since: NOW, digest: heldDigest('g', intents, sha256) };
    expect(pending.map((each) => each['held'])).toEqual([all, all, undefined]);
  });

  test('without intents is a tombstone, with type, owner, epoch and sequence number', () => {
    const tombstone = state('g', []);
    expect(tombstone.value).toBeNull();
    expect(textsOf(tombstone.headers)).toEqual({
      'rollcall-type': 'pending',
      'rollcall-owner': 'client-1',
      'rollcall-epoch': '3',
      'rollcall-seq': '8',
    });
    expect(parseRetryRecord(wire(tombstone))).toEqual({ kind: 'state', group: 'g', stamp: STAMP, intents: [] });
  });

  test('has headers for people that count only what is not dead', () => {
    const dead = { at: NOW, reason: 'rejected' as const };
    const { headers } = state('g', [
      atOffset(50n, { member: 'x', attempt: 5, notBefore: 1, dead }),
      atOffset(41n, { member: 'y', attempt: 1, notBefore: NOW + 700 }),
      atOffset(42n, { member: 'z', attempt: 3, notBefore: NOW + 900 }),
    ]);
    expect(textsOf(headers)).toMatchObject({
      'rollcall-attempt': '3',
      'rollcall-not-before': String(NOW + 700),
      'rollcall-delay-ms': '700',
      'rollcall-first-failure-at': String(NOW - 5),
      'rollcall-error-code': 'timeout',
      'rollcall-error-message': 'zu spät',
      'rollcall-source-topic': 't',
      'rollcall-source-partition': '0',
      'rollcall-source-offset': '42',
    });
    expect(new Set(headers.map(([name]) => name)).size).toBe(headers.length);
  });

  test('of dead ones only tells people nothing of a wait; a time that has passed is no delay', () => {
    const dead = anIntent({ attempt: 5, dead: { at: NOW, reason: 'rejected' } });
    expect(state('g', [dead]).headers).toHaveLength(4);
    expect(textsOf(state('g', [anIntent({ notBefore: 5 })]).headers)['rollcall-delay-ms']).toBe('0');
  });

  test('is unreadable, but of its group, where stamp, value or key are not as they must be', () => {
    const good = wire(state('g', [anIntent()]));
    const without = (name: string): Headers => good.headers.filter(([other]) => other !== name);
    const valued = (value: unknown): WireRecord => ({ ...good, value: Buffer.from(JSON.stringify(value)) });
    const named = JSON.parse(Buffer.from(good.value ?? []).toString()) as { pending: object[] };
    for (const record of [
      { ...good, headers: without('rollcall-owner') },
      { ...good, headers: without('rollcall-epoch') },
      { ...good, headers: [...without('rollcall-seq'), ['rollcall-seq', Buffer.from('-1')] as const] },
      { ...good, value: Buffer.from('{') },
      { ...good, value: Buffer.from([0xff]) },
      valued({ ...named, v: 2 }),
      valued({ ...named, group: 'h' }),
      valued({ ...named, pending: [{ ...named.pending[0], offset: '-1' }] }),
      valued({ ...named, pending: [{ ...named.pending[0], op: 7 }] }),
      valued({ ...named, pending: [{ ...named.pending[0], dead: { at: 'now', reason: 'rejected' } }] }),
    ]) {
      expect(parseRetryRecord(record)).toMatchObject({ kind: 'unreadable', group: 'g' });
    }
    expect(parseRetryRecord({ ...good, key: null })).toMatchObject({ kind: 'unreadable', group: null });
    expect(parseRetryRecord({ ...good, key: Buffer.from([0xff]) })).toMatchObject({ kind: 'unreadable', group: null });
  });
});

describe('a live record of a newer version', () => {
  const { key, value, headers } = state('g', [anIntent()]);
  const known = (JSON.parse(value ?? '') as { pending: object[] }).pending;
  const strange: readonly object[] = [
    { op: 'move', member: 'm', to: 'h', offset: 'next', since: { a: [1] } },
    { ...known[0], op: 'state', member: null, members: ['a'], held: { by: 'access_review', since: 1 } },
  ];
  const record = wire({
    key,
    headers,
    value: JSON.stringify({ v: 1, group: 'g', pending: [...known, ...strange], more: 1 }),
  });

  test('is read as far as it is known, and what is not known is written again word for word', () => {
    const parsed = parseRetryRecord(record);
    expect(parsed).toMatchObject({ kind: 'state', intents: [anIntent()], foreign: strange });
    const facts = { group: 'g', stamp: STAMP, trouble: null, now: NOW, sha256 };
    const again = renderState({ ...facts, intents: [], foreign: strange });
    expect(JSON.parse(again.value ?? '')).toEqual({ v: 1, group: 'g', pending: strange });
    expect(parseRetryRecord(wire(again))).toMatchObject({ kind: 'state', intents: [], foreign: strange });
  });
});

describe('a fence', () => {
  test('has a key that no group can have, and says who begins', () => {
    const fence = renderFence(STAMP, 'f-1');
    expect(fence.key).toBe('\u0000rollcall.fence');
    expect(textsOf(fence.headers)).toMatchObject({ 'rollcall-type': 'fence', 'rollcall-owner': 'client-1' });
    const expected = { kind: 'fence', stamp: STAMP, fenceId: 'f-1' };
    expect(parseRetryRecord(wire(fence))).toEqual(expected);
    expect(parseRetryRecord(wire({ ...fence, value: 'f-1' }))).toEqual(expected);
  });

  test('without its headers is nothing of a group', () => {
    const broken = parseRetryRecord({ key: Buffer.from(FENCE_KEY), value: null, headers: [] });
    expect(broken).toMatchObject({ kind: 'unreadable', group: null });
  });
});

describe('a request', () => {
  const key = requestKey('u-1');

  test('names intents by member and position, and brings no data along', () => {
    fc.assert(
      fc.property(liveRecord, ([group, intents]) => {
        const named = intents.map(({ member, source: { topic, partition, offset, index } }) => {
          return { group, member, topic, partition, offset, index };
        });
        const record = wire({ key, value: stateValue(group, intents), headers: [] });
        expect(parseRetryRecord(record)).toEqual({ kind: 'request', key, wanted: { kind: 'replay', named } });
      }),
    );
  });

  test('has a key of its own that no group can have', () => {
    expect(key).toBe('\u0000rollcall.request.u-1');
  });

  test('is answered by its tombstone, which says what became of each', () => {
    const named = { group: 'g', member: 'm/"👩‍🚀', topic: 't', partition: 0, offset: 2n ** 62n, index: null };
    const headers = renderAnswer(STAMP, {
      kind: 'replay',
      verdicts: [
        { ...named, verdict: 'woken' },
        { ...named, member: 'n', index: 4, verdict: 'gone' },
      ],
    });
    const texts = textsOf(headers);
    expect(texts).toMatchObject({ 'rollcall-type': 'replay', 'rollcall-epoch': '3', 'rollcall-seq': '8' });
    const at = { group: 'g', topic: 't', partition: 0 };
    expect(JSON.parse(texts['rollcall-result'] ?? '')).toEqual([
      { ...at, member: named.member, offset: '4611686018427387904', result: 'woken' },
      { ...at, member: 'n', offset: '4611686018427387904.4', result: 'gone' },
    ]);
    expect(parseRetryRecord(wire({ key, headers }))).toEqual({ kind: 'request', key, wanted: null });
  });

  test('of a newer version is left alone', () => {
    const record = wire({ key, value: '{"v":1}', headers: [textHeader('rollcall-type', 'postpone')] });
    expect(parseRetryRecord(record)).toMatchObject({ kind: 'unreadable', group: null });
  });

  test('may be answered by a newer version in words of its own', () => {
    const named = { group: 'g', member: 'm', topic: 't', partition: 0, offset: 1n, index: null };
    const headers = renderAnswer(STAMP, { kind: 'replay', verdicts: [{ ...named, verdict: 'postponed' }] });
    expect(parseAnswer(null, headers)).toMatchObject({ verdicts: [{ verdict: 'postponed' }] });
    const decided = renderAnswer(STAMP, { kind: 'approve', digest: 'd', verdict: 'seconded', count: 2 });
    expect(parseAnswer(null, decided)).toMatchObject({ verdict: 'seconded', count: 2 });
  });

  test('that cannot be read wants nothing', () => {
    const record = wire({ key, value: '{"v":1,"digest":"d","author":"a"}', headers: [] });
    expect(parseRetryRecord(record)).toEqual({ kind: 'request', key, wanted: { kind: 'replay', named: [] } });
  });
});

test('any bytes are read as something', () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const key = fc.oneof(
    bytes,
    fc.constantFrom(FENCE_KEY, requestKey(''), removalsKey(0), PAUSES_KEY, 'g').map((text) => Buffer.from(text)),
  );
  const value = fc.oneof(
    bytes,
    fc.json().map((text) => Buffer.from(text)),
  );
  const name = fc.constantFrom('rollcall-owner', 'rollcall-epoch', 'rollcall-seq', 'rollcall-fence-id', 'x');
  const header = fc.tuple(
    name,
    fc.oneof(
      bytes,
      fc.nat().map((count) => Buffer.from(String(count))),
    ),
  );
  fc.assert(
    fc.property(fc.option(key), fc.option(value), fc.array(header), (key, value, headers) => {
      const { kind } = parseRetryRecord({ key, value, headers });
      expect(['fence', 'state', 'request', 'removals', 'pauses', 'unreadable']).toContain(kind);
    }),
    { numRuns: 1_000 },
  );
});
