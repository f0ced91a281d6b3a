import { describe, expect, test } from 'vitest';
import { type Held, type Intent, WHOLE_GROUP } from '../../src/core/change/change.ts';
import { sha256 } from '../../src/adapters/system.ts';
import { renderFence, renderState, type WireRecord } from '../../src/core/log/live-record.ts';
import { allWaiting, emptyWaiting, readWaiting, selects } from '../../src/console/retry-topic.ts';
import { anIntent as aFreshIntent, type IntentParts } from '../support/an-intent.ts';

const stamp = (epoch: number, seq: number) => ({ owner: 'o', epoch, seq });

const anIntent = (parts: IntentParts = {}): Intent => aFreshIntent({ attempt: 1, notBefore: 10, ...parts });

const wire = (record: { key: string; value?: string | null; headers: WireRecord['headers'] }): WireRecord => ({
  key: Buffer.from(record.key),
  value: typeof record.value === 'string' ? Buffer.from(record.value) : null,
  headers: record.headers,
});

const trouble = { code: 'timeout', message: 'slow', firstFailureAt: 1 };
const state = (epoch: number, seq: number, intents: readonly Intent[]): WireRecord =>
  wire(renderState({ group: 'g', intents, stamp: stamp(epoch, seq), trouble, now: 0, sha256 }));

function waitingAfter(records: readonly WireRecord[]) {
  const view = emptyWaiting();
  for (const record of records) readWaiting(view, 0, record);
  return { found: allWaiting(view), unreadable: view.unreadableCount, count: view.intentCount };
}

describe('what waits', () => {
  test('is what the newest live record of the group says', () => {
    const { found } = waitingAfter([state(1, 1, [anIntent()]), state(1, 2, [anIntent({ member: 'n' })])]);
    expect(found).toMatchObject([{ id: 't/0/7/n', state: 'parked', reason: 'timeout' }]);
  });

  test('is not what a former owner wrote behind the fence of a newer one', () => {
    const fence = wire({ ...renderFence(stamp(2, 1), 'f'), value: null });
    const { found } = waitingAfter([state(1, 1, [anIntent()]), fence, state(1, 9, [])]);
    expect(found.map(({ id }) => id)).toEqual(['t/0/7/m']);
  });

  test('is nothing after the tombstone', () => {
    expect(waitingAfter([state(1, 1, [anIntent()]), state(1, 2, [])]).found).toEqual([]);
  });

  test('is counted, with the members of full states', () => {
    const two = [anIntent(), anIntent({ member: 'n' })];
    const whole = anIntent({ op: 'state', member: WHOLE_GROUP, whole: { members: ['a', 'b'], deleted: false } });
    expect(waitingAfter([state(1, 1, two)]).count).toBe(2);
    expect(waitingAfter([state(1, 1, two), state(1, 2, [whole])]).count).toBe(3);
    expect(waitingAfter([state(1, 1, two), state(1, 2, [])]).count).toBe(0);
  });

  test('counts what it cannot read, and goes on', () => {
    const broken: WireRecord = { key: Buffer.from('g'), value: Buffer.from('{'), headers: [] };
    expect(waitingAfter([broken, state(1, 1, [anIntent()])])).toMatchObject({
      unreadable: 1,
      found: [{ id: 't/0/7/m' }],
    });
  });

  test('of a dead intent the reason is that of its giving up', () => {
    const dead = anIntent({ dead: { at: 5, reason: 'attempts_exhausted' } });
    expect(waitingAfter([state(1, 1, [dead])]).found).toMatchObject([{ state: 'dead', reason: 'attempts_exhausted' }]);
  });
});

describe('what the guard holds', () => {
  const guard: Held = { kind: 'held', by: 'group_percent', since: 5 };
  const held = anIntent({ op: 'remove', attempt: 0, notBefore: 0, guard });

  test('is derived from what is parked, with its reason', () => {
    const { found } = waitingAfter([state(1, 1, [held, anIntent({ member: 'n' })])]);
    expect(found.map(({ id, state, reason }) => [id, state, reason])).toEqual([
      ['t/0/7/m', 'held', 'group_percent'],
      ['t/0/7/n', 'parked', 'timeout'],
    ]);
  });

  test('is parked once it is approved, and dead once it is refused', () => {
    const approved = {
      ...held,
      guard: { kind: 'approved', digest: 'd'.repeat(64), author: 'a', reason: null, at: 6 },
    } as const;
    const refused = { ...held, member: 'n', dead: { at: 7, reason: 'refused' } } as const;
    const { found } = waitingAfter([state(1, 1, [approved, refused])]);
    expect(found.map(({ state, reason }) => [state, reason])).toEqual([
      ['parked', 'timeout'],
      ['dead', 'refused'],
    ]);
  });
});

test('a full state waits under the id of its event, for no member', () => {
  const whole = { members: ['a'], deleted: false };
  const [waiting] = waitingAfter([state(1, 1, [anIntent({ op: 'state', member: WHOLE_GROUP, whole })])]).found;
  expect(waiting).toMatchObject({ id: 't/0/7', state: 'parked', intent: { op: 'state', whole } });
});

describe('filters', () => {
  const [waiting] = waitingAfter([state(1, 1, [anIntent()])]).found;
  if (waiting === undefined) throw new Error('nothing waits');

  test.each([
    [{}, true],
    [{ groups: ['x', 'g'] }, true],
    [{ groups: ['x'] }, false],
    [{ groups: ['g'], members: ['x'] }, false],
    [{ ids: ['t/0/7/m'], reasons: ['timeout'] }, true],
    [{ reasons: ['rejected'] }, false],
  ])('%j selects: %s', (filter, isSelected) => {
    expect(selects(filter, waiting)).toBe(isSelected);
  });
});
