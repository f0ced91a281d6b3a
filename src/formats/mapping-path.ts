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

/** What a path finds: values (none, where a list has no entries), or that something on the way is not there. */
export type Found = { readonly isThere: true; readonly values: readonly unknown[] } | { readonly isThere: false };

const NOT_THERE: Found = { isThere: false };

export function follow(steps: readonly Step[], from: unknown): Found {
  let values: readonly unknown[] = [from];
  for (const step of steps) {
    const next: unknown[] = [];
    for (const value of values) {
      const found = take(step, value);
      if (!found.isThere) return NOT_THERE;
      for (const entry of found.values) next.push(entry);
    }
    values = next;
  }
  return { isThere: true, values };
}

function take(step: Step, value: unknown): Found {
  if (typeof step === 'object') return Array.isArray(value) ? { isThere: true, values: value } : NOT_THERE;
  if (typeof step === 'number') return Array.isArray(value) && step < value.length ? here(value[step]) : NOT_THERE;
  return isFields(value) && Object.hasOwn(value, step) ? here(value[step]) : NOT_THERE;
}

const here = (value: unknown): Found => ({ isThere: true, values: [value] });
