/** Which group an operator means by a digest. */
import { expect, test } from 'vitest';
import type { Group } from '../../src/pipeline/state/group.ts';
import { groupOf } from '../../src/pipeline/state/partitions.ts';
import { HeldDigests } from '../../src/pipeline/state/operator-requests.ts';
import { aPartition } from '../support/a-partition.ts';

const aGroup = (name: string) => groupOf({ ids: null }, aPartition(), name);
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `digest-${i}`);

test('a group is found by the eight digests that were shown last of it', () => {
  const digests = new HeldDigests<Group>();
  const [group, other] = [aGroup('g'), aGroup('h')];
  digests.note(other, 'of another group');
  for (const digest of names(9)) digests.note(group, digest);
  expect(names(9).map((digest) => digests.groupOf(digest)?.id ?? null)).toEqual([null, ...names(8).map(() => 'g')]);
  expect([digests.groupOf('of another group'), digests.size]).toEqual([other, 9]);
});

test('a digest that is shown once more is the newest', () => {
  const digests = new HeldDigests();
  const group = aGroup('g');
  for (const digest of [...names(8), 'digest-0', 'another']) digests.note(group, digest);
  expect(['digest-0', 'digest-1'].map((digest) => digests.groupOf(digest))).toEqual([group, null]);
});

test('a group that is forgotten is meant by none', () => {
  const digests = new HeldDigests();
  const group = aGroup('g');
  for (const digest of names(3)) digests.note(group, digest);
  digests.forget(group);
  expect([digests.size, digests.groupOf('digest-2')]).toEqual([0, null]);
});
