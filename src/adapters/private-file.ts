/**
 * Files that only their owner may read: reports name who is in which group; a key signs the requests of operators
 * (core/log/request-record.ts).
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import type { OperatorKey } from '../core/log/request-record.ts';

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

/** A file that is written on, a text at a time. */
export interface AppendedFile {
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

/** What is behind `length` bytes of it goes. Rejects where it is there already, and `length` is null. */
export async function appendPrivateFile(path: string, length: number | null): Promise<AppendedFile> {
  const file = await open(path, length === null ? 'ax' : 'a', OWNER_ONLY);
  try {
    await closeToOthers(file);
    if (length !== null && (await file.stat()).size > length) await file.truncate(length);
  } catch (error) {
    await file.close();
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

/** A file that was not there holds what `write` appends; where that fails it is removed. Rejects with EEXIST where it is there. */
export async function writeNewPrivateFile<T>(path: string, write: (file: AppendedFile) => Promise<T>): Promise<T> {
  const file = await appendPrivateFile(path, null);
  try {
    return await write(file);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

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
