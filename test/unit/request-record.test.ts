import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WHOLE_GROUP } from '../../src/core/change/change.ts';
import { parseRetryRecord, stateValue } from '../../src/core/log/live-record.ts';
import { type Headers, REASON_LENGTH_MAX, textHeader } from '../../src/core/log/wire-intent.ts';
import {
  type OperatorAnswer,
  answerHeader,
  AUTHOR_LENGTH_MAX,
  decisionValue,
  isRequestKey,
  NAMED_MAX,
  parseAnswer,
  parseRequest,
  requestKey,
} from '../../src/core/log/request-record.ts';
import { anIntent, validId } from '../support/an-intent.ts';
import { wholeDecision } from '../support/decisions.ts';

const DIGEST = '0123456789abcdef'.repeat(4);
const bytes = (text: string): Buffer => Buffer.from(text);
const typed = (type: string): Headers => [textHeader('rollcall-type', type)];
const nothing = { kind: 'replay', named: [] };

const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const decision = fc.constantFrom('approve' as const, 'reject' as const);
const named = fc.record({
  group: validId(),
  member: fc.oneof(validId(), fc.constant(WHOLE_GROUP)),
  topic: validId(),
  partition: fc.nat(),
  offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  index: fc.option(fc.nat(999_999_999)),
});

const said = fc.record({
  digest,
  author: validId(),
  reason: fc.option(fc.constantFrom('x', 'the reorganisation is next week')),
  part: fc.option(
    fc
      .tuple(validId(), fc.array(named, { maxLength: 4 }))
      .map(([group, each]) => ({ group, named: each.map((one) => ({ ...one, group })) })),
  ),
});

describe('the key of a request', () => {
  test('differs from ids of groups, and from keys that are too long to be one', () => {
    expect(isRequestKey(requestKey('u'))).toBe(true);
    expect([' rollcall.request.u', 'rollcall.request.u', '\u0000rollcall.fence', ''].map(isRequestKey)).not.toContain(
      true,
    );
    expect(isRequestKey(requestKey('u'.repeat(238)))).toBe(true);
    expect(isRequestKey(requestKey('u'.repeat(239)))).toBe(false);
  });
});

