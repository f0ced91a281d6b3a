/** `rollcall`, built and run as it is installed: without a loader, which would count in its start, its time and its memory. */
import { execFile } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Below the project, where the built program finds its modules. */
const BUILD = '.cache/bench';

let built: Promise<string> | null = null;

/** Path of the built `rollcall`. */
export function buildProgram(): Promise<string> {
  return (built ??= build());
}

async function build(): Promise<string> {
  await promisify(execFile)('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', `${BUILD}/dist`]);
  await copyFile('package.json', `${BUILD}/package.json`);
  return `${BUILD}/dist/cli.js`;
}
