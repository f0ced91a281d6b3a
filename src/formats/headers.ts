/** Headers of a record as text. */
import type { SourceRecord } from '../core/change.ts';
import { textIn } from './reading.ts';

const LENGTH_MAX = 4_096;

/** The last one of that name; null where there is none, or it is empty. JSON converters write texts with quotation marks. */
export function headerText({ headers }: Pick<SourceRecord, 'headers'>, name: string): string | null {
  for (let at = headers.length - 1; at >= 0; at -= 1) {
    const header = headers[at];
    if (header !== undefined && header[0] === name) return textOf(header[1]);
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
