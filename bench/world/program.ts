/** `rollcall`, built and run as it is installed: without a loader, which would count in its start, its time and its memory. */
import { copyFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buildProgram as buildInto } from '../../scripts/build/program.ts';

/** Below the project, where the built program finds its modules. */
const BUILD = '.cache/bench';

let built: Promise<string> | null = null;

/** Path of the built `rollcall`. */
export function buildProgram(): Promise<string> {
  return (built ??= build());
}

async function build(): Promise<string> {
  await buildInto(resolve(BUILD, 'dist'));
  await copyFile('package.json', `${BUILD}/package.json`);
  return `${BUILD}/dist/cli.js`;
}
