import { describe, expect, test } from 'vitest';
import { intentsOf } from '../../src/core/change/pending.ts';
import { drawStream, UNKNOWN_USER, type Stream } from '../../src/lab/demo/stream.ts';
import { deviations } from '../../src/lab/demo/verdict.ts';
import { progressLine } from '../../src/console/command-context.ts';
import { seededRandom } from '../../src/lab/sandbox/seed.ts';

const stream: Stream = drawStream({ next: seededRandom(1) });

interface Value {
  readonly group_id: string;
  readonly add_members: readonly string[];
  readonly remove_members: readonly string[];
  readonly event_id: string;
}

const values = stream.events.map(({ value }) => JSON.parse(value) as Value);

describe('the stream of the demo', () => {
  test('has 10,000 events over 500 groups, with duplicates, re-adds, empty ones and one unknown user', () => {
    expect(values).toHaveLength(10_000);
    expect(stream.expected.size).toBe(500);
    const ids = new Set(values.map(({ event_id }) => event_id));
    expect(ids.size).toBeLessThan(9_800);
    expect(values.some(({ add_members, remove_members }) => add_members.length + remove_members.length === 0)).toBe(
      true,
    );
    expect(values.some(({ add_members }) => add_members.includes(UNKNOWN_USER))).toBe(true);
  });

  test('is the same for the same seed, and another for another', () => {
    expect(drawStream({ next: seededRandom(1) }).events).toEqual(stream.events);
    expect(drawStream({ next: seededRandom(2) }).events).not.toEqual(stream.events);
  });

  test('asks for what its events, one after the other, ask for', () => {
    const members = new Map([...stream.initial].map(([group, ids]) => [group, new Set(ids)] as const));
    for (const { group_id, add_members, remove_members } of values) {
      const source = { topic: 't', partition: 0, offset: 0n, index: null, eventId: null, timestamp: 0 };
      const event = {
        kind: 'delta',
        group: group_id,
        add: add_members,
        remove: remove_members,
        eventId: null,
        occurredAt: null,
      } as const;
      for (const { op, member } of intentsOf(event, source, 0)) {
        if (op === 'remove') members.get(group_id)?.delete(member);
        else if (member !== UNKNOWN_USER) members.get(group_id)?.add(member);
      }
    }
    expect(members).toEqual(stream.expected);
  });

  test('says how many final reports each event ends in', () => {
    const event = stream.events.find(({ reportCount }) => reportCount > 1);
    const value = JSON.parse(event?.value ?? '{}') as Value;
    expect(event?.reportCount).toBe(new Set([...value.add_members, ...value.remove_members]).size);
  });
});

describe('the verdict', () => {
  const expected = new Map([['g', new Set(['a', 'b'])]]);

  test('names who is missing and who should not be there, and overlooks the foreign member', () => {
    const found = new Map([['g', new Set(['b', 'c', 'somebody-else'])]]);
    expect(deviations(expected, found)).toEqual([{ group: 'g', missing: ['a'], unwanted: ['c'] }]);
  });

  test('is good where each membership is what the events say', () => {
    expect(deviations(expected, new Map([['g', new Set(['b', 'a'])]]))).toEqual([]);
  });

  test('takes a group that is gone for an empty one', () => {
    expect(deviations(expected, new Map())).toEqual([{ group: 'g', missing: ['a', 'b'], unwanted: [] }]);
  });
});

test('the progress line says how far it is', () => {
  expect(progressLine({ settled: 30, total: 300, detail: '2 retries' }, 1.25)).toBe(
    '  1.3 s  30/300 changes (10 %), 2 retries',
  );
});
