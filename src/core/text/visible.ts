/**
 * Foreign text made safe to be shown: ids and messages come from elsewhere, and a terminal obeys what it is sent. Control
 * characters (terminal escapes, C1, backspace), format characters (bidirectional controls, zero width) and the line and
 * paragraph separators become `\u{…}`, which does nothing.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const shown = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** For one line, or a part of one: line feeds and tabs become visible, too. */
export const visible = (text: string): string => text.replaceAll(UNSAFE, shown);

/** For whole lines of ours: line feeds and tabs stay. */
export const visibleLines = (text: string): string => except('\n\t', text);

/** In a cell, whose tabs and line breaks stay. A backslash that would be taken for such an escape is escaped, so that all can be read back. */
export const visibleCell = (text: string): string => except('\n\t\r', text.replaceAll('\\u{', `${shown('\\')}u{`));

/** One word for a POSIX shell. */
export const quotedForShell = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const except = (kept: string, text: string): string =>
  text.replaceAll(UNSAFE, (character) => (kept.includes(character) ? character : shown(character)));

/** The JSON of a value; what JSON itself leaves as it is (DEL, C1, format characters) is escaped, so it stays the same JSON. */
export const jsonText = (value: unknown, indent = 0): string => visibleJson(JSON.stringify(value, null, indent));

/** @param json between its tokens no other white space than line feeds and spaces. */
export const visibleJson = (json: string): string =>
  json.replaceAll(UNSAFE, (character) => (character === '\n' ? character : escaped(character)));

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** Of anything that was thrown. */
export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
