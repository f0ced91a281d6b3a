/** What is paused of a partition, as its record says it (protocol.md 12.4). */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  PAUSED_GROUPS_MAX,
  UNREADABLE_PAUSE,
  pausesIn,
  pausesValue,
  type PausesOf,
} from '../../src/core/log/pause-record.ts';
import {
  answerHeader,
  parseAnswer,
  parseRequest,
  pauseValue,
  refusedAnswer,
  type ApplyNowRequest,
  type OperatorAnswer,
  type PauseRequest,
} from '../../src/core/log/request-record.ts';
import { validId } from '../support/an-intent.ts';

const bytes = (text: string | null): Uint8Array | null => (text === null ? null : Buffer.from(text));

const reason = fc
  .string({ minLength: 1, maxLength: 200 })
  .filter((text) => /^\P{Cc}+$/u.test(text) && text.isWellFormed());
const pause = { author: validId(), reason, at: fc.nat() };

test('a record of pauses is read as it was written', () => {
  const all = fc.option(fc.record(pause), { nil: null });
  const groups = fc.uniqueArray(fc.record({ group: validId(), ...pause }), {
    selector: ({ group }) => group.toLowerCase(),
  });
  fc.assert(
    fc.property(fc.record({ all, groups }), (pauses: PausesOf) => {
      expect(pausesIn(bytes(pausesValue(pauses)))).toEqual(pauses);
    }),
  );
});

test('where nothing is paused there is none, and none says that nothing is', () => {
  expect(pausesValue({ all: null, groups: [] })).toBeNull();
  expect(pausesIn(null)).toEqual({ all: null, groups: [] });
});

test('what a newer version says in another way of a pause is a pause all the same', () => {
  const newer = { v: 2, all: { by: { name: 'jane' } }, groups: [{ group: 'g', at: 'noon', until: 7 }], members: [] };
  const unknown = { author: 'unknown', reason: 'unknown', at: 0 };
  expect(pausesIn(bytes(JSON.stringify(newer)))).toEqual({ all: unknown, groups: [{ group: 'g', ...unknown }] });
});

test('an entry that cannot be read pauses the partition, and is written again as it is', () => {
  const jane = { author: 'jane', reason: 'INC-7', at: 3 };
  const foreign = [{ groups: ['h'], until: 7 }, 'i'];
  const value = (all: object | null) =>
    bytes(JSON.stringify({ v: 2, all, groups: [{ group: 'g', ...jane }, ...foreign] }));
  const read = pausesIn(value(null));
  expect(read).toEqual({ all: UNREADABLE_PAUSE, groups: [{ group: 'g', ...jane }], foreign });
  expect(pausesIn(value(jane))).toEqual({ ...read, all: jane });
  expect(pausesIn(bytes(pausesValue(read)))).toEqual(read);
});

test.each(['', '[]', '{}', '{"all":null}', '{"all":7,"groups":[]}', '{"all":null,"groups":{}}'])(
  '%s cannot be read, which pauses the partition',
  (text) => {
    expect(pausesIn(bytes(text))).toEqual({ all: UNREADABLE_PAUSE, groups: [] });
  },
);

test('of two spellings of a group the first counts; more groups than may be paused are paused all the same', () => {
  const id = '5b1e0000-aaaa-4aaa-8aaa-00000000abcd';
  const named = (group: string, author: string) => ({ group, author, reason: 'r', at: 1 });
  const many = Array.from({ length: PAUSED_GROUPS_MAX }, (_, i) => named(`g${i}`, 'a'));
  const value = JSON.stringify({ v: 1, all: null, groups: [named(id, 'a'), named(id.toUpperCase(), 'b'), ...many] });
  expect(pausesIn(bytes(value))).toEqual({ all: null, groups: [named(id, 'a'), ...many] });
});

test('what cannot be read of a request wants nothing', () => {
  const headers = (kind: string) => [['rollcall-type', Buffer.from(kind)] as const];
  for (const kind of ['pause', 'resume', 'apply_now'])
    expect(parseRequest(headers(kind), Buffer.from('{"v":1}'))).toEqual({ kind: 'replay', named: [] });
});

test.each<PauseRequest | ApplyNowRequest>([
  { kind: 'pause', group: null, author: 'jane', reason: 'INC-7' },
  { kind: 'pause', group: 'g', author: 'jane', reason: 'INC-7' },
  { kind: 'resume', group: 'g', author: 'jane', reason: null },
  { kind: 'resume', group: null, author: 'jane', reason: 'done' },
  { kind: 'apply_now', group: 'g', author: 'jane' },
])('the request %j, and each answer to it, is read as it was written', (wanted) => {
  const headers = [['rollcall-type', Buffer.from(wanted.kind)] as const];
  expect(parseRequest(headers, Buffer.from(pauseValue(wanted)))).toEqual(wanted);
  const answer: OperatorAnswer = { kind: wanted.kind, group: wanted.group, verdict: 'already', count: 12 };
  expect(parseAnswer(null, [...headers, answerHeader(answer)])).toEqual(answer);
  expect(refusedAnswer(wanted, 'expired')).toEqual({ ...answer, verdict: 'expired', count: 0 });
});
