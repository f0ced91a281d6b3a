/** Files that an operator names to be read. A pipe may be one, as of `<(…)` in a shell; a device is none, and may have no end. */
import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';

export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

/** @throws DeviceError */
export function demandNoDevice(stats: Stats): void {
  if (stats.isCharacterDevice() || stats.isBlockDevice()) throw new DeviceError('it is a device, and no file');
}

/** @throws DeviceError, or as Node does where it cannot be read */
export async function* readBytes(path: string): AsyncGenerator<Uint8Array> {
  demandNoDevice(await stat(path));
  yield* createReadStream(path) as AsyncIterable<Uint8Array>;
}
