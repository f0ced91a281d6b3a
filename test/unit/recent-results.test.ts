import { expect, test } from 'vitest';
import { RecentResults } from '../../src/ingest/webhook/intake.ts';

test('a result that is deleted late leaves the newer one of its name alone', () => {
  // given a name that went, since too many others came, and was entered again
  const remembered = new RecentResults<object>(2);
  const [first, second] = [{}, {}];
  remembered.set('a', first);
  remembered.set('b', {});
  remembered.set('c', {});
  expect(remembered.get('a')).toBeUndefined();
  remembered.set('a', second);
  // when the first one fails
  remembered.delete('a', first);
  // then
  expect(remembered.get('a')).toBe(second);
  remembered.delete('a', second);
  expect(remembered.get('a')).toBeUndefined();
});
