/** What is not complete of one member: in the order of the source, and gone through no further than there is news of it. */
import { describe, expect, test } from 'vitest';
import { groupOf } from '../../src/pipeline/state/partitions.ts';
import type { Member } from '../../src/pipeline/state/member.ts';
import { aPartition } from '../support/a-partition.ts';
import { atOffset } from '../support/an-intent.ts';

function aMember(...offsets: readonly bigint[]): Member {
  const member = groupOf({ ids: null }, aPartition(), 'g').members.obtain('m');
  for (const offset of offsets) member.begin(atOffset(offset).source);
  return member;
}

function offsetsOf(member: Member): readonly bigint[] {
  const offsets: bigint[] = [];
  member.closeUnfinished(null, (source) => {
    offsets.push(source.offset);
    return false;
  });
  return offsets;
}

describe('of the unfinished changes of a member', () => {
  test.each<[string, readonly bigint[], readonly bigint[]]>([
    ['the first', [1n], [2n, 3n, 9n]],
    ['one between', [2n], [1n, 3n, 9n]],
    ['the last', [3n], [1n, 2n, 9n]],
    ['all', [1n, 2n, 3n], [9n]],
    ['none', [], [1n, 2n, 3n, 9n]],
  ])('%s may be complete, and a newer one comes behind those that are left', (_, done, left) => {
    const member = aMember(1n, 2n, 3n);
    member.closeUnfinished(null, (source) => done.includes(source.offset));
    expect(member.isEmpty).toBe(done.length === 3);
    member.begin(atOffset(9n).source);
    expect(offsetsOf(member)).toEqual(left);
  });

  test('those behind the last report are not looked at', () => {
    const member = aMember(1n, 2n, 3n, 4n);
    const looked: bigint[] = [];
    member.closeUnfinished(2n, (source) => {
      looked.push(source.offset);
      return true;
    });
    expect(looked).toEqual([1n, 2n]);
    expect(offsetsOf(member)).toEqual([3n, 4n]);
  });
});
