/** The memory of a process, as Linux counts it. */
import { readFile } from 'node:fs/promises';

/** In MiB. */
export interface ProcessMemory {
  readonly resident: number;
  readonly peak: number;
}

/** null: the process has ended. */
export async function memoryOf(pid: number | undefined): Promise<ProcessMemory | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const mib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
  // Of a process that has ended, and that its parent has not waited for, no memory is named.
  const memory = { resident: mib('VmRSS'), peak: mib('VmHWM') };
  return Number.isNaN(memory.peak) ? null : memory;
}
