/** Records of the retry topic as the pipeline under test, and its operators, may have written them. */
import { sha256 } from '../../src/adapters/system.ts';
import { WHOLE_GROUP, type Approval, type Held, type Intent } from '../../src/core/change/change.ts';
import { heldDigest } from '../../src/core/group/guard.ts';
import {
  removalsKey,
  renderFence,
  renderRemovals,
  renderState,
  stateValue,
  type Removal,
  type WireRecord,
} from '../../src/core/log/live-record.ts';
import type { Stamp } from '../../src/core/log/ownership.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import { decisionValue, requestKey } from '../../src/core/log/request-record.ts';
import { anIntent } from '../support/an-intent.ts';
import type { SeededRandom } from '../support/random.ts';
import { ODD_NUMBERS, oddText } from './mutate.ts';

export const TROUBLE = { code: 'timeout', message: 'too late', firstFailureAt: 5 };
export const STAMP = { owner: 'former-1', epoch: 2, seq: 9 };
export const AT = 1_790_000_000_000;
export const GROUP = 'parked';

/** As the pipeline under test may have written them. */
const parked = { group: GROUP, source: { topic: 'source', partition: 0, offset: 3n, timestamp: AT } };
const held: Held = { kind: 'held', by: 'group_percent', since: AT };
const approved: Approval = {
  kind: 'approved',
  digest: 'd'.repeat(64),
  author: 'jane@example.com',
  reason: null,
  at: AT,
};
const refusal = { digest: 'e'.repeat(64), author: 'jane@example.com', reason: 'not this week' };
const whole = { members: ['u1', 'u2', 'u6'], deleted: false };
const at = (offset: bigint, index: number | null) => ({ ...parked.source, offset, index });
const intents: readonly Intent[] = [
  anIntent({ ...parked, member: 'u1' }),
  anIntent({ ...parked, member: 'u2', op: 'remove', attempt: 2, notBefore: AT }),
  anIntent({ ...parked, member: 'u3', attempt: 5, dead: { at: AT, reason: 'attempts_exhausted' } }),
  anIntent({ ...parked, member: 'u4', op: 'remove', guard: held }),
  anIntent({ ...parked, member: 'u5', op: 'remove', guard: { ...held, by: 'group_deleted' }, source: at(3n, 1) }),
  anIntent({ ...parked, member: 'u6', op: 'remove', attempt: 1, guard: approved }),
  anIntent({ ...parked, member: 'u7', op: 'remove', dead: { at: AT, reason: 'refused' } }),
  anIntent({ ...parked, member: 'u8', op: 'remove', guard: held, dead: { at: AT, reason: 'refused', refusal } }),
  anIntent({ ...parked, member: WHOLE_GROUP, op: 'state', whole, source: at(2n, 0) }),
  anIntent({ ...parked, member: WHOLE_GROUP, op: 'state', whole: { members: [], deleted: true }, attempt: 1 }),
];

const removals: readonly Removal[] = [
  { group: GROUP, count: 3, at: AT, size: 20 },
  { group: null, count: 1, at: AT + 5, size: null },
];

/** At most one intent per member, and the full state among them or not. */
function someIntents(random: SeededRandom): readonly Intent[] {
  const from = random.below(intents.length);
  const several = intents.slice(from, from + 1 + random.below(4));
  return several.filter(({ member }, i) => several.findIndex((other) => other.member === member) === i);
}

export interface Rendered {
  readonly key: string;
  readonly value?: string | null;
  readonly headers: WireRecord['headers'];
}

export function aValidRecord(random: SeededRandom): Rendered {
  const stamp = random.oneIn(6) ? anOddStamp(random) : STAMP;
  switch (random.below(9)) {
    case 0:
      return { ...renderFence(stamp, 'fence-id'), value: 'fence-id' };
    case 1:
      return renderState({ group: GROUP, intents: [], stamp, trouble: null, now: 1, sha256 });
    case 2:
      return {
        key: requestKey('00000000-0000-0000-0000-000000000000'),
        value: stateValue(GROUP, intents),
        headers: random.oneIn(2) ? [] : [textHeader('rollcall-type', 'replay')],
      };
    case 3:
      return aDecision(random);
    case 4:
      return renderRemovals(stamp, removalsKey(AT), random.oneIn(6) ? [] : removals);
    default:
      return renderState({ group: GROUP, intents: someIntents(random), stamp, trouble: TROUBLE, now: AT, sha256 });
  }
}

/** Of what is held in a record like those above, or of something else. */
function aDecision(random: SeededRandom): Rendered {
  const some = someIntents(random);
  const digest = heldDigest(GROUP, some, sha256) ?? 'd'.repeat(64);
  const named = some.map(({ member, source }) => ({ group: GROUP, member, ...source }));
  return {
    key: requestKey('00000000-0000-0000-0000-000000000001'),
    value: decisionValue({
      digest,
      author: random.oneIn(6) ? oddText(random) : 'jane@example.com',
      reason: random.oneIn(3) ? oddText(random) : null,
      part: random.oneIn(2) ? { group: GROUP, named } : null,
    }),
    headers: [textHeader('rollcall-type', random.pick(['approve', 'reject']))],
  };
}

const anOddStamp = (random: SeededRandom): Stamp => ({
  owner: oddText(random),
  epoch: random.pick(ODD_NUMBERS),
  seq: random.pick(ODD_NUMBERS),
});
