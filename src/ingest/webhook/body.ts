/** Reads the body of a request, and no more of it than there is room for. */
import type { IncomingMessage } from 'node:http';

export type Body = Buffer | 'too_large' | 'no_room' | 'broken_off';

/** What all bodies that are being read and handled may take together. */
export class Room {
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#freeBytes) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#freeBytes += bytes;
  }
}

/** A body that was read keeps its room until the caller gives it back; of every other nothing is kept. */
export function readBody(request: IncomingMessage, bytesMax: number, room: Room): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer): void => {
      if (bytes + chunk.length > bytesMax) return give('too_large');
      if (!room.take(chunk.length)) return give('no_room');
      bytes += chunk.length;
      chunks.push(chunk);
    };
    const finish = (): void => end(Buffer.concat(chunks));
    const give = (body: Exclude<Body, Buffer>): void => {
      room.giveBack(bytes);
      end(body);
    };
    const breakOff = (): void => give('broken_off');
    const end = (body: Body): void => {
      request.off('data', take).off('end', finish).off('close', breakOff).pause();
      resolve(body);
    };
    if (Number(request.headers['content-length'] ?? 0) > bytesMax) return resolve('too_large');
    // Without a listener an error would end the process; `close` comes after it.
    request.on('error', () => undefined);
    request.on('data', take).on('end', finish).on('close', breakOff);
  });
}
