import { expect, test } from 'vitest';
import { summaryOf } from '../../src/core/report/summary.ts';
import { jsonText } from '../../src/core/text/visible.ts';
import { summaryJson } from '../../src/console/report-text.ts';
import { eventReport, reportRecord } from '../../src/core/report/reporting.ts';

const source = { topic: 't', partition: 0, offset: 0n, index: null, eventId: null, timestamp: 1 };
const names = { group: 'g\u202e', groupTarget: 'g' };
const record = reportRecord(eventReport({ source, ...names, outcome: 'no_changes', reason: null, reportedAt: 1 }), 1);

test.each([0, 1, 2])('the pieces are the JSON of the whole, %i operations', (count) => {
  const operations = new Map(Array.from({ length: count }, (_, i) => [`t/0/${i}`, { ...record, id: `t/0/${i}` }]));
  const summary = summaryOf(operations, 0);
  for (const indent of [0, 2])
    expect([...summaryJson(summary, indent)].join('')).toBe(`${jsonText(summary, indent)}\n`);
});
