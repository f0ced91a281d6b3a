/**
 * Room console: what commands share: how they open Kafka, the target and files, what they print (reports, too), the dry run.
 * Not here: commands, and decisions that need no I/O (core).
 *
 * What a command gets of the process it runs in (cli.ts alone touches the process itself), how it prints,
 * also how far a long work is, and checks of option values.
 */
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { InvalidArgumentError, type Command } from 'commander';
import type { ReadProgress } from '../core/log/reading.ts';
import type { KnownSecrets } from '../core/text/redact.ts';
import { instantIn } from '../core/text/instant.ts';
import { withNamedCommands, type Speaker } from '../core/text/named-commands.ts';
import { jsonText, visibleLines } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { Clock, Random } from '../ports.ts';
import { unlessAborted } from '../time.ts';

export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  readonly random: Random;
  /** What must not appear in anything that the process says. */
  readonly secrets: KnownSecrets;
  /** Aborts at the first SIGTERM or SIGINT; a second one ends the process at once. */
  readonly stop: AbortSignal;
  /** Starts another `rollcall`: program and arguments that stand before the command's name. */
  readonly self: readonly [program: string, ...args: string[]];
  /** What the process will exit with once the command has ended. */
  finish(code: ExitCode): void;
}

/** A stream that may be a terminal. In a shadow the commands that are named there have `--shadow`. */
export type Output = Writable & { readonly isTTY?: boolean } & Speaker;

/** Writes lines for people, and waits while the reader is slower. What a terminal would obey is made visible. */
export const print = (output: Output, text: string): Promise<void> =>
  write(output, visibleLines(withNamedCommands(output, text)));

/** Writes a value for programs, and for a terminal that shows it. */
export const printJson = (output: Output, value: unknown): Promise<void> =>
  write(output, withNamedCommands(output, `${jsonText(value)}\n`));

/** Writes what was made visible in pieces: JSON that is too long for one text, lines of CSV. */
export async function printPieces(output: Output, pieces: Iterable<string>): Promise<void> {
  for (const piece of pieces) await write(output, piece);
}

async function write(output: Output, text: string): Promise<void> {
  if (!output.write(text)) await once(output, 'drain');
}

/** Resolves when the process is asked to stop. */
export async function stopped(stop: AbortSignal): Promise<void> {
  if (!stop.aborted) await once(stop, 'abort');
}

/** The result of work that leaves nothing behind: a signal ends it where it stands. @throws ExitError where it was asked to stop. */
export async function unlessStopped<T>(context: Pick<CommandContext, 'stop'>, work: Promise<T>): Promise<T> {
  const result = await unlessAborted(
    context.stop,
    work.then((value) => ({ value })),
  );
  if (result !== 'aborted') return result.value;
  throw new ExitError(EXIT.someFailed, 'stopped');
}

/** @throws ExitError where it was asked to stop, so that a part is not taken for the whole. */
export function endIfStopped({ stop }: Pick<CommandContext, 'stop'>, when: string): void {
  if (stop.aborted) throw new ExitError(EXIT.someFailed, `stopped ${when}`);
}

/** Aborts with `stop`, until it is detached: from then on the work itself hears the signal, and ends in order. */
export function detachable(stop: AbortSignal): { readonly signal: AbortSignal; readonly detach: () => void } {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  stop.addEventListener('abort', end);
  if (stop.aborted) end();
  return { signal: ending.signal, detach: () => stop.removeEventListener('abort', end) };
}

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };
}

/** RFC 3339 with its zone, or a day, since 1970 (to Kafka negative numbers mean other things) → epoch ms. */
export function instant(text: string): number {
  const at = instantIn(text);
  if (at !== null && at >= 0) return at;
  throw new InvalidArgumentError(
    'Give a time that exists, since 1970, with its zone, such as 2026-09-21T14:13:20Z or 2026-09-21T16:13:20+02:00; a day alone, such as 2026-09-21, is its beginning in UTC.',
  );
}

/** No option of it takes an empty value: a variable of the shell that is not set must not select nothing, or everything. */
export function refuseEmptyValues(command: Command): void {
  for (const option of command.options.filter(({ required, optional }) => required || optional)) {
    const read = option.parseArg;
    option.argParser((text: string, former: unknown): unknown => {
      if (text.trim() !== '') return read === undefined ? text : read(text, former);
      throw new InvalidArgumentError('Give a value: it is empty, as where a variable of the shell is not set.');
    });
  }
}

/** For options that may be given several times. */
export function collect(value: string, former: readonly string[] = []): readonly string[] {
  return [...former, value];
}

export interface Progress {
  /** Of changes: those with a final report. */
  readonly settled: number;
  readonly total: number;
  /** What is counted; absent: changes. */
  readonly unit?: string;
  /** Said behind them. */
  readonly detail: string;
}

/** How far a topic is read. */
export const readProgress = ({ passed, total }: ReadProgress, topic: string): Progress => ({
  settled: passed,
  total,
  unit: 'records',
  detail: `read of ${topic}`,
});

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 2_000;
/** Elsewhere a line that says the same as the one before is left out for as long. */
const SAME_INTERVAL_MS = 60_000;

/**
 * Writes `current()` now and then: on a terminal one line that is written over, elsewhere plain lines. The
 * returned function ends that, with a last line where there was one before.
 */
export function showProgress(output: Output, clock: Clock, current: () => Progress): () => void {
  const isTerminal = output.isTTY === true;
  const startedAt = clock.now().monotonic;
  let shown = { text: '', at: startedAt };
  const show = (): void => {
    const progress = current();
    const now = clock.now().monotonic;
    const text = JSON.stringify(progress);
    if (!isTerminal && text === shown.text && now - shown.at < SAME_INTERVAL_MS) return;
    shown = { text, at: now };
    const line = progressLine(progress, (now - startedAt) / 1000);
    output.write(isTerminal ? `\r\u001b[2K${bar(progress)} ${line}` : `${line}\n`);
  };
  let cancel = (): void => undefined;
  const later = (): void => {
    cancel = clock.schedule(isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS, () => {
      show();
      later();
    });
  };
  later();
  return () => {
    cancel();
    if (shown.text === '') return;
    show();
    if (isTerminal) output.write('\n');
  };
}

/** No more columns than a small terminal has, beside the bar. */
export function progressLine({ settled, total, unit = 'changes', detail }: Progress, seconds: number): string {
  const percent = total === 0 ? 100 : Math.floor((100 * settled) / total);
  return `${seconds.toFixed(1).padStart(5)} s  ${settled}/${total} ${unit} (${percent} %), ${detail}`;
}

const BAR_WIDTH = 16;

function bar({ settled, total }: Progress): string {
  const filled = total === 0 ? BAR_WIDTH : Math.floor((BAR_WIDTH * settled) / total);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`;
}
