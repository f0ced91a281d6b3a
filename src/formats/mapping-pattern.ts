/**
 * The part of a text that is an id, by a regular expression with one group: `/Users/([^/]+)$`. The texts come from every producer that can write to
 * the topic, so what an expression may cost is bounded: the length of the text, and no repetition within a repetition.
 */
const PATTERN_LENGTH_MAX = 200;
/** The next higher power of the text's length each. */
const REPETITIONS_MAX = 2;
/** A longer text is none that holds an id. */
const TEXT_LENGTH_MAX = 512;

/** The expression; a text: what is wrong with it. */
export function parsePattern(text: string): RegExp | string {
  if (text.length > PATTERN_LENGTH_MAX) return `must have at most ${PATTERN_LENGTH_MAX} characters`;
  const plain = text.replaceAll(/\\[^kK1-9]/g, '_').replaceAll(/\[(?:[^\]]*)\]/g, '_');
  if (/\\[k1-9]|\(\?(?!:)/.test(plain)) return 'must have neither look-arounds, nor names, nor references to a group';
  if (/\)[*+{]/.test(plain)) return 'must not repeat a group';
  if ((plain.match(/[*+]|\{\d+,\d*\}/g) ?? []).length > REPETITIONS_MAX)
    return `must have at most ${REPETITIONS_MAX} repetitions (*, + or {})`;
  if ((plain.match(/\((?!\?)/g) ?? []).length !== 1)
    return 'must have exactly one group, which is the id: /Users/([^/]+)$';
  try {
    return new RegExp(text, 'u');
  } catch {
    return 'must be a regular expression';
  }
}

/** What the group of the expression finds; null: nothing, or the text is too long. */
export const partIn = (text: string, pattern: RegExp): string | null =>
  text.length > TEXT_LENGTH_MAX ? null : (pattern.exec(text)?.[1] ?? null);
