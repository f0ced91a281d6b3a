/** A new file that an option of a command names, which only its owner may read. */
import { NewFileError, writeNewPrivateFile, type AppendedFile } from '../adapters/private-file.ts';
import { errorText } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { endIfStopped, type CommandContext } from './command-context.ts';

/**
 * It holds all that the work has written, or is not there.
 * @param option with which an error begins: `report --html`
 * @throws ExitError where something is there already, which is said before the work, it cannot be written, or it was asked to stop;
 *   what the work throws
 */
export async function writeNewFile<T>(
  { option, path }: { readonly option: string; readonly path: string },
  context: Pick<CommandContext, 'stop'>,
  work: (file: Pick<AppendedFile, 'append'>) => Promise<T>,
): Promise<T> {
  try {
    return await writeNewPrivateFile(path, context.stop, work);
  } catch (error) {
    if (error === context.stop.reason) endIfStopped(context, `before ${path} was complete`);
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
