/** What the key of a report says. */
import { expect, test } from 'vitest';
import { groupInKey } from '../../src/console/report-search.ts';

test.each([
  ['agents', 'agents'],
  ['x'.repeat(256), 'x'.repeat(256)],
  ['x'.repeat(257), null],
  ['bad\u0001key', null],
  ['', null],
])('the key of a report names a group where it can be the id of one: %j', (key, group) => {
  expect(groupInKey(Buffer.from(key))).toBe(group);
});

test('bytes that are no text, and no key at all, name none', () => {
  expect([groupInKey(Buffer.from([0xff])), groupInKey(null)]).toEqual([null, null]);
});
