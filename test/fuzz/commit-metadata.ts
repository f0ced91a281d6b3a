/** Commit metadata: ranges that ascend from the committed offset on and lie below the end, or nothing is known. */
import { METADATA_LENGTH_MAX, RANGES_MAX, Ledger, rangesBelow, type Range } from '../../src/core/log/ledger.ts';
import { NO_MARK, decodeCommit, encodeCommit } from '../../src/core/log/commit-metadata.ts';
import { demand, single } from './kind.ts';
import type { SeededRandom } from '../support/random.ts';
import { mutatedBytes, oddText } from './mutate.ts';

interface Committed {
  readonly offset: bigint;
  readonly end: bigint;
  readonly metadata: string;
}

function aCommit(random: SeededRandom): Committed {
  const offset = BigInt(random.pick([0, 1, 100, Number.MAX_SAFE_INTEGER]));
  const end = offset + BigInt(random.below(500));
  return { offset, end, metadata: someMetadata(random, offset) };
}

function someMetadata(random: SeededRandom, offset: bigint): string {
  const last = { offset, timestamp: random.pick([-1, 0, 1_790_000_000_000]), leaderEpoch: random.below(9) };
  const mark = random.oneIn(3)
    ? NO_MARK
    : { topicId: random.pick(['a-_1', null]), last, retryTopicId: null, retryEpoch: null };
  const valid = encodeCommit(offset, { ranges: someRanges(random, offset), mark });
  switch (random.below(5)) {
    case 0:
      return valid;
    case 1:
      return oddText(random);
    case 2:
      return `rollcall1:${Array.from({ length: random.below(30) }, () => random.pick(['0', '1', 'z', '.', ',', '-', 'Z', ' '])).join('')}`;
    case 3:
      return `rollcall1:${random.pick(['0.1,', '1.1,', 'z.z,', '0.', ',']).repeat(random.below(random.oneIn(500) ? 200_000 : 300))}0.1`;
    default:
      return mutatedBytes(random, Buffer.from(valid)).toString('latin1');
  }
}

function someRanges(random: SeededRandom, offset: bigint): Range[] {
  let at = offset;
  return Array.from({ length: random.below(20) }, () => {
    const from = at + BigInt(1 + random.below(10));
    at = from + BigInt(1 + random.below(10));
    return { from, to: at };
  });
}

function accountFor({ offset, end, metadata }: Committed): string {
  const { ranges: decoded, mark } = decodeCommit(offset, metadata);
  const known = rangesBelow(end, decoded);
  let at = offset;
  for (const { from, to } of known) {
    demand(from >= at && to > from && to <= end, 'ranges ascend, from the committed offset to the end');
    at = to;
  }
  const ledger = new Ledger(offset, known);
  demand(
    known.every(({ from, to }) => ledger.isKnownComplete(from) && ledger.isKnownComplete(to - 1n)),
    'they count',
  );
  demand(!ledger.isKnownComplete(end), 'what is yet to be written does not');
  const again = encodeCommit(ledger.committable, { ranges: ledger.completedRanges(RANGES_MAX), mark });
  demand(again.length <= METADATA_LENGTH_MAX, 'what is committed next fits');
  ledger.advance(end);
  demand(ledger.committable === end, 'the end is reached');
  return decoded.length === 0 ? 'nothing known' : known.length === 0 ? 'beyond the end: nothing known' : 'ranges';
}

export const commitMetadata = single('metadata', 100, { make: aCommit, account: accountFor });
