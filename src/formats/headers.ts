/** Headers of a record as text. */
import type { SourceRecord } from '../core/change.ts';
import { textIn } from './reading.ts';

const decoder = new TextDecoder();

const LENGTH_MAX = 4_096;

/** The last one of that name; null where there is none, or it is empty. JSON converters write texts with quotation marks. */
export function headerText({ headers }: Pick<SourceRecord, 'headers'>, name: string): string | null {
  const bytes = headers.findLast(([other]) => other === name)?.[1];
  if (bytes === undefined || bytes.length > LENGTH_MAX) return null;
  const text = decoder.decode(bytes);
  return textIn(text.startsWith('"') ? unquoted(text) : text);
}

function unquoted(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
