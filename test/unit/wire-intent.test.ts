import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Approval, type Held, type Intent, WHOLE_GROUP } from '../../src/core/change/change.ts';
import { HELD_BY } from '../../src/core/group/guard.ts';
import { isHeld } from '../../src/core/change/pending.ts';
import { intentOf, REASON_LENGTH_MAX, wireIntent, wireOf } from '../../src/core/log/wire-intent.ts';
import { anIntent, type IntentParts } from '../support/an-intent.ts';
import { aWrittenIntent } from '../support/a-written-intent.ts';

const DIGEST = 'd'.repeat(64);
const held: Held = { kind: 'held', by: 'group_count', since: 5 };
const approved: Approval = { kind: 'approved', digest: DIGEST, author: 'jane@example.com', reason: null, at: 6 };

const aRemoval = (parts: IntentParts = {}): Intent => anIntent({ op: 'remove', ...parts });
const aFullState = (...members: string[]): Intent =>
  anIntent({ op: 'state', member: WHOLE_GROUP, whole: { members, deleted: false } });

/** As JSON, and back. */
const written = (intent: Intent, digest: string | null = DIGEST): Record<string, unknown> =>
  JSON.parse(JSON.stringify(wireOf(intent, digest))) as Record<string, unknown>;

function read(json: unknown, group = 'g'): Intent | null {
  const parsed = wireIntent.safeParse(json);
  return parsed.success ? intentOf(group, parsed.data) : null;
}

describe('an intent', () => {
  test('of any kind comes back as it was written', () => {
    fc.assert(
      fc.property(aWrittenIntent('g'), (intent) => {
        expect(read(written(intent))).toEqual(intent);
      }),
      { numRuns: 500 },
    );
  });

  test('is written in the documented form: what is not so is left out', () => {
    expect(Object.keys(written(anIntent()))).toEqual([
      'member',
      'op',
      'topic',
      'partition',
      'offset',
      'event_id',
      'timestamp',
      'attempt',
      'not_before',
      'first_seen_at',
      'dead',
    ]);
  });

  test('of one event among several has its index in the offset', () => {
    expect(written(anIntent({ source: { offset: 42n, index: 0 } }))).toMatchObject({ offset: '42.0' });
    expect(written(anIntent({ source: { offset: 42n, index: 11 } }))).toMatchObject({ offset: '42.11' });
    expect(written(anIntent({ source: { offset: 42n } }))).toMatchObject({ offset: '42' });
  });

  test('that goes by the name of the target says so, since no id map knows it', () => {
    const removal = aRemoval({ member: 'u-1', namedBy: 'target' });
    expect(written(removal)).toMatchObject({ member: 'u-1', named_by: 'target' });
    expect(read(written(removal))).toEqual(removal);
    expect(written(aRemoval())).not.toHaveProperty('named_by');
  });

  test('is taken for one that the target names alike, until the id map says otherwise', () => {
    const mapped = anIntent({ member: 'ada', target: 'u-1' });
    expect(read(written(mapped))).toEqual({ ...mapped, target: 'ada' });
  });
});

describe('why it waits', () => {
  const parked = (waits: Intent['waits']) => anIntent({ attempt: 2, notBefore: 9, waits });

  test.each(['group', 'member'] as const)('is written down: %s', (waits) => {
    expect(written(parked(waits))).toMatchObject({ waits, not_before: 9 });
    expect(read(written(parked(waits)))).toEqual(parked(waits));
  });

  test('is nothing where it does not wait, or waits for the record alone', () => {
    for (const intent of [anIntent(), anIntent({ waits: 'record' }), anIntent({ attempt: 2, waits: 'group' })])
      expect(written(intent)).not.toHaveProperty('waits');
    expect(read({ ...written(parked('group')), not_before: 0 })?.waits).toBe(null);
  });

  test.each([undefined, 'target', 'record', '', null, 7, ['group'], { group: true }])(
    'is its own time where an older or a newer version has written %j',
    (waits) => {
      expect(read({ ...written(parked('group')), waits })).toEqual(parked('member'));
    },
  );

  test('says nothing to an older version, which ignores what it does not know', () => {
    const before = wireIntent.safeParse({ ...written(parked('group')), since_then: { unknown: 1 } });
    expect(before.success).toBe(true);
  });
});

describe('a full state', () => {
  test('has its members, and no member', () => {
    expect(written(aFullState('b', 'a'))).toMatchObject({
      member: null,
      op: 'state',
      members: ['b', 'a'],
      deleted: false,
    });
    expect(read(written(aFullState('b', 'a')))).toEqual(aFullState('b', 'a'));
  });

  test('is none of a deleted group unless it says so', () => {
    const { deleted: _, ...silent } = written(aFullState());
    expect(read(silent)?.whole).toEqual({ members: [], deleted: false });
    expect(read({ ...silent, deleted: true })?.whole).toEqual({ members: [], deleted: true });
  });
});

