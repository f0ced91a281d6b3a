/**
 * The part of a text that is an id, by a regular expression with one group: `/Users/([^/]+)$`. The texts come from every producer that can write to
 * the topic, so what an expression may cost is bounded: the length of the text, no repetition within a repetition, and how many ways there
 * are to match a text in vain.
 */
const PATTERN_LENGTH_MAX = 200;
/** The next higher power of the text's length each. */
const REPETITIONS_MAX = 2;
/** Optional parts and alternatives. Each may double the ways. */
const CHOICES_MAX = 8;
/** A longer text is none that holds an id. */
const TEXT_LENGTH_MAX = 512;

/** Powers of two of the ways: from each place of the text, for each repetition any length, for each choice two. Some 2^29 take a second. */
const COST_MAX = 29;
const COST_OF_LENGTH = Math.log2(TEXT_LENGTH_MAX);

/** The expression; a text: what is wrong with it. */
export function parsePattern(text: string): RegExp | string {
  if (text.length > PATTERN_LENGTH_MAX) return `must have at most ${PATTERN_LENGTH_MAX} characters`;
  const plain = plainOf(text);
  if (/\\[k1-9]|\(\?(?!:)/.test(plain)) return 'must have neither look-arounds, nor names, nor references to a group';
  if (/\)[*+{]/.test(plain)) return 'must not repeat a group';
  const problem = costProblem(plain);
  if (problem !== null) return problem;
  if (count(plain, /\((?!\?)/g) !== 1) return 'must have exactly one group, which is the id: /Users/([^/]+)$';
  try {
    return new RegExp(text, 'u');
  } catch {
    return 'must be a regular expression';
  }
}

/** With `_` for each escaped character and each class, and without the marks of lazy quantifiers. */
const plainOf = (text: string): string =>
  text
    .replaceAll(/\\[pPu]\{[^}]*\}|\\[^kK1-9]/g, '_')
    .replaceAll(/\[(?:[^\]]*)\]/g, '_')
    .replaceAll(/([*+?}])\?/g, '$1');

function costProblem(plain: string): string | null {
  const repetitions = count(plain, /[*+]|\{\d+,\d*\}/g);
  if (repetitions > REPETITIONS_MAX) return `must have at most ${REPETITIONS_MAX} repetitions (*, + or {})`;
  const choices = count(plain, /(?<!\()\?|\|/g);
  if (choices > CHOICES_MAX) return `must have at most ${CHOICES_MAX} optional parts and alternatives (? or |)`;
  const lengths = isAnchored(plain) ? repetitions : repetitions + 1;
  if (lengths * COST_OF_LENGTH + choices + Math.log2(1 + countedIn(plain)) <= COST_MAX) return null;
  return 'must begin with ^, or have fewer repetitions (*, +), optional parts and alternatives (?, |) or counts ({})';
}

const count = (plain: string, what: RegExp): number => (plain.match(what) ?? []).length;

/** How many characters the counts of the expression (`.{32}`) read at most, in each of the ways. */
function countedIn(plain: string): number {
  let counted = 0;
  for (const [, times] of plain.matchAll(/\{(\d+)\}/g)) counted += Number(times);
  return Math.min(counted, TEXT_LENGTH_MAX);
}

/** Whether it can match at the beginning of a text alone: all alternatives of it stand in groups. */
function isAnchored(plain: string): boolean {
  let depth = 0;
  for (const character of plain) {
    if (character === '(') depth += 1;
    else if (character === ')') depth -= 1;
    else if (character === '|' && depth === 0) return false;
  }
  return plain.startsWith('^');
}

/** What the group of the expression finds; null: nothing, or the text is too long. */
export const partIn = (text: string, pattern: RegExp): string | null =>
  text.length > TEXT_LENGTH_MAX ? null : (pattern.exec(text)?.[1] ?? null);
