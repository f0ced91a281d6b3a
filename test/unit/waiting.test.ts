import { describe, expect, test } from 'vitest';
import type { Intent } from '../../src/core/change.ts';
import { renderFence, renderReplayAnswer, renderState, type WireRecord } from '../../src/core/live-record.ts';
import { allWaiting, emptyWaiting, parseReplayAnswer, readWaiting, selects } from '../../src/core/waiting.ts';

const stamp = (epoch: number, seq: number) => ({ owner: 'o', epoch, seq });

const anIntent = (change: Partial<Intent> = {}): Intent => ({
  group: 'g',
  member: 'm',
  op: 'add',
  source: { topic: 't', partition: 0, offset: 7n, eventId: null, timestamp: 1 },
  attempt: 1,
  conflicts: 0,
  notBefore: 10,
  firstSeenAt: 1,
  dead: null,
  waits: null,
  ...change,
});

const wire = (record: { key: string; value?: string | null; headers: WireRecord['headers'] }): WireRecord => ({
  key: Buffer.from(record.key),
  value: typeof record.value === 'string' ? Buffer.from(record.value) : null,
  headers: record.headers,
});

const trouble = { code: 'timeout', message: 'slow', firstFailureAt: 1 };
const state = (epoch: number, seq: number, intents: readonly Intent[]): WireRecord =>
  wire(renderState({ group: 'g', intents, stamp: stamp(epoch, seq), trouble, now: 0 }));

function waitingAfter(records: readonly WireRecord[]) {
  const view = emptyWaiting();
  for (const record of records) readWaiting(view, 0, record);
  return { found: allWaiting(view), unreadable: view.unreadableCount };
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

describe('the answer to a replay', () => {
  const named = { group: 'g', member: 'm', topic: 't', partition: 0, offset: 7n };

  test('is read from the tombstone that carries it', () => {
    const headers = renderReplayAnswer(stamp(1, 1), [{ ...named, verdict: 'superseded' }]);
    expect(parseReplayAnswer({ key: null, value: null, headers })).toEqual([{ ...named, result: 'superseded' }]);
  });

  test('is nothing else', () => {
    expect(parseReplayAnswer({ key: null, value: null, headers: [] })).toBeNull();
    expect(parseReplayAnswer({ key: null, value: null, headers: [['rollcall-result', Buffer.from('[{')]] })).toBeNull();
  });
});
