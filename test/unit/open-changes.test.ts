import { expect, test } from 'vitest';
import { OpenChanges } from '../../src/core/report/open-changes.ts';
import { aReport } from '../support/a-report.ts';

test('what is held stands at the time since which it is, however late it is reported again', () => {
  const open = new OpenChanges(() => true);
  const [since, failedAt, repeatedAt] = ['01', '02', '03'].map((hour) => `2026-09-21T${hour}:00:00.000Z`);
  const held = aReport(1n, 'ada', { id: 's/0/1/ada#held', final: false, outcome: 'held', held_since: since });
  open.note({ ...held, reported_at: repeatedAt ?? '' }, null);
  open.note(aReport(2n, 'ada', { outcome: 'failed', reported_at: failedAt ?? '' }), null);
  expect(open.newest(2).changes.map((change) => [change.outcome, change.since])).toEqual([
    ['failed', failedAt],
    ['held', since],
  ]);
});
