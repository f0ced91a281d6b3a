/** Builders of snapshots for tests. */
import { readGroupBody } from '../../src/core/target/snapshot.ts';
import type { Snapshot } from '../../src/core/target/snapshot.ts';
import { readTags, type Versioned } from '../../src/core/target/version.ts';

/** At version `"7"` as header and body tell it alike: a whole list of users. */
export const aSnapshot = (members: Iterable<string>, parts: Partial<Snapshot> = {}): Snapshot => {
  const group = readGroupBody({ id: 'g', members: [...members].map((value) => ({ value })) }, null);
  if (group === null) throw new Error('this is no group');
  return { ...group.members, ...versioned('"7"'), isDoubtful: false, ...parts };
};

export const versioned = (version: string): Versioned => ({ version, tags: readTags(version, version) });
