/** Any intent as it comes back from a live record. */
import fc from 'fast-check';
import { type Approval, type Held, type Intent, WHOLE_GROUP } from '../../src/core/change/change.ts';
import { HELD_BY } from '../../src/core/group/guard.ts';
import { REASON_LENGTH_MAX } from '../../src/core/log/wire-intent.ts';
import { anIntent, validId } from './an-intent.ts';

const none = fc.constant(null);
const time = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 45 }));
const decision = {
  digest: fc.stringMatching(/^[0-9a-f]{64}$/),
  author: validId(),
  reason: fc.option(fc.constantFrom('x', 'the reorganisation is next week', 'ü'.repeat(REASON_LENGTH_MAX))),
};

const facts = fc.record({
  topic: validId(),
  offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  index: fc.option(fc.nat(999_999_999)),
  partition: fc.nat(),
  eventId: fc.option(fc.string({ unit: 'binary' })),
  timestamp: time,
  attempt: fc.nat(9),
  notBefore: time,
  firstSeenAt: time,
  dead: fc.option(
    fc.oneof(
      fc.record({
        at: time,
        reason: fc.constantFrom('rejected' as const, 'attempts_exhausted' as const, 'refused' as const),
      }),
      fc.record({ at: time, reason: fc.constant('refused' as const), refusal: fc.record(decision) }),
    ),
  ),
});

const held: fc.Arbitrary<Held> = fc.record({
  kind: fc.constant('held' as const),
  by: fc.constantFrom(...(Object.keys(HELD_BY) as Held['by'][])),
  since: time,
});
const approved: fc.Arbitrary<Approval> = fc.record({
  kind: fc.constant('approved' as const),
  ...decision,
  at: time,
});
const whole = fc.oneof(
  fc.record({ members: fc.array(validId(), { maxLength: 4 }), deleted: fc.constant(false) }),
  fc.constant({ members: [], deleted: true }),
);

type Wanted = Pick<Intent, 'op' | 'member' | 'whole' | 'guard' | 'namedBy' | 'isTried'>;
const wanted: fc.Arbitrary<Wanted> = fc.oneof(
  fc.record(
    {
      op: fc.constant('add' as const),
      member: validId(),
      whole: none,
      guard: none,
      isTried: fc.constant(true as const),
    },
    { requiredKeys: ['op', 'member', 'whole', 'guard'] },
  ),
  fc.record(
    {
      op: fc.constant('remove' as const),
      member: validId(),
      whole: none,
      guard: fc.oneof(none, held, approved),
      namedBy: fc.constant('target' as const),
    },
    { requiredKeys: ['op', 'member', 'whole', 'guard'] },
  ),
  fc.record(
    {
      op: fc.constant('state' as const),
      member: fc.constant(WHOLE_GROUP),
      whole,
      guard: none,
      isTried: fc.constant(true as const),
    },
    { requiredKeys: ['op', 'member', 'whole', 'guard'] },
  ),
);

const waits = fc.constantFrom('group' as const, 'member' as const);

/** What of an intent is written down: conflicts are not, and why it waits only where it does. */
export const aWrittenIntent = (group: string): fc.Arbitrary<Intent> =>
  fc
    .tuple(facts, wanted, waits)
    .map(([{ topic, offset, index, partition, eventId, timestamp, ...rest }, want, reason]) =>
      anIntent({
        ...rest,
        ...want,
        group,
        waits: rest.notBefore > 0 ? reason : null,
        source: { topic, partition, offset, index, eventId, timestamp },
      }),
    );
