/** Records of the retry topic that no instance wrote: each with what it once did. */
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/adapters/system.ts';
import { parseRetryRecord, renderState, type WireRecord } from '../../src/core/log/live-record.ts';
import { COUNT_MAX, emptyView, epochOf, readFence, seqAfter } from '../../src/core/log/ownership.ts';
import { requestKey } from '../../src/core/log/request-record.ts';
import { anIntent } from '../support/an-intent.ts';
import { durationOf } from '../support/duration.ts';

const STAMP = { owner: 'client-1', epoch: 3, seq: 8 };

/** A live record of group `g` whose one intent differs in these fields. */
function aRecord(changes: Record<string, unknown>, key = 'g'): WireRecord {
  const { value, headers } = renderState({
    group: key,
    intents: [anIntent()],
    stamp: STAMP,
    trouble: null,
    now: 1,
    sha256,
  });
  const state = JSON.parse(value ?? '') as { pending: object[] };
  state.pending = [{ ...state.pending[0], ...changes }];
  return { key: Buffer.from(key), value: Buffer.from(JSON.stringify(state)), headers };
}

describe('a live record of another hand', () => {
  // A lone surrogate ended the process when the member was put into a path, and again after each restart.
  test.each([
    ['a lone surrogate', '\uD800'],
    ['a control character', 'u\u0000'],
    ['too long an id', 'u'.repeat(257)],
    ['an empty id', ''],
  ])('with %s as member is not one', (_, member) => {
    expect(parseRetryRecord(aRecord({ member })).kind).toBe('unreadable');
    expect(parseRetryRecord(aRecord({ member: 'u'.repeat(256) })).kind).toBe('state');
  });

  test('with an event id that no source record may have is not one', () => {
    expect(parseRetryRecord(aRecord({ event_id: 'e'.repeat(257) })).kind).toBe('unreadable');
    expect(parseRetryRecord(aRecord({ event_id: 'e'.repeat(256) })).kind).toBe('state');
  });

  // One attempt more was no safe integer, so the owner could not read what it wrote, and wrote it again for ever.
  test('with the highest number of attempts can still count one more', () => {
    const read = parseRetryRecord(aRecord({ attempt: Number.MAX_SAFE_INTEGER }));
    const [intent] = read.kind === 'state' ? read.intents : [];
    const next = (intent?.attempt ?? Number.NaN) + 1;
    expect(parseRetryRecord(aRecord({ attempt: next })).kind).toBe('state');
  });

  // An older version took them for ids.
  test.each(['.', '..'])('of a group or a member named %j is a live record', (id) => {
    expect(parseRetryRecord(aRecord({ member: id }))).toMatchObject({ kind: 'state' });
    expect(parseRetryRecord(aRecord({}, id))).toMatchObject({ kind: 'state', group: id });
  });

  // Nothing of ours can stand under it, so there is nothing to write again.
  test.each(['x'.repeat(257), 'a\u0001b', ''])('with a key that no group can have names no group: %j', (key) => {
    expect(parseRetryRecord(aRecord({}, key))).toMatchObject({ kind: 'unreadable', group: null });
    expect(parseRetryRecord({ key: Buffer.from(requestKey(key.padEnd(300))), value: null, headers: [] })).toMatchObject(
      {
        kind: 'unreadable',
        group: null,
      },
    );
  });

  // A megabyte of empty entries took 2.8 GB and six seconds, for one issue each.
  test('is given up at its first fault: many are read no slower than as many good ones', () => {
    const many = (entry: object): WireRecord => {
      const value = JSON.stringify({ v: 1, group: 'g', pending: Array.from({ length: 20_000 }, () => entry) });
      return { ...aRecord({}), value: Buffer.from(value) };
    };
    const [good] = (JSON.parse(Buffer.from(aRecord({}).value ?? []).toString()) as { pending: object[] }).pending;
    const [bad, whole] = [many({}), many(good ?? {})];
    expect(parseRetryRecord(whole).kind).toBe('state');
    expect(durationOf(() => parseRetryRecord(bad))).toBeLessThan(durationOf(() => parseRetryRecord(whole)));
  });
});

describe('an epoch or sequence number at the end of all numbers', () => {
  const text = (epoch: number, seq: number): string => {
    const { headers } = renderState({
      group: 'g',
      intents: [],
      stamp: { ...STAMP, epoch, seq },
      trouble: null,
      now: 1,
      sha256,
    });
    return parseRetryRecord({ key: Buffer.from('g'), value: null, headers }).kind;
  };

  // What was written above it had a digit more than is read: the own fence was never seen, the own records never counted.
  test('leaves the next owner one that can be read', () => {
    const view = emptyView();
    readFence(view, { owner: 'forged', epoch: COUNT_MAX, seq: COUNT_MAX });
    const epoch = epochOf(view.epochMax, 7);
    expect(text(epoch, seqAfter(0, view, epoch))).toBe('state');
    expect(text(COUNT_MAX + 1, 1)).toBe('unreadable');
  });
});
