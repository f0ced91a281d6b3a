/**
 * Paths of a mapping, a small part of JSONPath (RFC 9535): a root, then steps. Roots: `$` the record's value, `@` the
 * event, `key` the record's key (its text; with steps, the JSON in it), `headers` (with one step, the header's name),
 * and within a list of members `entry`. Steps: `.name` (letters, digits, `_`, `-`, `@`), `['any name']`, `[0]`, `[*]`:
 * each entry of a list. A path that is not there is not the same as a list that is empty: a member list that is missing
 * is no empty group.
 */
import type { Invalid, SourceRecord } from '../../core/change/change.ts';
import { checkedHeader, notUtf8, readJsonText, textIn, utf8Text } from '../reading/reading.ts';
import { isObject } from '../../core/text/json.ts';

export type Root = 'value' | 'event' | 'key' | 'headers' | 'entry';

export type Step = string | number | typeof EACH;

/** Every entry of a list. */
const EACH = { each: true } as const;

export interface Path {
  readonly root: Root;
  readonly steps: readonly Step[];
  readonly text: string;
}

const ROOT = /^(\$|@|key|headers|entry)(?=[.[]|$)/;
const STEP = /^(?:\.([\w@-]+)|\['([^'\\]+)'\]|\[(\d{1,6})\]|\[(\*)\])/;
const ROOTS = { $: 'value', '@': 'event', key: 'key', headers: 'headers', entry: 'entry' } as const;

/** The path; null where the text is none. */
export function parsePath(text: string): Path | null {
  const [, root] = ROOT.exec(text) ?? [];
  if (root === undefined || !(root in ROOTS)) return null;
  const steps: Step[] = [];
  let rest = text.slice(root.length);
  while (rest !== '') {
    const [whole, name, quoted, index] = STEP.exec(rest) ?? [];
    if (whole === undefined) return null;
    steps.push(name ?? quoted ?? (index === undefined ? EACH : Number(index)));
    rest = rest.slice(whole.length);
  }
  const path = { root: ROOTS[root as keyof typeof ROOTS], steps, text };
  return path.root === 'headers' && (steps.length !== 1 || typeof steps[0] !== 'string') ? null : path;
}

/** What a path finds. Without `[*]` that is one value, or one that is missing; with it, an entry of a list may lack what its neighbours have. */
export interface Found {
  /** None, where a list has no entries. */
  readonly values: readonly unknown[];
  /** How often something on the way is not there. */
  readonly missing: number;
}

const NOT_THERE: Found = { values: [], missing: 1 };

export function follow(steps: readonly Step[], from: unknown): Found {
  let values: readonly unknown[] = [from];
  let missing = 0;
  for (const step of steps) {
    const next: unknown[] = [];
    for (const value of values) if (!takeInto(next, step, value)) missing += 1;
    values = next;
  }
  return { values, missing };
}

/** false: it is not there. */
function takeInto(taken: unknown[], step: Step, value: unknown): boolean {
  if (typeof step === 'object') {
    if (!Array.isArray(value)) return false;
    for (const entry of value) taken.push(entry);
    return true;
  }
  const isThere =
    typeof step === 'number'
      ? Array.isArray(value) && step < value.length
      : isObject(value) && Object.hasOwn(value, step);
  if (isThere) taken.push((value as Readonly<Record<string | number, unknown>>)[step]);
  return isThere;
}

/** The one value that it finds; null where it finds none, several, or null. Several equal ones are one. */
export function onlyValue({ values, missing }: Found): unknown {
  const [first] = values;
  return missing === 0 && values.every((value) => value === first) ? (first ?? null) : null;
}

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

/** Where the paths of a mapping begin: the parts of a record that their roots stand for. */
export interface Scope {
  readonly record: SourceRecord;
  readonly value: unknown;
  readonly event: unknown;
  /** Of a list of members. */
  readonly entry: unknown;
}

/** `invalid` where a key or a header is no text. */
export function lookUp({ root, steps }: Path, { record, value, event, entry }: Scope): Found | Invalid {
  switch (root) {
    case 'value':
      return follow(steps, value);
    case 'event':
      return follow(steps, event);
    case 'entry':
      return follow(steps, entry);
    case 'headers':
      return here(checkedHeader(record, typeof steps[0] === 'string' ? steps[0] : ''));
    case 'key':
      return inKey(record.key, steps);
  }
}

export const isInvalid = (found: Found | Invalid): found is Invalid => 'kind' in found;

const here = (text: string | null | Invalid): Found | Invalid => {
  if (text === null) return NOT_THERE;
  return typeof text === 'string' ? { values: [text], missing: 0 } : text;
};

/** Its text; with steps, the JSON in it. */
function inKey(key: Uint8Array | null, steps: readonly Step[]): Found | Invalid {
  if (key === null) return NOT_THERE;
  const text = utf8Text(key);
  if (text === null) return notUtf8('The key', key);
  if (steps.length === 0) return here(textIn(text));
  const read = readJsonText(text);
  return read.ok ? follow(steps, read.json) : NOT_THERE;
}
