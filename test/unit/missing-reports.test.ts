import { expect, test } from 'vitest';
import { missingText } from '../../src/console/missing-reports.ts';

const missing = (count: number) =>
  Array.from({ length: count }, (_, partition) => ({ topic: 'r', partition, offset: '1', time: null }));

test('reports that are gone: partitions beyond the first eight are counted', () => {
  const first = missing(8).map(({ partition }) => `r/${partition} has none left whose time is known`);
  const text = 'older reports of the time that is asked for may be gone: ';
  expect([0, 8, 9, 11].map((count) => missingText(missing(count)))).toEqual([
    null,
    `${text}${first.join(', ')}`,
    `${text}${first.join(', ')}, and 1 more partition may lack some`,
    `${text}${first.join(', ')}, and 3 more partitions may lack some`,
  ]);
});
