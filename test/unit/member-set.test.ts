/** The members of one version of a group share what the version before had. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemberSet } from '../../src/core/target/snapshot.ts';

const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const changes = fc.array(fc.tuple(keys, fc.boolean()), { maxLength: 6 });

test('a version holds what the changes before it come to, and leaves its own former versions as they are', () => {
  fc.assert(
    fc.property(fc.array(keys), fc.array(changes, { maxLength: 20 }), (before, versions) => {
      let expected: ReadonlySet<string> = new Set(before);
      let members = new MemberSet(expected);
      for (const version of versions) {
        const next = new Set(expected);
        for (const [key, isIn] of version) {
          if (isIn) next.add(key);
          else next.delete(key);
        }
        const former = members;
        members = former.with(version);
        expect([new Set(former), former.size]).toEqual([expected, expected.size]);
        expect([new Set(members), members.size]).toEqual([next, next.size]);
        for (const key of ['a', 'b', 'c', 'd', 'e']) expect(members.has(key)).toBe(next.has(key));
        expected = next;
      }
    }),
  );
});
