/** A new file that an option of a command names, which only its owner may read. */
import { NewFileError, writeNewPrivateFile, type AppendedFile } from '../adapters/private-file.ts';
import { errorText } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { CommandContext } from './command-context.ts';

/**
 * It holds all that the work has written, or is not there.
 * @param option with which an error begins: `report --html`
 * @throws ExitError where something is there already, which is said before the work, or it cannot be written; what the work throws
 */
export async function writeNewFile<T>(
  { option, path }: { readonly option: string; readonly path: string },
  { stop }: Pick<CommandContext, 'stop'>,
  work: (file: Pick<AppendedFile, 'append'>) => Promise<T>,
): Promise<T> {
  try {
    return await writeNewPrivateFile(path, stop, work);
  } catch (error) {
    if (!(error instanceof NewFileError)) throw error;
    throw fileError(`${option} ${path}`, error);
  }
}

/** Of the disk: another name there would not help. */
const OF_THE_DISK: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']);

/** A file that a command writes cannot be written. @param where with which the error begins: the option and the file */
export function fileError(where: string, error: unknown): ExitError {
  const cause = error instanceof NewFileError ? (error.cause ?? error) : error;
  const isOfTheDisk = cause instanceof Error && 'code' in cause && OF_THE_DISK.has(cause.code);
  const remedy = isOfTheDisk ? '; make room, or name a file on another disk' : '';
  return new ExitError(isOfTheDisk ? EXIT.unavailable : EXIT.usage, `${where}: ${errorText(error)}${remedy}`, {
    cause: error,
  });
}
