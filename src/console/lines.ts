/** The lines of a file or of standard input, as bytes: what is not UTF-8 must arrive as it is. */
import { createReadStream } from 'node:fs';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { CommandContext } from './command-context.ts';

export interface Line {
  /** From 0, blank lines counted. */
  readonly index: number;
  /** Without the line feed; null: blank. */
  readonly bytes: Uint8Array | null;
}

const LINE_FEED = 0x0a;

/** @param file a path, or `-` for standard input. */
export async function* readLines(file: string, context: Pick<CommandContext, 'stdin'>): AsyncGenerator<Line> {
  const input: AsyncIterable<Uint8Array | string> = file === '-' ? context.stdin : createReadStream(file);
  let index = 0;
  let open: Uint8Array[] = [];
  const lineOf = (parts: readonly Uint8Array[]): Line => {
    const bytes = Buffer.concat(parts);
    return { index: index++, bytes: isBlank(bytes) ? null : bytes };
  };
  try {
    for await (const chunk of input) {
      let rest: Uint8Array = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      for (let end = rest.indexOf(LINE_FEED); end !== -1; end = rest.indexOf(LINE_FEED)) {
        yield lineOf([...open, rest.subarray(0, end)]);
        open = [];
        rest = rest.subarray(end + 1);
      }
      open.push(rest);
    }
  } catch (error) {
    if (isFileError(error))
      throw new ExitError(EXIT.usage, `${file}: cannot be read (${error.code})`, { cause: error });
    throw error;
  }
  if (open.some(({ length }) => length > 0)) yield lineOf(open);
}

/** Space, tab, carriage return: what JSON takes for white space. */
const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);

const isFileError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'code' in error && 'syscall' in error;
