/** CSV as RFC 4180 writes it, in whatever pieces it comes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CsvReader } from '../../src/adapters/ids/table-file.ts';

function read(pieces: readonly string[], recordLengthMax = 1_000) {
  const reader = new CsvReader(recordLengthMax);
  const records = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
  return { records, fields: records.map(({ fields }) => fields), problem: reader.problem };
}

describe('a field', () => {
  test.each([
    ['plain ones', 'a,b\r\nc,d\r\n', [['a', 'b'], ['c', 'd']]], // prettier-ignore
    ['no line break at the end', 'a,b\nc,d', [['a', 'b'], ['c', 'd']]], // prettier-ignore
    ['empty ones', 'a,,\n,b,\n', [['a', '', ''], ['', 'b', '']]], // prettier-ignore
    ['quoted commas', '"a,b",c\n', [['a,b', 'c']]],
    ['doubled quotes', '"say ""hi""",c\n', [['say "hi"', 'c']]],
    ['quoted line breaks', '"a\r\nb",c\n', [['a\r\nb', 'c']]],
    ['an empty quoted one', '"",c\n', [['', 'c']]],
    ['only an empty quoted one', '""\n', [['']]],
    ['white space within quotes', '" a ",c\n', [[' a ', 'c']]],
    ['Unicode', 'Zoë,"日本,🎉"\n', [['Zoë', '日本,🎉']]],
    ['blank lines between', 'a\n\r\n  \nb\n', [['a'], ['b']]],
  ])('%s', (_name, text, fields) => {
    expect(read([text])).toMatchObject({ fields, problem: null });
  });

  test.each([
    ['a"b,c\n', 1, 'a quote stands inside'],
    ['a,b\n"a"b,c\n', 2, 'behind a closing quote'],
    ['a\n"b\nc', 3, 'a quote is not closed'],
    ['a, b\n', 1, 'white space'],
    ['a\rb\n', 1, 'carriage return'],
  ])('%j is not taken for something else: line %i', (text, line, problem) => {
    expect(read([text]).problem).toEqual({ line, problem: expect.stringContaining(problem) });
  });

  test('begins on the line that its record says, line breaks in quotes counted', () => {
    expect(read(['a\n"b\nc"\n\nd\n']).records.map(({ line }) => line)).toEqual([1, 2, 5]);
  });

  test('that is never closed does not take in the whole file', () => {
    expect(read(['"', 'x'.repeat(60), 'y'.repeat(60)], 100).problem?.problem).toContain('longer than 100');
  });
});

test('any table comes back as it was written, in whatever pieces', () => {
  const field = fc.string({ unit: fc.constantFrom('a', ' ', ',', '"', '\n', '\r', 'ß', '🎉') });
  const table = fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(table, fc.constantFrom('\n', '\r\n'), fc.integer({ min: 1, max: 7 }), (rows, eol, size) => {
      const text = rows.map((row) => row.map((one) => `"${one.replaceAll('"', '""')}"`).join(',') + eol).join('');
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
        text.slice(index * size, (index + 1) * size),
      );
      expect(read(pieces)).toMatchObject({ fields: rows, problem: null });
    }),
  );
});

test('whatever comes in, the pieces make no difference and nothing is thrown', () => {
  const text = fc.string({ unit: fc.constantFrom('a', ' ', ',', '"', '\n', '\r') });
  fc.assert(
    fc.property(text, (whole) => {
      expect(read(whole.split(''))).toEqual(read([whole]));
    }),
  );
});
