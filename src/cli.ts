#!/usr/bin/env node
/**
 * The program: process → CommandContext → one command. The only file that reads arguments, environment and signals; it decides
 * nothing. Every error that gets here has its exit code (exit-codes.ts), what is unforeseen is 70.
 *
 * A command is loaded only when it is asked for, so that the service starts soon. An image that serves is without the lab.
 */
import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { systemClock, systemRandom } from './adapters/system.ts';
import { refuseEmptyValues, type CommandContext } from './console/command-context.ts';
import { readText } from './console/kafka-tools.ts';
import { secretsIn } from './config/config.ts';
import { ConfigError } from './config/problem.ts';
import { withNamedCommands } from './core/text/named-commands.ts';
import { KnownSecrets } from './core/text/redact.ts';
import { visibleLines } from './core/text/visible.ts';
import { EXIT, ExitError, exitCodesHelp, type ExitCode } from './exit-codes.ts';
import { packageVersion } from './version.ts';

async function main(): Promise<void> {
  const stop = new AbortController();
  // Each request that is under way listens, and Node would warn of more than ten.
  setMaxListeners(0, stop.signal);
  const context = processContext(stop.signal);
  endOnClosedPipe();
  process.on('uncaughtException', (error) => process.exit(tell(error, context)));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(EXIT.someFailed);
      stop.abort();
    });
  }
  try {
    const rollcall = await program(context, askedFor(process.argv.slice(2)));
    await rollcall.parseAsync(process.argv);
  } catch (error) {
    process.exitCode = tell(error, context);
  }
  await flush(process.stdout);
  await flush(process.stderr);
  // A connection that was left open must not keep the process of a command that has ended.
  process.exit();
}

/** The command that is carried out, or explained. No option before it takes a value. */
function askedFor(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  return first === 'help' ? second : first;
}

async function program(context: CommandContext, asked: string | undefined): Promise<Command> {
  const rollcall = new Command('rollcall')
    .description('Keeps Genesys Cloud group memberships in step with an identity provider, by way of Kafka.')
    .version(packageVersion())
    .addHelpText('after', `${examples}\n\n${exitCodesHelp}`)
    .option('--allow-insecure', 'plain http and passwords without TLS may leave this machine (as ALLOW_INSECURE=true)')
    .option(
      '--shadow',
      'work with the shadow: it changes no group and has its own topics and consumer group (as SHADOW=true)',
    )
    .hook('preAction', () => {
      const { allowInsecure, shadow } = rollcall.opts<{ allowInsecure?: true; shadow?: true }>();
      if (allowInsecure === true) process.env.ALLOW_INSECURE = 'true';
      if (shadow === true) process.env.SHADOW = 'true';
      const isShadow = process.env.SHADOW === 'true';
      for (const output of [process.stdout, process.stderr]) Object.assign(output, { isShadow });
    })
    .showHelpAfterError('(rollcall --help explains the commands)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeErr: (text) => void process.stderr.write(visibleLines(text)) })
    .exitOverride();
  rollcall.addCommand(await labCommand('demo', asked, context));
  const load = commands.get(asked ?? '');
  for (const each of load === undefined ? commands.values() : [load]) rollcall.addCommand((await each())(context));
  rollcall.addCommand(await labCommand('sandbox', asked, context));
  inherit(rollcall);
  return rollcall;
}

/** Commander passes settings on only to commands that it creates itself. */
function inherit(parent: Command): void {
  refuseEmptyValues(parent);
  for (const command of parent.commands) inherit(command.copyInheritedSettings(parent));
}

/** Listed without being loaded, so that their summaries stand here. */
const lab = {
  demo: {
    summary: 'everything on this machine: 10,000 changes, mishaps of every kind, and a verdict',
    // oxlint-disable-next-line no-restricted-imports -- it is asked for
    load: async () => (await import('./lab/commands.ts')).demoCommand,
  },
  sandbox: {
    summary: 'an emulator of Genesys Cloud (OAuth, SCIM groups and users) that faults can be injected into',
    // oxlint-disable-next-line no-restricted-imports -- it is asked for
    load: async () => (await import('./lab/commands.ts')).sandboxCommand,
  },
} as const;

/** @throws ExitError where it is asked for and this image is without it. */
async function labCommand(
  name: keyof typeof lab,
  asked: string | undefined,
  context: CommandContext,
): Promise<Command> {
  const { summary, load } = lab[name];
  if (asked !== name) return new Command(name).summary(summary).argument('[options]');
  if (existsSync(new URL('lab/', import.meta.url))) return (await load())(context).summary(summary);
  const remedy = `use the image target "lab", or the npm package (npx rollcall ${name})`;
  throw new ExitError(EXIT.usage, `${name} is not part of this image: ${remedy}`);
}

/** By name. Without a name that is known all are loaded, to be listed. */
const commands: ReadonlyMap<string, () => Promise<(context: CommandContext) => Command>> = new Map([
  ['plan', async () => (await import('./commands/plan.ts')).planCommand],
  ['apply', async () => (await import('./commands/apply.ts')).applyCommand],
  ['decode', async () => (await import('./commands/decode.ts')).decodeCommand],
  ['topics', async () => (await import('./commands/topics.ts')).topicsCommand],
  ['doctor', async () => (await import('./commands/doctor.ts')).doctorCommand],
  ['run', async () => (await import('./commands/run.ts')).runCommand],
  ['report', async () => (await import('./commands/report.ts')).reportCommand],
  ['replay', async () => (await import('./commands/replay.ts')).replayCommand],
  ['pause', async () => (await import('./commands/pause.ts')).pauseCommand],
  ['resume', async () => (await import('./commands/resume.ts')).resumeCommand],
  ['apply-now', async () => (await import('./commands/apply-now.ts')).applyNowCommand],
  ['retry-now', async () => (await import('./commands/retry-now.ts')).retryNowCommand],
  ['status', async () => (await import('./commands/status.ts')).statusCommand],
  ['explain', async () => (await import('./commands/explain.ts')).explainCommand],
  ['diff', async () => (await import('./commands/diff.ts')).diffCommand],
  ['resync', async () => (await import('./commands/resync.ts')).resyncCommand],
  ['undo', async () => (await import('./commands/undo.ts')).undoCommand],
  ['rewind', async () => (await import('./commands/rewind.ts')).rewindCommand],
  ['held', async () => (await import('./commands/held.ts')).heldCommand],
  ['ingest', async () => (await import('./commands/ingest.ts')).ingestCommand],
]);

const examples = `
Start here:
  $ rollcall demo                          everything on this machine, nothing to configure
  $ rollcall plan changes.ndjson           what would be sent for these changes
  $ rollcall apply changes.ndjson          apply a file of changes without Kafka
  $ rollcall doctor && rollcall run        the service, from Kafka to Genesys Cloud
  $ rollcall report --follow --format ndjson

The service is configured by environment variables; \`rollcall doctor\` names each problem with an example.`;

function processContext(stop: AbortSignal): CommandContext {
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
function tell(error: unknown, context: CommandContext): ExitCode {
  // Also thrown for --help and --version, with exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  const [code, text] = explained(error);
  const named = withNamedCommands(context.stderr, `rollcall: ${text}\n`);
  process.stderr.write(visibleLines(context.secrets.redact(named)));
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
    // Such as a full disk: what was written is cut.
    throw new ExitError(EXIT.unavailable, `standard output cannot be written: ${error.message}`, { cause: error });
  });
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}

await main();
