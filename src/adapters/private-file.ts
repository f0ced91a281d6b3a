/** Files that only their owner may read: reports name who is in which group. */
import { open, type FileHandle } from 'node:fs/promises';

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

/** Replaces what is there. An existing file that others may read is closed to them first. Rejects where it cannot be. */
export async function writePrivateFile(path: string, text: string | Iterable<string>): Promise<void> {
  const file = await open(path, 'w', OWNER_ONLY);
  try {
    await closeToOthers(file);
    for (const part of typeof text === 'string' ? [text] : text) await file.appendFile(part);
  } finally {
    await file.close();
  }
}

/** Pipes and devices are what they are. */
async function closeToOthers(file: FileHandle): Promise<void> {
  const stats = await file.stat();
  if (stats.isFile() && (stats.mode & OTHERS) !== 0) await file.chmod(OWNER_ONLY);
}
