/** Headers of a record as text. */
import type { Invalid, SourceRecord } from '../core/change.ts';
import { notUtf8, textIn, utf8Text } from './reading.ts';

const LENGTH_MAX = 4_096;

type WithHeaders = Pick<SourceRecord, 'headers'>;

/** The last one of that name; null where there is none, or it is empty. JSON converters write texts with quotation marks. */
export function headerText(record: WithHeaders, name: string): string | null {
  const bytes = lastHeader(record, name);
  return bytes === null ? null : textOf(bytes);
}

/** The same, of one that ids are taken from. */
export function checkedHeader(record: WithHeaders, name: string): string | null | Invalid {
  const bytes = lastHeader(record, name);
  if (bytes === null) return null;
  return utf8Text(bytes) === null ? notUtf8(`The header \`${name}\``, bytes) : textOf(bytes);
}

/** The id of an event is only reported: what cannot be read costs no change. */
export function eventIdHeader(record: WithHeaders, name: string): string | null {
  const text = checkedHeader(record, name);
  return typeof text === 'string' ? text : null;
}

function lastHeader({ headers }: WithHeaders, name: string): Uint8Array | null {
  for (let at = headers.length - 1; at >= 0; at -= 1) {
    const header = headers[at];
    if (header !== undefined && header[0] === name) return header[1];
  }
  return null;
}

function textOf(bytes: Uint8Array): string | null {
  if (bytes.length > LENGTH_MAX) return null;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return textIn(text.startsWith('"') ? unquoted(text) : text);
}

function unquoted(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