describe('what the guard has said', () => {
  test.each(Object.keys(HELD_BY) as Held['by'][])('comes back with its reason, %s', (by) => {
    const intent = aRemoval({ guard: { ...held, by } });
    expect(written(intent)).toMatchObject({ held: { by, since: 5, digest: DIGEST } });
    expect(read(written(intent))).toEqual(intent);
  });

  test('is the approval, once there is one', () => {
    const wire = written(aRemoval({ guard: approved }), null);
    expect(wire).toMatchObject({ approval: { digest: DIGEST, author: 'jane@example.com', at: 6 } });
    expect(wire).not.toHaveProperty('held');
    expect(read(wire)?.guard).toEqual(approved);
  });

  test('says why an operator has approved, or refused, where a reason was given', () => {
    const why = { ...approved, reason: 'the reorganisation' };
    const approval = written(aRemoval({ guard: why }), null);
    expect(approval).toMatchObject({ approval: { author: 'jane@example.com', reason: 'the reorganisation' } });
    expect(read(approval)?.guard).toEqual(why);
    expect(written(aRemoval({ guard: approved }))['approval']).not.toHaveProperty('reason');
    const refusal = { digest: DIGEST, author: 'jane', reason: 'not this week' };
    const refused = aRemoval({ guard: held, dead: { at: 7, reason: 'refused', refusal } });
    expect(written(refused)).toMatchObject({ dead: { at: 7, reason: 'refused', refusal } });
    expect(read(written(refused))).toEqual(refused);
    const silent = written(aRemoval({ dead: { at: 7, reason: 'refused', refusal: { ...refusal, reason: null } } }));
    expect(silent['dead']).toEqual({ at: 7, reason: 'refused', refusal: { digest: DIGEST, author: 'jane' } });
  });

  test.each([7, '', 'two\nlines', 'x'.repeat(REASON_LENGTH_MAX + 1), { text: 'a newer form' }])(
    'is readable although a reason is %j',
    (reason) => {
      const wire = written(aRemoval({ guard: approved }), null);
      expect(read({ ...wire, approval: { ...(wire['approval'] as object), reason } })?.guard).toEqual(approved);
      const refusal = { digest: DIGEST, author: 'jane', reason };
      const dead = { at: 7, reason: 'refused', refusal };
      expect(read({ ...written(aRemoval()), dead })?.dead?.refusal).toEqual({ ...refusal, reason: null });
    },
  );

  test.each([null, 'jane', { author: 'jane' }, { digest: 'd', author: 'jane' }])(
    'is readable although a refusal is %j: by whom it was refused is not known then',
    (refusal) => {
      const dead = { at: 7, reason: 'refused', refusal };
      expect(read({ ...written(aRemoval()), dead })?.dead).toEqual({ at: 7, reason: 'refused' });
    },
  );

  test('is no more of an approval than it has to say', () => {
    const wire = written(aRemoval({ guard: approved }), null);
    const more = { ...(wire['approval'] as object), kind: 'held', by: 'group_count', note: '' };
    expect(read({ ...wire, approval: more })?.guard).toEqual(approved);
  });

  test('says how many members the group had; a size that cannot be read counts as none', () => {
    const guard = { ...held, groupSize: 640 };
    const wire = written(aRemoval({ guard }));
    expect(wire).toMatchObject({ held: { group_size: 640 } });
    expect(read(wire)?.guard).toEqual(guard);
    for (const size of [-1, 1.5, 'many', null])
      expect(read({ ...wire, held: { ...(wire['held'] as object), group_size: size } })?.guard).toEqual(held);
  });

  test('says that it was notified; an older version, and what cannot be read, says nothing of that', () => {
    const guard = { ...held, isNotified: true as const };
    const wire = written(aRemoval({ guard }));
    expect(wire).toMatchObject({ held: { notified: true } });
    expect(read(wire)?.guard).toEqual(guard);
    expect(written(aRemoval({ guard: held }))['held']).not.toHaveProperty('notified');
    for (const notified of [false, 'yes', 1, null])
      expect(read({ ...wire, held: { ...(wire['held'] as object), notified } })?.guard).toEqual(held);
  });

  test('is kept of what was refused, which is held again once it is woken; until then no digest names it', () => {
    const refused = aRemoval({ guard: held, dead: { at: 7, reason: 'refused' } });
    expect(written(refused)['held']).toEqual({ by: 'group_count', since: 5 });
    expect(read(written(refused))).toEqual(refused);
  });

  test('has no digest in a dead letter', () => {
    expect(written(aRemoval({ guard: held }), null)['held']).toEqual({ by: 'group_count', since: 5 });
  });
});

