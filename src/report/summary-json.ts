/** The summary as JSON, in pieces: of millions of operations the whole would be longer than a string can be. */
import type { Summary } from '../core/summary.ts';
import { jsonText } from '../core/visible.ts';

/** @param indent 0: one line. */
export function* summaryJson({ operations, ...counts }: Summary, indent: number): Generator<string> {
  const [line, step] = indent === 0 ? ['', ''] : ['\n', ' '.repeat(indent)];
  const head = jsonText(counts, indent).slice(0, -1).trimEnd();
  yield `${head},${line}${step}"operations":${indent === 0 ? '' : ' '}[`;
  for (const [at, record] of operations.entries()) {
    const text = jsonText(record, indent);
    const shifted = indent === 0 ? text : `${step}${step}${text.replaceAll('\n', `\n${step}${step}`)}`;
    yield `${at === 0 ? '' : ','}${line}${shifted}`;
  }
  yield `${operations.length === 0 ? '' : `${line}${step}`}]${line}}\n`;
}
