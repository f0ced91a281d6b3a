/** Where the paths of a mapping begin: the parts of a record that their roots stand for. */
import type { SourceRecord } from '../core/change.ts';
import { headerText } from './headers.ts';
import { follow, type Found, NOT_THERE, type Path } from './mapping-path.ts';
import { readJson, textIn } from './reading.ts';

export interface Scope {
  readonly record: SourceRecord;
  readonly value: unknown;
  readonly event: unknown;
  /** Of a list of members. */
  readonly entry: unknown;
}

export function lookUp({ root, steps }: Path, { record, value, event, entry }: Scope): Found {
  switch (root) {
    case 'value':
      return follow(steps, value);
    case 'event':
      return follow(steps, event);
    case 'entry':
      return follow(steps, entry);
    case 'headers':
      return here(headerText(record, typeof steps[0] === 'string' ? steps[0] : ''));
    case 'key':
      return steps.length === 0 ? here(keyText(record)) : follow(steps, keyJson(record));
  }
}

const here = (text: string | null): Found => (text === null ? NOT_THERE : { values: [text], missing: 0 });

const decoder = new TextDecoder();
const keyText = ({ key }: SourceRecord): string | null => (key === null ? null : textIn(decoder.decode(key)));

function keyJson({ key }: SourceRecord): unknown {
  const read = key === null ? null : readJson(key);
  return read?.ok === true ? read.json : null;
}