describe('a decision', () => {
  test('comes back as it was asked for', () => {
    fc.assert(
      fc.property(decision, said, (kind, wanted) => {
        expect(parseRequest(typed(kind), bytes(decisionValue(wanted)))).toEqual({ kind, ...wanted });
      }),
    );
  });

  test('has the documented value', () => {
    expect(wholeDecision(DIGEST)).toBe(`{"v":1,"digest":"${DIGEST}","author":"jane"}`);
    const named = [{ group: 'g', member: 'm', topic: 't', partition: 2, offset: 42n, index: 1 }];
    const part = { digest: DIGEST, author: 'jane', reason: 'next week', part: { group: 'g', named } };
    expect(JSON.parse(decisionValue(part))).toEqual({
      v: 1,
      digest: DIGEST,
      author: 'jane',
      reason: 'next week',
      part: { group: 'g', pending: [{ member: 'm', topic: 't', partition: 2, offset: '42.1' }] },
    });
  });

  test('is one only with its header: the value alone asks for nothing', () => {
    for (const headers of [[], typed('replay'), typed('pending'), typed('Approve'), typed('approve ')])
      expect(parseRequest(headers, bytes(wholeDecision(DIGEST)))).toEqual(nothing);
  });

  const good = { v: 1, digest: DIGEST, author: 'jane' };
  const place = { member: 'm', topic: 't', partition: 0, offset: '7' };

  test.each<[string, unknown]>([
    ['no digest', { ...good, digest: undefined }],
    ['the beginning of a digest', { ...good, digest: DIGEST.slice(0, 63) }],
    ['a digest and more', { ...good, digest: `${DIGEST}0` }],
    ['a digest in capitals', { ...good, digest: DIGEST.toUpperCase() }],
    ['a digest and a line feed', { ...good, digest: `${DIGEST}\n` }],
    ['any digest', { ...good, digest: '*' }],
    ['a list of digests', { ...good, digest: [DIGEST] }],
    ['no author', { ...good, author: undefined }],
    ['an empty author', { ...good, author: '' }],
    ['too long an author', { ...good, author: 'a'.repeat(AUTHOR_LENGTH_MAX + 1) }],
    ['an author of two lines', { ...good, author: 'jane\nERROR' }],
    ['an author that has no UTF-8 form', { ...good, author: '\uD800' }],
    ['an empty reason', { ...good, reason: '' }],
    ['a reason of two lines', { ...good, reason: 'because\nERROR' }],
    ['too long a reason', { ...good, reason: 'a'.repeat(REASON_LENGTH_MAX + 1) }],
    ['no part where one belongs', { ...good, part: null }],
    ['a part of no group', { ...good, part: { pending: [place] } }],
    ['a part that names no one', { ...good, part: { group: 'g' } }],
    ['half a position in its part', { ...good, part: { group: 'g', pending: [place, { ...place, offset: '7.' }] } }],
    ['no member in its part', { ...good, part: { group: 'g', pending: [{ ...place, member: undefined }] } }],
    ['another version', { ...good, v: 2 }],
    ['no version', { ...good, v: undefined }],
    ['a list', [good]],
    ['null', null],
    ['a live record', JSON.parse(stateValue('g', [anIntent()]))],
  ])('with %s asks for nothing', (_, value) => {
    for (const kind of ['approve', 'reject'] as const) {
      expect(parseRequest(typed(kind), bytes(JSON.stringify(good)))).toMatchObject({ kind });
      expect(parseRequest(typed(kind), bytes(JSON.stringify(value)))).toEqual(nothing);
    }
  });

  test('of a part names so many at the most; of a longer list no more is read than shows that', () => {
    const request = (count: number) => {
      const pending = Array.from({ length: count }, (_, i) => ({ ...place, offset: String(i) }));
      const asked = parseRequest(typed('reject'), bytes(JSON.stringify({ ...good, part: { group: 'g', pending } })));
      return asked.kind === 'reject' ? asked.part?.named.length : null;
    };
    expect([0, NAMED_MAX, NAMED_MAX + 1, 20_000].map(request)).toEqual([0, NAMED_MAX, NAMED_MAX + 1, NAMED_MAX + 1]);
  });

  test('may have as long an author as an id is', () => {
    const author = 'a'.repeat(AUTHOR_LENGTH_MAX);
    expect(parseRequest(typed('approve'), bytes(wholeDecision(DIGEST, author)))).toMatchObject({ author });
  });
});

describe('a replay', () => {
  test('names events among several, and full states', () => {
    const state = anIntent({ op: 'state', member: WHOLE_GROUP, whole: { members: ['a'], deleted: false } });
    const intents = [anIntent({ source: { offset: 8n, index: 2 } }), state];
    const at = { group: 'g', topic: 't', partition: 0 };
    expect(parseRequest([], bytes(stateValue('g', intents)))).toEqual({
      kind: 'replay',
      named: [
        { ...at, member: 'm', offset: 8n, index: 2 },
        { ...at, member: WHOLE_GROUP, offset: 7n, index: null },
      ],
    });
  });

  test.each<[string, object]>([
    ['the empty id as member', { member: '' }],
    ['no member', { member: undefined }],
    ['a control character in the member', { member: 'm\u0000' }],
    ['half a position', { offset: '7.' }],
    ['no offset', { offset: 7 }],
    ['a negative partition', { partition: -1 }],
    ['an empty topic', { topic: '' }],
  ])('with %s asks for nothing, not even for the others that it names', (_, wrong) => {
    const value = JSON.parse(stateValue('g', [anIntent(), anIntent({ member: 'n' })])) as { pending: object[] };
    expect(parseRequest([], bytes(JSON.stringify(value)))).toMatchObject({ named: [{ member: 'm' }, { member: 'n' }] });
    const forged = { ...value, pending: [{ ...value.pending[0], ...wrong }, value.pending[1]] };
    expect(parseRequest([], bytes(JSON.stringify(forged)))).toEqual(nothing);
  });
});

