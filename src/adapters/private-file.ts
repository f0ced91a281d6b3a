/**
 * Files that only their owner may read: reports name who is in which group; a key signs the requests of operators
 * (core/log/request-record.ts).
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { constants, rmSync } from 'node:fs';
import { copyFile, link, lstat, open, realpath, stat, type FileHandle } from 'node:fs/promises';
import type { OperatorKey } from '../core/log/request-record.ts';
import { errorText } from '../core/text/visible.ts';
import { systemRandom } from './system.ts';

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

/**
 * Replaces what is there. An existing file that others may read is closed to them first. Rejects where it cannot be, or cannot be written;
 * nothing that is cut stays: the file is removed, or empty where the path is a link to it.
 */
export async function writePrivateFile(path: string, text: string | Iterable<string>): Promise<void> {
  const file = await open(path, 'w', OWNER_ONLY);
  try {
    await closeToOthers(file);
    for (const part of typeof text === 'string' ? [text] : text) await file.appendFile(part);
  } catch (error) {
    // What is wrong with the file is in the first error.
    await discard(file, path).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

/** Pipes and devices have no length, and stay. */
async function discard(file: FileHandle, path: string): Promise<void> {
  await file.truncate(0).catch(() => undefined);
  if ((await lstat(path)).isFile()) removeIfPossible(path);
}

/** That `writePrivateFile` can replace what is there, or make a new one; nothing of it changes. Rejects where it cannot. */
export async function checkPrivateFile(path: string): Promise<void> {
  const known = await stat(path).catch(() => null);
  // Of a pipe the reader would take the end of the check for the end.
  if (known !== null && !known.isFile() && !known.isDirectory()) return;
  const file = await open(path, 'a', OWNER_ONLY);
  await file.close();
  if (known === null) removeIfPossible(await realpath(path));
}

/** A file that is written on, a text at a time. */
export interface AppendedFile {
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * What is behind `length` bytes of it goes; `first` is written where nothing is before. Rejects where it is there already, and `length`
 * is null; a new one without `first` does not stay.
 */
export async function appendPrivateFile(path: string, length: number | null, first: string): Promise<AppendedFile> {
  const file = await open(path, length === null ? 'ax' : 'a', OWNER_ONLY);
  try {
    await closeToOthers(file);
    if (length !== null && (await file.stat()).size > length) await file.truncate(length);
    if (length === null || length === 0) await file.appendFile(first);
  } catch (error) {
    await file.close().catch(() => undefined);
    if (length === null) removeIfPossible(path);
    throw error;
  }
  return { append: (text) => file.appendFile(text), close: () => file.close() };
}

/** Empty, unless it is there. */
export async function createPrivateFile(path: string): Promise<void> {
  const file = await open(path, 'a', OWNER_ONLY);
  try {
    await closeToOthers(file);
  } finally {
    await file.close();
  }
}

/** A new file cannot be made or written; the message says why. */
export class NewFileError extends Error {
  override readonly name = 'NewFileError';
}

/**
 * A file that was not there holds what `write` appends: all of it, or there is none. It is written beside its place, as
 * `<path>.<uuid>.unfinished`, which is removed where the work fails or is stopped, and where the process exits. Only one that is killed
 * leaves it. What is at the path is never replaced. Once all is written, a signal does not take it back.
 * @throws NewFileError, before the work where something is at the path; the reason of `stop`; what `write` throws
 */
export async function writeNewPrivateFile<T>(
  path: string,
  stop: AbortSignal,
  write: (file: Pick<AppendedFile, 'append'>) => Promise<T>,
): Promise<T> {
  if (await lstat(path).catch(() => null)) throw existsAlready();
  const unfinished = `${path}.${systemRandom.uuid()}.unfinished`;
  const file = await open(unfinished, 'ax', OWNER_ONLY).catch(cannotWrite);
  // Nothing that waits is reached where the process exits.
  const remove = (): void => removeIfPossible(unfinished);
  process.on('exit', remove);
  stop.addEventListener('abort', remove);
  try {
    stop.throwIfAborted();
    const result = await write({ append: (text) => file.appendFile(text).catch(cannotWrite) });
    await file.sync().catch(cannotWrite);
    stop.throwIfAborted();
    stop.removeEventListener('abort', remove);
    await giveName(unfinished, path);
    return result;
  } finally {
    // All is synced, or is not kept.
    await file.close().catch(() => undefined);
    remove();
    process.off('exit', remove);
    stop.removeEventListener('abort', remove);
  }
}

/** An error thrown in a listener ends the process, and the error of the work says more. What stays has a name that says what it is. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its directory is read-only by now, or its disk is broken.
  }
}

/** What `link` fails with on file systems that have no links. */
const HAS_NO_LINKS: ReadonlySet<unknown> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV']);

async function giveName(unfinished: string, path: string): Promise<void> {
  try {
    await link(unfinished, path).catch((error: unknown) => {
      if (!HAS_NO_LINKS.has(codeOf(error))) throw error;
      // A process that ends meanwhile leaves a part of it.
      return copyFile(unfinished, path, constants.COPYFILE_EXCL);
    });
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? existsAlready() : new NewFileError(errorText(error), { cause: error });
  }
}

const existsAlready = (): NewFileError => new NewFileError('it exists already: name another file, or remove it');

function cannotWrite(cause: unknown): never {
  throw new NewFileError(errorText(cause), { cause });
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : null);

/** Pipes and devices are what they are. */
async function closeToOthers(file: FileHandle): Promise<void> {
  const stats = await file.stat();
  if (stats.isFile() && (stats.mode & OTHERS) !== 0) await file.chmod(OWNER_ONLY);
}

/** @param current the key as it is now: its file may have changed. */
export function operatorKey(current: () => string): OperatorKey {
  const mac = (text: string): Buffer => createHmac('sha256', current()).update(text).digest();
  return {
    sign: (text) => mac(text).toString('hex'),
    hasSigned: (text, signature) => {
      const [right, given] = [mac(text), Buffer.from(signature, 'hex')];
      return given.length === right.length && timingSafeEqual(right, given);
    },
  };
}
