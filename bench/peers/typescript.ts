/** Compiles the peers in TypeScript, so that no loader counts in their start, their processor time or their memory. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Program } from '../world/measured-process.ts';
import { BUILD_DIRECTORY, projectPath } from './setup.ts';

let built: Promise<unknown> | null = null;

export async function prepareTypescript(name: string): Promise<Program> {
  built ??= promisify(execFile)('npx', ['tsc', '-p', projectPath('bench/peers/typescript')], { cwd: projectPath('.') });
  await built;
  return { file: process.execPath, args: [join(BUILD_DIRECTORY, 'typescript', `${name}.js`)] };
}
