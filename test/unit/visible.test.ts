import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonText, visible, visibleCell, visibleJson, visibleLines } from '../../src/core/text/visible.ts';

/** What a terminal obeys, or what turns around or hides what stands beside it. */
const HOSTILE =
  '\u0000\u0007\b\u000b\r\u001b[2K\u001b]0;title\u0007\u007f\u0085\u009b31m\u009d\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff\ud800\u{e0041}';

/** By code points, so that it shares nothing with what is tested. */
function obeyed(text: string): number[] {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const ranges = [
    [0, 0x1f],
    [0x7f, 0x9f],
    [0x061c, 0x061c],
    [0x200b, 0x200f],
    [0x2028, 0x202e],
    [0x2060, 0x206f],
    [0xd800, 0xdfff],
    [0xfeff, 0xfeff],
    [0xe0000, 0xe007f],
  ] as const;
  return codes.filter((code) => ranges.some(([first, last]) => code >= first && code <= last));
}

test('nothing that a terminal obeys is left in a line', () => {
  expect(obeyed(visible(`a${HOSTILE}\n\tz`))).toEqual([]);
  expect(visible('a\u001b[31mb\u202ec\nd\u{e0041}')).toBe(String.raw`a\u{1b}[31mb\u{202e}c\u{a}d\u{e0041}`);
});

test('of lines their ends and tabs stay, and nothing else', () => {
  expect(obeyed(visibleLines(`a${HOSTILE}\n\tz`))).toEqual([0x0a, 0x09]);
});

test('ordinary text stays as it is, in any script', () => {
  const text = 'Grüße, 日本語, עברית, العربية, 😀 "quoted" \\u0041 =1+2';
  for (const show of [visible, visibleLines, visibleCell, visibleJson]) expect(show(text)).toBe(text);
});

test('JSON stays the same JSON, and holds nothing that a terminal obeys', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), fc.constantFrom(0, 2), (json, indent) => {
      const value: unknown = [JSON.parse(json), HOSTILE];
      const text = jsonText(value, indent);
      expect(JSON.parse(text)).toEqual(value);
      expect(obeyed(text).filter((code) => code !== 0x0a)).toEqual([]);
    }),
  );
});
