/**
 * Paths of a mapping, a small part of JSONPath (RFC 9535): a root, then steps.
 * Roots: `$` the record's value, `@` the event, `key` the record's key (its text; with steps, the JSON in it), `headers`
 * (with one step, the header's name), and within a list of members `entry`. Steps: `.name` (letters, digits, `_`, `-`, `@`), `['any name']`, `[0]`, `[*]`: each entry of a list.
 * A path that is not there is told apart from a list that is empty: a member list that is missing is no empty group.
 */
import { isFields } from './reading.ts';

export type Root = 'value' | 'event' | 'key' | 'headers' | 'entry';

export type Step = string | number | typeof EACH;

/** Every entry of a list. */
export const EACH = { each: true } as const;

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

export const NOT_THERE: Found = { values: [], missing: 1 };

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
      : isFields(value) && Object.hasOwn(value, step);
  if (isThere) taken.push((value as Readonly<Record<string | number, unknown>>)[step]);
  return isThere;
}

/** The one value that it finds; null where it finds none, several, or null. Several equal ones are one. */
export function onlyValue({ values, missing }: Found): unknown {
  const [first] = values;
  return missing === 0 && values.every((value) => value === first) ? (first ?? null) : null;
}
