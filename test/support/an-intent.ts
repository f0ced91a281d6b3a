/** Builders of intents for tests. */
import fc from 'fast-check';
import type { ChangeSource, Intent } from '../../src/core/change/change.ts';

export type IntentParts = Partial<Omit<Intent, 'source'>> & { readonly source?: Partial<ChangeSource> };

export const anIntent = ({ source, ...parts }: IntentParts = {}): Intent => ({
  group: 'g',
  member: 'm',
  op: 'add',
  attempt: 0,
  conflicts: 0,
  notBefore: 0,
  firstSeenAt: 1,
  dead: null,
  waits: null,
  whole: null,
  target: parts.op === 'state' ? null : (parts.member ?? 'm'),
  guard: null,
  ...parts,
  source: { topic: 't', partition: 0, offset: 7n, index: null, eventId: null, timestamp: 1, ...source },
});

/** Of the offset, and otherwise anything. */
export const atOffset = (offset: bigint, parts: IntentParts = {}): Intent =>
  anIntent({ ...parts, source: { ...parts.source, offset } });

/** Ids that are valid: no control characters, well-formed, up to 256 UTF-16 units. */
export const validId = (): fc.Arbitrary<string> =>
  fc
    .string({
      unit: fc.oneof(
        fc.constantFrom('"', '\\', '/', '%', ']', ' ', 'é', '👩‍🚀', '\u2028'),
        fc.string({ unit: 'binary', maxLength: 1 }),
      ),
    })
    .filter((id) => id !== '' && id.length <= 256 && !/\p{Cc}/u.test(id) && id !== '.' && id !== '..');
