/** A new file that an option of a command names, which only its owner may read. */
import { NewFileError, writeNewPrivateFile, type AppendedFile } from '../adapters/private-file.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { CommandContext } from './command-context.ts';

/**
 * It holds all that the work has written, or is not there.
 * @param option with which an error begins: `report --html`
 * @throws ExitError (usage) where something is there already, which is said before the work, or it cannot be written; what the work throws
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
    throw new ExitError(EXIT.usage, `${option}: ${error.message}`, { cause: error });
  }
}
