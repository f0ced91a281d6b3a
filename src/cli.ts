#!/usr/bin/env node
/**
 * The program: process → Host → one command. The only file that reads arguments, environment and signals; it decides
 * nothing. Every error that gets here has its exit code (exit-codes.ts), what is unforeseen is 70.
 */
import { Command, CommanderError } from 'commander';
import { systemClock, systemRandom } from './adapters/system.ts';
import type { CommandContext } from './console/command-context.ts';
import { readText } from './console/kafka-tools.ts';
import { applyCommand } from './commands/apply.ts';
import { decodeCommand } from './commands/decode.ts';
import { demoCommand } from './lab/commands/demo.ts';
import { heldCommand } from './commands/held.ts';
import { runCommand } from './commands/run.ts';
import { ingestCommand } from './commands/ingest.ts';
import { doctorCommand } from './commands/doctor.ts';
import { planCommand } from './commands/plan.ts';
import { reportCommand } from './commands/report.ts';
import { replayCommand } from './commands/replay.ts';
import { sandboxCommand } from './lab/commands/sandbox.ts';
import { topicsCommand } from './commands/topics.ts';
import { secretsIn } from './config/config.ts';
import { ConfigError } from './config/problem.ts';
import { KnownSecrets } from './core/text/redact.ts';
import { visibleLines } from './core/text/visible.ts';
import { EXIT, ExitError, exitCodesHelp, type ExitCode } from './exit-codes.ts';
import { packageVersion } from './version.ts';

async function main(): Promise<void> {
  const stop = new AbortController();
  const context = processHost(stop.signal);
  endOnClosedPipe();
  process.on('uncaughtException', (error) => process.exit(tell(error, context)));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(EXIT.someFailed);
      stop.abort();
    });
  }
  try {
    await program(context).parseAsync(process.argv);
  } catch (error) {
    process.exitCode = tell(error, context);
  }
  await flush(process.stdout);
  await flush(process.stderr);
  // A connection that was left open must not keep the process of a command that has ended.
  process.exit();
}

function program(context: CommandContext): Command {
  const rollcall = new Command('rollcall')
    .description('Keeps Genesys Cloud group memberships in step with an identity provider, by way of Kafka.')
    .version(packageVersion())
    .addHelpText('after', `${examples}\n\n${exitCodesHelp}`)
    .option('--allow-insecure', 'plain http and passwords without TLS may leave this machine (as ALLOW_INSECURE=true)')
    .hook('preAction', () => {
      if (rollcall.opts<{ allowInsecure?: true }>().allowInsecure === true) process.env.ALLOW_INSECURE = 'true';
    })
    .showHelpAfterError('(rollcall --help explains the commands)')
    .configureOutput({ writeErr: (text) => void process.stderr.write(visibleLines(text)) })
    .exitOverride();
  for (const command of commands) rollcall.addCommand(command(context));
  inherit(rollcall);
  return rollcall;
}

/** Commander passes settings on only to commands that it creates itself. */
function inherit(parent: Command): void {
  for (const command of parent.commands) inherit(command.copyInheritedSettings(parent));
}

const commands = [
  demoCommand,
  planCommand,
  applyCommand,
  decodeCommand,
  topicsCommand,
  doctorCommand,
  runCommand,
  reportCommand,
  replayCommand,
  heldCommand,
  ingestCommand,
  sandboxCommand,
] as const;

const examples = `
Start here:
  $ rollcall demo                          everything on this machine, nothing to configure
  $ rollcall plan changes.ndjson           what would be sent for these changes
  $ rollcall apply changes.ndjson          apply a file of changes without Kafka
  $ rollcall doctor && rollcall run        the service, from Kafka to Genesys Cloud
  $ rollcall report --follow --format ndjson

The service is configured by environment variables; \`rollcall doctor\` names each problem with an example.`;

function processHost(stop: AbortSignal): CommandContext {
  return {
    environment: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    random: systemRandom,
    secrets: new KnownSecrets(secretsIn(process.env, readText)),
    stop,
    self: [process.execPath, ...process.execArgv, process.argv[1] ?? ''],
    finish: (code) => {
      process.exitCode = code;
    },
  };
}

/** Says what went wrong, without secrets, unless commander has said it already. */
function tell(error: unknown, { secrets }: CommandContext): ExitCode {
  // Also thrown for --help and --version, with exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const [code, text] = explained(error);
  process.stderr.write(visibleLines(secrets.redact(`rollcall: ${text}\n`)));
  return code;
}

function explained(error: unknown): readonly [code: ExitCode, text: string] {
  if (error instanceof ConfigError) return [EXIT.configuration, `the configuration is not usable:\n${error.message}`];
  if (error instanceof ExitError) return [error.code, error.message];
  return [EXIT.internal, `internal error\n${error instanceof Error ? error.stack : String(error)}`];
}

/** `rollcall report | head` ends quietly, as the tools beside it do. */
function endOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done);
    throw error;
  });
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}

/** package.json lies beside src/ as well as beside dist/. */
await main();