test('whatever the bytes, a request asks for something it names, or for nothing', () => {
  const value = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.json().map(bytes));
  const type = fc.constantFrom('approve', 'reject', 'replay', 'fence', '');
  fc.assert(
    fc.property(type, value, (type, value) => {
      expect(parseRequest(typed(type), value)).toEqual(nothing);
    }),
    { numRuns: 1_000 },
  );
});

describe('an answer', () => {
  const answer: fc.Arbitrary<OperatorAnswer> = fc.oneof(
    fc.record({
      kind: fc.constant('replay' as const),
      verdicts: fc.array(
        fc
          .tuple(named, fc.constantFrom('woken' as const, 'superseded' as const, 'gone' as const))
          .map(([each, verdict]) => ({ ...each, verdict })),
        { maxLength: 5 },
      ),
    }),
    fc.record({
      kind: decision,
      digest,
      verdict: fc.constantFrom('approved' as const, 'rejected' as const, 'gone' as const),
      count: fc.nat(),
    }),
  );
  const headersOf = (each: OperatorAnswer): Headers => [...typed(each.kind), answerHeader(each)];

  test('is read from the tombstone that carries it', () => {
    fc.assert(
      fc.property(answer, (each) => {
        expect(parseAnswer(null, headersOf(each))).toEqual(each);
      }),
    );
  });

  test('to a decision says how many it was about', () => {
    const [, value] = answerHeader({ kind: 'approve', digest: DIGEST, verdict: 'approved', count: 12 });
    expect(JSON.parse(Buffer.from(value).toString())).toEqual([{ digest: DIGEST, result: 'approved', count: 12 }]);
  });

  test('is no request any more', () => {
    const headers = headersOf({ kind: 'reject', digest: DIGEST, verdict: 'gone', count: 0 });
    const record = { key: bytes(requestKey('u')), value: null, headers };
    expect(parseRetryRecord(record)).toEqual({ kind: 'request', key: requestKey('u'), wanted: null });
  });

  test.each<[string, Uint8Array | null, Headers]>([
    ['a tombstone without a result', null, typed('replay')],
    ['a record with a value', bytes('{}'), headersOf({ kind: 'replay', verdicts: [] })],
    ['half a result', null, [textHeader('rollcall-result', '[{')]],
    ['an object', null, [textHeader('rollcall-result', '{}')]],
    ['a result that is no UTF-8', null, [['rollcall-result', new Uint8Array([0xff])]]],
    ['a replay that was approved', null, [textHeader('rollcall-result', '[{"result":"approved"}]')]],
    [
      'an approval with a result of many lines',
      null,
      [
        ...typed('approve'),
        textHeader('rollcall-result', JSON.stringify([{ digest: DIGEST, result: 'approved\nx', count: 1 }])),
      ],
    ],
    ['an approval of nothing', null, [...typed('approve'), textHeader('rollcall-result', '[]')]],
    [
      'an approval of two',
      null,
      [
        ...typed('approve'),
        textHeader(
          'rollcall-result',
          JSON.stringify(Array.from({ length: 2 }, () => ({ digest: DIGEST, result: 'approved', count: 1 }))),
        ),
      ],
    ],
  ])('is not %s', (_, value, headers) => {
    expect(parseAnswer(value, headers)).toBeNull();
  });

  test('is found in no bytes of another hand', () => {
    const result = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.json().map(bytes));
    fc.assert(
      fc.property(fc.constantFrom('approve', 'replay', ''), result, (type, result) => {
        const read = parseAnswer(null, [...typed(type), ['rollcall-result', result]]);
        if (read !== null) expect(read).toEqual({ kind: 'replay', verdicts: [] });
      }),
      { numRuns: 1_000 },
    );
  });
});
