// A host for commands that run inside the test: output is collected, stopping is a call.
import { PassThrough, Readable } from 'node:stream';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import type { CommandContext } from '../../src/console/command-context.ts';
import { KnownSecrets } from '../../src/core/text/redact.ts';
import type { ExitCode } from '../../src/exit-codes.ts';
import type { Clock } from '../../src/ports.ts';
import { program } from './program.ts';

export interface TestContext extends CommandContext {
  out(): string;
  err(): string;
  /** What the command said with `finish`. */
  exitCode(): ExitCode | null;
  ask(): void;
}

export interface TestContextOptions {
  readonly environment?: Record<string, string>;
  readonly stdin?: string;
  readonly clock?: Clock;
}

export function aContext({ environment = {}, stdin = '', clock = systemClock }: TestContextOptions = {}): TestContext {
  const stop = new AbortController();
  const [stdout, out] = collected();
  const [stderr, err] = collected();
  const isShadow = environment['SHADOW'] === 'true';
  let code: ExitCode | null = null;
  return {
    environment,
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: Object.assign(stdout, { isShadow }),
    stderr: Object.assign(stderr, { isShadow }),
    clock,
    random: systemRandom,
    secrets: new KnownSecrets([]),
    stop: stop.signal,
    self: [process.execPath, ...program],
    finish: (exitCode) => {
      code = exitCode;
    },
    out,
    err,
    exitCode: () => code,
    ask: () => stop.abort(),
  };
}

function collected(): [PassThrough, () => string] {
  const stream = new PassThrough({ highWaterMark: 1 });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return [stream, () => Buffer.concat(chunks).toString()];
}
