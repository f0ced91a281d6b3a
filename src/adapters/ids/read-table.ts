/** Reads a file of ids in one go, piece by piece, and notices when it was written to meanwhile. */
import { constants, open, stat, type FileHandle } from 'node:fs/promises';
import { IdTableFile, type ReadTable } from '../../core/id-table-file.ts';

/** Tells one content of a path from another: atomic replacing changes the inode, writing the size or the time. */
export type Stamp = string;

/** What a table of the most rows that are taken cannot need. */
const BYTES_MAX = 1_073_741_824;

export type ReadFile = ReadTable | { readonly ok: false; readonly problem: null };

export interface TableRead {
  readonly stamp: Stamp;
  /** `problem` null: it was written to while it was read. */
  readonly read: ReadFile;
}

/** null: there is no such file. Symbolic links are followed, as those of mounted volumes have to be. */
export async function stampOf(path: string): Promise<Stamp | null> {
  try {
    return stamped(await stat(path, { bigint: true }));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** @throws where it cannot be read. */
export async function readTable(path: string): Promise<TableRead> {
  // A named pipe without a writer: else opening it never ends, and neither does the process.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const before = await file.stat({ bigint: true });
    const stamp = stamped(before);
    if (!before.isFile()) return { stamp, read: { ok: false, problem: 'this is no file' } };
    if (before.size > BYTES_MAX) return { stamp, read: { ok: false, problem: `it is larger than ${BYTES_MAX} bytes` } };
    const read = await readPieces(file);
    const after = stamped(await file.stat({ bigint: true }));
    return { stamp, read: after === stamp ? read : { ok: false, problem: null } };
  } finally {
    await file.close();
  }
}

async function readPieces(file: FileHandle): Promise<ReadTable> {
  const table = new IdTableFile();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const pieces: AsyncIterable<Uint8Array> = file.createReadStream({ autoClose: false });
  try {
    for await (const piece of pieces) {
      table.push(decoder.decode(piece, { stream: true }));
      if (table.isWrong) return table.end();
    }
    table.push(decoder.decode());
  } catch (error) {
    if (error instanceof TypeError) return { ok: false, problem: 'it is not UTF-8; save it as UTF-8' };
    throw error;
  }
  return table.end();
}

const stamped = (stats: Record<'dev' | 'ino' | 'size' | 'mtimeNs', bigint>): Stamp =>
  [stats.dev, stats.ino, stats.size, stats.mtimeNs].join(':');

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
