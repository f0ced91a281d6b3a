/** Where the paths of a mapping begin: the parts of a record that their roots stand for. */
import type { Invalid, SourceRecord } from '../core/change.ts';
import { checkedHeader } from './headers.ts';
import { follow, type Found, NOT_THERE, type Path, type Step } from './mapping-path.ts';
import { notUtf8, readJsonText, textIn, utf8Text } from './reading.ts';

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
