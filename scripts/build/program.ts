/**
 * Builds the program: each module by itself, as the package exports them, and the command line with what it imports in a few
 * files. Node.js takes longer to find and load 300 modules than the service takes from there to its first request; 95 of them
 * are zod, which is therefore taken in.
 */
import { execFile } from 'node:child_process';
import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** @param folder becomes `dist`. */
export async function buildProgram(folder: string, flags: readonly string[] = []): Promise<void> {
  const options = ['-p', 'tsconfig.build.json', '--outDir', folder, ...flags];
  await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), options, { cwd: root });
  await build({
    // The lab apart: images for production are without it.
    entryPoints: ['cli', 'lab/commands'].map((name) => join(folder, `${name}.js`)),
    outbase: folder,
    outdir: folder,
    allowOverwrite: true,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    alias: { zod: './node_modules/zod/index.js' },
    absWorkingDir: root,
  });
  await copyFile(join(root, 'node_modules/zod/LICENSE'), join(folder, 'zod.LICENSE'));
  await chmod(join(folder, 'cli.js'), 0o755);
}
