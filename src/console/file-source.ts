/**
 * A file of changes as a source topic: line n is the record at offset n, in the one partition of `apply`. Its remedies
 * name the file: there is no topic to look into, and the file can be applied again.
 */
import type { RunningSha256 } from '../adapters/system.ts';
import type { MemoryBroker } from '../adapters/memory-log/memory-broker.ts';
import type { Position, SourceRecord } from '../core/change/change.ts';
import type { ReportRecord } from '../core/report/report.ts';
import { operationId } from '../core/report/summary.ts';
import { thenApply } from '../core/target/refusals.ts';
import { isObject } from '../core/text/json.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { readJson } from '../formats/reading/reading.ts';
import type { Topics } from '../pipeline/state/options.ts';
import type { CommandContext } from './command-context.ts';
import { DeviceError, readBytes } from './named-file.ts';

export const FILE_TOPICS: Topics = {
  source: 'apply',
  retry: 'apply.retry',
  deadLetter: 'apply.dead-letter',
  report: 'apply.reports',
};

export const FILE_SOURCE: Pick<Position, 'topic' | 'partition'> = { topic: FILE_TOPICS.source, partition: 0 };

/** A file is not waited for by the hour: what may yet be provisioned is given up at the first failure, unless it is asked for. */
export const fileEnvironment = (environment: CommandContext['environment']): CommandContext['environment'] => ({
  SLOW_RETRY_SCHEDULE_MS: '',
  ...environment,
});

/** Blank lines leave holes, so that each offset is the number of its line. */
export async function fillSource(
  broker: MemoryBroker,
  file: string,
  context: Pick<CommandContext, 'stdin'>,
): Promise<void> {
  const { topic, partition } = FILE_SOURCE;
  for await (const { bytes } of readLines(file, context)) {
    if (bytes === null) broker.topic(topic).partition(partition).skip(1);
    else broker.append([{ topic, partition, key: null, value: bytes, headers: [] }]);
  }
}

/** What `apply` was given. */
export type AppliedFrom = 'file' | 'plan';

/** What lets the rest of a run land. The requests of a plan are of versions that its own run has changed. */
const AGAIN: Readonly<Record<AppliedFrom, string>> = {
  file: 'apply the file again',
  plan: 'make a new plan with `plan --out`, and apply that',
};

/** The record, with the advice that an operator of `apply` can follow. */
export const adviceFor = (from: AppliedFrom, record: ReportRecord): ReportRecord =>
  record.reason === null
    ? record
    : { ...record, reason: { ...record.reason, advice: adviceOf(from, record, record.reason.advice) } };

const HELD: Readonly<Record<AppliedFrom, string>> = {
  file: 'Run the same command with --approve and the digest that stands under "held" to let it pass.',
  plan: 'Make a new plan with `plan --out`, and run `apply --plan` on it with --approve and the digest that `plan` prints.',
};

function adviceOf(from: AppliedFrom, record: ReportRecord, advice: string): string {
  switch (record.outcome) {
    case 'held':
      return HELD[from];
    case 'invalid':
      return 'Correct the line of the file and apply it again; what has landed is left as it is.';
    default:
      return thenApply(advice, operationId(record), AGAIN[from]);
  }
}

/** @param flags that let it pass. */
export const heldAdvice = (from: AppliedFrom, flags: string): string =>
  from === 'file'
    ? `To let exactly these pass, run the same command with\n  ${flags}`
    : `To let exactly these pass, make a new plan with \`plan --out\`, then run \`apply --plan\` on it with\n  ${flags}`;

/*
 * Records of a topic in a file: one JSON object a line, or one over several lines. A text is the record's bytes as they are,
 * any other value is written as JSON. `{"record":{…}}` is the record in it.
 */

export interface FileRecord {
  readonly kind: 'record';
  readonly record: SourceRecord;
}

