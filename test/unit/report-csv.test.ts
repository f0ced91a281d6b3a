// Cells of the report that people open in spreadsheets. The reader here does what docs/reference.md says.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CsvReader } from '../../src/adapters/ids/table-file.ts';
import { eventReport, reportRecord } from '../../src/core/report/reporting.ts';
import { csvHeader, csvRow } from '../../src/console/report-text.ts';

const aReport = (member: string) => ({
  ...reportRecord(
    eventReport({
      source: { topic: 't', partition: 0, offset: 0n, index: null, eventId: null, timestamp: 0 },
      group: 'g',
      groupTarget: 'g',
      outcome: 'no_changes',
      reason: null,
      reportedAt: 0,
    }),
    1,
  ),
  member,
});

/** The text of the member's cell, quotes and all. */
function cellOf(member: string): string {
  const row = csvRow(aReport(member));
  const before = '"t/0/0","true","g",';
  expect(row.startsWith(before)).toBe(true);
  return row.slice(before.length, row.indexOf(',"","no_changes"'));
}

/** As a program reads it that follows docs/reference.md. */
function readBack(row: string): string {
  const reader = new CsvReader(1e6);
  const [record] = [...reader.push(row), ...reader.end()];
  expect(reader.problem).toBeNull();
  const cell = record?.fields[3] ?? '';
  const text = cell.replaceAll(/\\u\{([0-9a-f]+)\}/g, (_, code: string) =>
    String.fromCodePoint(Number.parseInt(code, 16)),
  );
  return text.replaceAll(/(^|[;\t\r\n])'/g, '$1');
}

test('every cell is quoted, those of the header and empty ones too', () => {
  expect(csvHeader()).toMatch(/^("[a-z_]+",)+"[a-z_]+"\r\n$/);
  expect(csvRow(aReport('m'))).toMatch(/^("[^"]*",)+"[^"]*"\r\n$/);
});

test('who has decided, and why, stands in columns of its own, as safe as other text', () => {
  const decision = { digest: 'd', author: '=jane', reason: 'INC-7, "they left"', at: '2026-09-21T14:13:20.000Z' };
  const header = csvHeader();
  expect(header).toMatch(/"shadow","decision","decided_by","decision_reason"\r\n$/);
  const cells = `"'=jane","INC-7, ""they left"""\r\n`;
  const approved = { ...aReport('m'), approval: decision };
  expect(csvRow(approved).endsWith(`"approved",${cells}`)).toBe(true);
  expect(csvRow({ ...aReport('m'), refusal: decision }).endsWith(`"refused",${cells}`)).toBe(true);
  expect(csvRow({ ...approved, refusal: { ...decision, author: 'joe', reason: null } })).toMatch(
    /"refused","joe",""\r\n$/,
  );
  const pause = { author: '=jane', reason: decision.reason, at: decision.at, result: 'paused' };
  // A pause decides about no removal.
  expect(csvRow({ ...aReport('m'), outcome: 'paused', pause })).toMatch(/"","",""\r\n$/);
  expect(csvRow(aReport('m'))).toMatch(/"","",""\r\n$/);
});

test.for([
  ['plain', '"plain"'],
  ['a,b', '"a,b"'],
  ['say "x"', '"say ""x"""'],
  ['two\nlines', '"two\nlines"'],
  ['=HYPERLINK("http://x")', '"\'=HYPERLINK(""http://x"")"'],
  ['+1', '"\'+1"'],
  ['-1', '"\'-1"'],
  ['@sum', '"\'@sum"'],
  ['\tx', '"\'\tx"'],
  ['\rx', '"\'\rx"'],
  ['＝1', '"\'＝1"'],
  ['＋1', '"\'＋1"'],
  ['－1', '"\'－1"'],
  ['＠sum', '"\'＠sum"'],
  ['﹦1', '"\'﹦1"'],
  [' =1', '"\' =1"'],
  ['\u00a0\u3000=1', '"\'\u00a0\u3000=1"'],
  ['\u0000=1', String.raw`"'\u{0}=1"`],
  ['\u200b\ufeff=1', String.raw`"'\u{200b}\u{feff}=1"`],
  ['a;=1', '"a;\'=1"'],
  ['a; =1', '"a;\' =1"'],
  ['a\t=1', '"a\t\'=1"'],
  ['a\n+1', '"a\n\'+1"'],
  ['a\r@x', '"a\r\'@x"'],
  ['a=b', '"a=b"'],
  ["'quoted", '"\'\'quoted"'],
  ['\u001b[31m\u009b\u202e', String.raw`"\u{1b}[31m\u{9b}\u{202e}"`],
  [String.raw`\u{1b}`, String.raw`"\u{5c}u{1b}"`],
] as const)('%j becomes %s', ([member, cell]) => {
  expect(cellOf(member)).toBe(cell);
});

describe('any text of a cell', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...Array.from('=+-@＝＠;\t\r\n \'"\\u{}1b\u0000\u200b\u202e,')) }),
  );

  test('its value is read back as docs/reference.md says', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(readBack(csvRow(aReport(text)))).toBe(text);
      }),
    );
  });

  test('no part of it begins as a formula', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const part of cellOf(text)
          .slice(1, -1)
          .split(/[;\t\r\n]/))
          expect(part.trim()).not.toMatch(/^[=+\-@＝＋－＠]/);
      }),
    );
  });
});
