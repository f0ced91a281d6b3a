/** Copies of the service and its simulation, each with one mutant's edits. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutant.ts';
import { applied } from './mutant.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Below the project, so that its packages and its package.json are found from there. */
const copies = join(root, '.cache', 'mutants');

const COPIED = ['src', 'test/simulation', 'test/oracle'] as const;
/** What tests need besides. */
const COPIED_FOR_TESTS = ['test/contract', 'test/unit', 'test/support', 'vitest.config.ts', 'package.json'] as const;

/** Its path. */
export async function makeBrokenCopy({ name, edits, tests }: Mutant): Promise<string> {
  const copy = join(copies, name);
  await removeCopy(copy);
  await mkdir(copy, { recursive: true });
  const copied = tests === undefined ? COPIED : [...COPIED, ...COPIED_FOR_TESTS];
  for (const folder of copied) await cp(join(root, folder), join(copy, folder), { recursive: true });
  for (const edit of edits) {
    const file = join(copy, edit.file);
    await writeFile(file, applied(edit, await readFile(file, 'utf8')));
  }
  return copy;
}

export const removeCopy = (copy: string): Promise<void> => rm(copy, { recursive: true, force: true });