export interface BadLine {
  readonly kind: 'bad';
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** @param file a path, or `-` for standard input. */
export async function* readRecords(
  file: string,
  context: Pick<CommandContext, 'stdin'>,
): AsyncGenerator<FileRecord | BadLine> {
  const lines: Line[] = [];
  let isOneALine = false;
  for await (const line of readLines(file, context)) {
    if (isOneALine) yield* recordOf(line);
    else if (lines.length === 0 && isWhole(line)) {
      isOneALine = true;
      yield* recordOf(line);
    } else if (lines.length > 0 || line.bytes !== null) lines.push(line);
  }
  if (lines.length > 0) yield* recordsOver(lines);
}

const isWhole = ({ bytes }: Line): boolean => bytes !== null && readJson(bytes).ok;

/** The first line was no JSON by itself: either the whole is one document, or that line is bad. */
function* recordsOver(lines: readonly Line[]): Generator<FileRecord | BadLine> {
  const whole = readJson(Buffer.concat(lines.flatMap(({ bytes }) => [bytes ?? EMPTY, LINE_FEED])));
  if (!whole.ok) {
    for (const line of lines) yield* recordOf(line);
    return;
  }
  yield fromJson(whole.json, lines[0]?.index ?? 0);
}

const EMPTY = new Uint8Array();
const LINE_FEED = Buffer.from('\n');

function* recordOf({ index, bytes }: Line): Generator<FileRecord | BadLine> {
  if (bytes === null) return;
  const read = readJson(bytes);
  yield read.ok ? fromJson(read.json, index) : { kind: 'bad', line: index + 1, message: read.problem.message };
}

function fromJson(json: unknown, index: number): FileRecord | BadLine {
  const bad = (message: string): BadLine => ({ kind: 'bad', line: index + 1, message });
  const fields = isObject(json) && isObject(json['record']) ? json['record'] : json;
  if (!isObject(fields) || !('value' in fields))
    return bad('This is no record: {"topic","key","headers","value"} is wanted, and `value` is missing.');
  const headers = headersIn(fields['headers'] ?? {});
  if (headers === null) return bad('`headers` must be an object of texts, or a list of names and texts in turn.');
  try {
    const record = { key: bytesOf(fields['key'] ?? null), value: bytesOf(fields['value']), headers };
    return { kind: 'record', record };
  } catch {
    return bad('The record is nested too deeply to be written as JSON; give `key` and `value` as texts.');
  }
}

/** A list of names and texts in turn is what kcat prints. */
function headersIn(headers: unknown): SourceRecord['headers'] | null {
  const pairs = Array.isArray(headers)
    ? headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]] as const] : []))
    : isObject(headers)
      ? Object.entries(headers)
      : null;
  if (pairs === null || !pairs.every(([name, text]) => isHeader(name) && (text === null || isHeader(text))))
    return null;
  return pairs.map(([name, text]) => [String(name), bytesOf(text ?? '') ?? EMPTY] as const);
}

const isHeader = (value: unknown): boolean => typeof value === 'string';

const bytesOf = (value: unknown): Uint8Array | null =>
  value === null ? null : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

/* The lines of a file or of standard input, as bytes: what is not UTF-8 must arrive as it is. */

export interface Line {
  /** From 0, blank lines counted. */
  readonly index: number;
  /** Without the line feed; null: blank. */
  readonly bytes: Uint8Array | null;
}

const LINE_FEED_BYTE = 0x0a;

/** @param file a path, or `-` for standard input. @param hash takes all of its bytes. */
export async function* readLines(
  file: string,
  context: Pick<CommandContext, 'stdin'>,
  hash: Pick<RunningSha256, 'update'> | null = null,
): AsyncGenerator<Line> {
  const input: AsyncIterable<Uint8Array | string> = file === '-' ? context.stdin : readBytes(file);
  let index = 0;
  let open: Uint8Array[] = [];
  const lineOf = (parts: readonly Uint8Array[]): Line => {
    const bytes = Buffer.concat(parts);
    return { index: index++, bytes: isBlank(bytes) ? null : bytes };
  };
  try {
    for await (const chunk of input) {
      let rest: Uint8Array = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      hash?.update(rest);
      for (let end = rest.indexOf(LINE_FEED_BYTE); end !== -1; end = rest.indexOf(LINE_FEED_BYTE)) {
        yield lineOf([...open, rest.subarray(0, end)]);
        open = [];
        rest = rest.subarray(end + 1);
      }
      open.push(rest);
    }
  } catch (error) {
    if (isFileError(error))
      throw new ExitError(EXIT.usage, `${file}: cannot be read (${error.code})`, { cause: error });
    if (error instanceof DeviceError)
      throw new ExitError(EXIT.usage, `${file}: ${error.message}; name a file, or - for standard input`, {
        cause: error,
      });
    throw error;
  }
  if (open.some(({ length }) => length > 0)) yield lineOf(open);
}

/** Space, tab, carriage return: what JSON takes for white space. */
const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);

const isFileError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'code' in error && 'syscall' in error;
