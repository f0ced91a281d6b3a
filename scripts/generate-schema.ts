/** Writes the JSON Schemas of what others read: `tsx scripts/generate-schema.ts`. A unit test fails when they are stale. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ReportRecord } from '../src/core/report/report.ts';
import { Summary } from '../src/core/report/summary.ts';

/** Path from the project's root → content. */
export const schemaFiles = (): ReadonlyMap<string, string> =>
  new Map([
    ['schema/report-record.schema.json', render(ReportRecord)],
    ['schema/summary.schema.json', render(Summary)],
  ]);

/** As input: unknown fields are allowed, since later versions add some. */
const render = (schema: z.ZodType): string => `${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), null, 2)}\n`;

export function writeSchemaFiles(): void {
  const root = new URL('../', import.meta.url);
  mkdirSync(new URL('schema/', root), { recursive: true });
  for (const [path, content] of schemaFiles()) writeFileSync(new URL(path, root), content);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeSchemaFiles();
