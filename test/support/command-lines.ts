/** Command lines that the product prints, read as a shell and the program read them; nothing is carried out. */
import { execFileSync } from 'node:child_process';
import { Command } from 'commander';
import { applyCommand } from '../../src/commands/apply.ts';
import { applyNowCommand } from '../../src/commands/apply-now.ts';
import { decodeCommand } from '../../src/commands/decode.ts';
import { diffCommand } from '../../src/commands/diff.ts';
import { demoCommand } from '../../src/lab/commands/demo.ts';
import { doctorCommand } from '../../src/commands/doctor.ts';
import { explainCommand } from '../../src/commands/explain.ts';
import { heldCommand } from '../../src/commands/held.ts';
import { ingestCommand } from '../../src/commands/ingest.ts';
import { pauseCommand } from '../../src/commands/pause.ts';
import { planCommand } from '../../src/commands/plan.ts';
import { replayCommand } from '../../src/commands/replay.ts';
import { reportCommand } from '../../src/commands/report.ts';
import { resumeCommand } from '../../src/commands/resume.ts';
import { resyncCommand } from '../../src/commands/resync.ts';
import { rewindCommand } from '../../src/commands/rewind.ts';
import { retryNowCommand } from '../../src/commands/retry-now.ts';
import { runCommand } from '../../src/commands/run.ts';
import { sandboxCommand } from '../../src/lab/commands/sandbox.ts';
import { statusCommand } from '../../src/commands/status.ts';
import { topicsCommand } from '../../src/commands/topics.ts';
import { undoCommand } from '../../src/commands/undo.ts';
import { aContext } from './command-context.ts';

export interface CommandLine {
  /** Such as `held approve`. */
  readonly name: string;
  readonly args: readonly string[];
  readonly flags: Readonly<Record<string, unknown>>;
}

const commands = [
  applyCommand,
  applyNowCommand,
  decodeCommand,
  demoCommand,
  diffCommand,
  doctorCommand,
  explainCommand,
  heldCommand,
  ingestCommand,
  pauseCommand,
  planCommand,
  replayCommand,
  reportCommand,
  resumeCommand,
  resyncCommand,
  rewindCommand,
  retryNowCommand,
  runCommand,
  sandboxCommand,
  statusCommand,
  topicsCommand,
  undoCommand,
] as const;

/** @param line what stands behind `rollcall`. @throws what commander throws where it cannot be understood */
export const readCommandLine = (line: string): CommandLine => read(line, () => undefined);

/** Of a line that may leave out options that the command requires. @throws as above */
export const readPartOfCommandLine = (line: string): CommandLine =>
  read(line, ({ options }) => {
    for (const option of options) option.mandatory = false;
  });

function read(line: string, change: (command: Command) => void): CommandLine {
  let found: CommandLine | null = null;
  const program = new Command('rollcall').exitOverride().configureOutput({ writeErr: () => undefined });
  program.option('--allow-insecure').option('--shadow');
  for (const command of commands) program.addCommand(command(aContext()));
  const replaceActions = (command: Command, path: readonly string[]): void => {
    change(command);
    command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
    for (const child of command.commands) replaceActions(child, [...path, child.name()]);
    if (command.commands.length > 0) return;
    command.action(() => {
      found = { name: path.join(' '), args: command.args, flags: command.opts() };
    });
  };
  replaceActions(program, []);
  program.parse(wordsOf(line), { from: 'user' });
  if (found === null) throw new Error(`no command: ${line}`);
  return found;
}

/** As a POSIX shell splits and unquotes them. */
function wordsOf(line: string): string[] {
  const out = execFileSync('sh', ['-c', `for word in ${line}; do printf '%s\\0' "$word"; done`]).toString();
  return out.split('\0').slice(0, -1);
}
