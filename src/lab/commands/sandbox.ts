/** `rollcall sandbox`: the emulator of Genesys Cloud alone, for a `rollcall run` beside it. */
import { Command, InvalidArgumentError } from 'commander';
import { print, stopped, type CommandContext, wholeNumber } from '../../console/command-context.ts';
import { EXIT, ExitError } from '../../exit-codes.ts';
import { startSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { SeedError, readSeed } from '../sandbox/seed.ts';
import { printEnvironment } from '../sandbox/server.ts';
import type { SandboxOptions } from '../sandbox/state.ts';

interface SandboxFlags {
  readonly host: string;
  readonly port: number;
  readonly publicUrl?: string;
  readonly seed?: string;
  readonly anyUser?: true;
  readonly limit: number | 'off';
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly randomSeed: number;
}

export function sandboxCommand(context: CommandContext): Command {
  return new Command('sandbox')
    .description(
      'Runs the emulator until SIGTERM or Ctrl-C. Standard output holds the environment that points `rollcall run` at it.',
    )
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0: any free one', wholeNumber(0, 65_535), 0)
    .option('--public-url <url>', 'what clients call it, where that is not host and port')
    .option('--seed <file>', 'JSON: {"userCount":100,"groups":[{"id":"g1","members":["user-1"]}]}')
    .option('--any-user', 'every id is a user, listed or not')
    .option('--limit <requests>', 'requests a token may spend in a minute, or "off"', requestLimit, 300)
    .option('--client-id <id>', 'OAuth client id (default: sandbox-client)')
    .option('--client-secret <secret>', 'OAuth client secret (default: a new random one at each start)')
    .option('--random-seed <number>', 'seeds what is drawn by lot', wholeNumber(0, 2 ** 32 - 1), 1)
    .addHelpText('after', examples)
    .action(async (flags: SandboxFlags) => {
      await runSandbox(flags, context);
      context.finish(EXIT.done);
    });
}

const examples = `
Examples:
  $ rollcall sandbox --any-user --port 8088 > sandbox.env &
  $ set -a; . ./sandbox.env; KAFKA_BROKERS=localhost:9092 rollcall run

While it runs, from anywhere:
  $ curl $GENESYS_API_URL/sandbox/stats
  $ curl $GENESYS_API_URL/sandbox/groups/g1
  $ curl -H 'content-type: application/json' $GENESYS_API_URL/sandbox/faults \\
         -d '{"match":{"every":10},"fault":{"kind":"status","status":503}}'`;

async function runSandbox(flags: SandboxFlags, context: CommandContext): Promise<void> {
  const sandbox = await start(flags);
  try {
    await print(context.stdout, printEnvironment(sandbox));
    await print(context.stderr, `rollcall sandbox: listening at ${sandbox.url}\n`);
    await stopped(context.stop);
  } finally {
    await sandbox.stop();
  }
}

async function start(flags: SandboxFlags): Promise<Sandbox> {
  try {
    return await startSandbox(await sandboxOptions(flags));
  } catch (error) {
    if (error instanceof SeedError) throw new ExitError(EXIT.configuration, error.message, { cause: error });
    if (isListenError(error)) throw new ExitError(EXIT.unavailable, `sandbox: ${error.message}`, { cause: error });
    throw error;
  }
}

async function sandboxOptions(flags: SandboxFlags): Promise<SandboxOptions> {
  const { host, port, publicUrl, clientId, clientSecret, limit, randomSeed } = flags;
  const seed = flags.seed === undefined ? undefined : await readSeed(flags.seed, { anybody: flags.anyUser === true });
  return {
    host,
    port,
    randomSeed,
    limits: limit === 'off' ? 'off' : { allowed: limit },
    ...(publicUrl !== undefined && { publicUrl }),
    ...(clientId !== undefined && { clientId }),
    ...(clientSecret !== undefined && { clientSecret }),
    ...(seed !== undefined && { seed }),
    ...(flags.anyUser === true && { users: 'any' }),
  };
}

function requestLimit(text: string): number | 'off' {
  if (text === 'off') return 'off';
  const requests = Number(text);
  if (Number.isSafeInteger(requests) && requests > 0) return requests;
  throw new InvalidArgumentError('Give a whole number above 0, or "off".');
}

function isListenError(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error && 'syscall' in error && (error.syscall === 'listen' || error.syscall === 'getaddrinfo')
  );
}