describe('of a newer version', () => {
  const wire = written(anIntent());

  test('may be held for a reason that is not known: it stays held, and says the same again', () => {
    const held = read({ ...wire, op: 'remove', held: { by: 'four_eyes', since: 5, digest: 7, until: 9 } });
    expect(held?.guard).toEqual({ kind: 'held', by: 'four_eyes', since: 5 });
    expect(written(held ?? anIntent())).toMatchObject({ held: { by: 'four_eyes', since: 5, digest: DIGEST } });
  });

  test('may be an add that is held: it is not sent', () => {
    const held = read({ ...wire, held: { by: 'access_review', since: 5 } });
    expect(held !== null && isHeld(held)).toBe(true);
  });

  test('may be dead for a reason that is not known: it stays dead, and says the same again', () => {
    const dead = read({ ...wire, dead: { at: 1, reason: 'expired', by: 'x' } });
    expect(dead?.dead).toEqual({ at: 1, reason: 'expired' });
    expect(written(dead ?? anIntent())).toMatchObject({ dead: { at: 1, reason: 'expired' } });
  });

  test.each([7, null, '', 'a\nb', 'x'.repeat(300), '\uD800', ['a']])('reads the name %j as unknown', (name) => {
    expect(read({ ...wire, held: { by: name, since: 5 } })?.guard).toMatchObject({ by: 'unknown' });
    expect(read({ ...wire, dead: { at: 1, reason: name } })?.dead).toMatchObject({ reason: 'unknown' });
  });

  test('may go by the name of something else: then the id map is asked for it', () => {
    expect(read({ ...wire, named_by: 'source' })).toEqual(anIntent());
  });

  test('may have any other field, at each level', () => {
    const more = { waits: 'group', v: 2, extra: [{}] };
    expect(read({ ...wire, ...more, dead: { at: 1, reason: 'rejected', more } })).toMatchObject({ dead: { at: 1 } });
  });
});

describe('of another hand', () => {
  const heldWire = { by: 'group_count', since: 5, digest: DIGEST };
  const approvalWire = { digest: DIGEST, author: 'jane', at: 6 };

  test.each<[string, Record<string, unknown>, object]>([
    ['a full state without members', { members: undefined }, aFullState('a')],
    ['a full state that names a member', { member: 'm' }, aFullState('a')],
    ['a full state with the empty id as member', { member: '' }, aFullState('a')],
    ['a full state of something else', { members: 'a' }, aFullState('a')],
    ['a full state of nulls', { members: [null] }, aFullState('a')],
    ['a full state with an empty id', { members: ['a', ''] }, aFullState('a')],
    ['a full state with a control character', { members: ['a\u0000'] }, aFullState('a')],
    ['a full state with a lone surrogate', { members: ['\uD800'] }, aFullState('a')],
    ['a full state of a group that is deleted maybe', { deleted: 'true' }, aFullState()],
    ['a full state that is held', { held: heldWire }, aFullState('a')],
    ['an add without a member', { member: null }, anIntent()],
    ['a removal without a member', { member: null }, aRemoval()],
    ['an add with the members of a full state', { members: ['a'] }, anIntent()],
    ['another operation', { op: 'replace' }, anIntent()],
    ['a held removal since ever', { held: { ...heldWire, since: null } }, aRemoval()],
    ['an approval without an author', { approval: { ...approvalWire, author: '' } }, aRemoval()],
    ['an approval by too long an author', { approval: { ...approvalWire, author: 'a'.repeat(257) } }, aRemoval()],
    ['an approval by a line feed', { approval: { ...approvalWire, author: 'jane\nroot' } }, aRemoval()],
    ['an approval of a digest that is none', { approval: { ...approvalWire, digest: '*' } }, aRemoval()],
    ['an index of too many digits', { offset: '42.1234567890' }, anIntent()],
    ['an offset with half an index', { offset: '42.' }, anIntent()],
    ['a negative index', { offset: '42.-1' }, anIntent()],
    ['two indexes', { offset: '42.1.1' }, anIntent()],
  ])('%s is none', (_, forged, intent) => {
    const good = written(intent as Intent);
    expect(read(good)).not.toBeNull();
    expect(read({ ...good, ...forged })).toBeNull();
  });

  test('any fields are read as an intent, or as none', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(written(aRemoval({ guard: held })))));
    const fields = [...Object.keys(written(aFullState())), 'held', 'approval'];
    const forged = fc.dictionary(fc.constantFrom(...fields), value);
    fc.assert(
      fc.property(forged, fc.constantFrom(anIntent(), aRemoval(), aFullState('a')), (parts, intent) => {
        const again = read({ ...written(intent), ...parts });
        if (again !== null) expect(read(written(again))).toEqual(again);
      }),
      { numRuns: 2_000 },
    );
  });
});
