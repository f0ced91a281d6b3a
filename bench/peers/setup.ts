/** Where a peer is built, the tools that build it, and the error of a machine that lacks one. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BrokerHost } from '../../src/lab/kafka-broker/start.ts';

/** As a broker has it: jars go into the same cache. */
export type PeerContext = Pick<BrokerHost, 'cacheDirectory' | 'logger'>;

export const projectPath = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Builds go below it, where compiled TypeScript finds the project's modules. */
export const BUILD_DIRECTORY = projectPath('.cache/bench/peers');

export class SetupError extends Error {
  override readonly name = 'SetupError';

  constructor(problem: string, remedy: string, options?: ErrorOptions) {
    super(`${problem} ${remedy}`, options);
  }
}

export interface Problem {
  readonly problem: string;
  readonly remedy: string;
}

const execute = promisify(execFile);

/** @param missing where there is no such program. @param failed where it exits with an error, whose reason is added. */
export async function runTool(
  file: string,
  args: readonly string[],
  { missing, failed }: { readonly missing: Problem; readonly failed: Problem },
): Promise<void> {
  try {
    await execute(file, args, { maxBuffer: 16 * 1024 * 1024 });
  } catch (cause) {
    const { code, stdout = '', stderr = '' } = cause as { code?: unknown; stdout?: string; stderr?: string };
    if (code === 'ENOENT') throw new SetupError(missing.problem, missing.remedy, { cause });
    throw new SetupError(`${failed.problem}: ${reasonIn(`${stdout}\n${stderr}`)}.`, failed.remedy, { cause });
  }
}

function reasonIn(output: string): string {
  const lines = output.trim().split('\n');
  return lines.find((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? '';
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
