/** Reads the body of a request, and no more of it than there is room for, nor for longer than it may take. */
import type { IncomingMessage } from 'node:http';
import { throwAway } from '../../http/server.ts';
import type { Clock } from '../../ports.ts';

export type Body = Buffer | 'too_large' | 'too_fragmented' | 'no_room' | 'too_slow' | 'broken_off';

/** A body that is being read. */
interface Unfinished {
  readonly bytes: number;
  giveWay(): void;
}

/**
 * What all bodies that are being read and handled may take together. Where it is full, the largest body that is not
 * complete yet gives way: senders that stall, however many, leave room for one that sends what it has.
 */
export class Room {
  readonly #unfinished = new Set<Unfinished>();
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  begin(body: Unfinished): void {
    this.#unfinished.add(body);
  }

  end(body: Unfinished): void {
    this.#unfinished.delete(body);
  }

  /** false: there is no room, even if every larger body gives way. */
  take(bytes: number, body: Unfinished): boolean {
    while (bytes > this.#freeBytes) {
      const largest = this.#largest();
      if (largest === undefined || largest === body) return false;
      largest.giveWay();
    }
    this.#freeBytes -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#freeBytes += bytes;
  }

  /** The first of equals. */
  #largest(): Unfinished | undefined {
    let largest: Unfinished | undefined;
    for (const body of this.#unfinished) if (body.bytes > (largest?.bytes ?? 0)) largest = body;
    return largest;
  }
}

const EMPTY = Buffer.alloc(0);

export interface BodyLimits {
  readonly bytesMax: number;
  readonly withinMs: number;
  readonly room: Room;
  readonly clock: Pick<Clock, 'schedule'>;
}

/** A body that was read keeps its room, `bytesOf`, until the caller gives it back; of every other nothing is kept. */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) > limits.bytesMax) return Promise.resolve('too_large');
  return new Reading(request, limits).body;
}

/** What it takes of the room. */
export const bytesOf = (body: Buffer): number => body.buffer.byteLength;

/** The first `CHUNKS_FREE` chunks may have any size; beyond them a chunk has `CHUNK_BYTES_MIN` on average, since each costs time. */
const CHUNKS_FREE = 1_000;
const CHUNK_BYTES_MIN = 64;

class Reading implements Unfinished {
  readonly body: Promise<Body>;
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  /** What has come is copied: a chunk is an object, and may hold on to the whole buffer that was read from the socket. */
  #kept: Buffer = EMPTY;
  #read = 0;
  #chunkCount = 0;
  /** The largest that the body can be. */
  readonly #announced: number;
  readonly #cancelLimit: () => void;
  #resolve: (body: Body) => void = () => undefined;

  constructor(request: IncomingMessage, limits: BodyLimits) {
    this.#request = request;
    this.#limits = limits;
    this.#announced = Number(request.headers['content-length'] ?? limits.bytesMax);
    this.body = new Promise((resolve) => (this.#resolve = resolve));
    this.#cancelLimit = limits.clock.schedule(limits.withinMs, this.#tooSlow);
    limits.room.begin(this);
    // Without a listener an error would end the process; `close` comes after it.
    request.on('error', () => undefined);
    request.on('data', this.#take).on('end', this.#finish).on('close', this.#breakOff);
  }

  get bytes(): number {
    return this.#kept.length;
  }

  giveWay(): void {
    this.#give('no_room');
  }

  readonly #take = (chunk: Buffer): void => {
    const bytes = this.#read + chunk.length;
    this.#chunkCount += 1;
    if (bytes > this.#limits.bytesMax) return this.#give('too_large');
    if (this.#chunkCount > CHUNKS_FREE && bytes < this.#chunkCount * CHUNK_BYTES_MIN)
      return this.#give('too_fragmented');
    if (bytes > this.#kept.length && !this.#grow(bytes)) return this.#give('no_room');
    chunk.copy(this.#kept, this.#read);
    this.#read = bytes;
  };

  /** To twice its size at least, so that each byte is copied twice at most on average. false: there is no room. */
  #grow(bytes: number): boolean {
    const size = Math.max(bytes, Math.min(2 * this.#kept.length, this.#announced));
    if (!this.#limits.room.take(size - this.#kept.length, this)) return false;
    const larger = Buffer.allocUnsafeSlow(size);
    this.#kept.copy(larger, 0, 0, this.#read);
    this.#kept = larger;
    return true;
  }

  readonly #finish = (): void => this.#end(this.#kept.subarray(0, this.#read));
  readonly #breakOff = (): void => this.#give('broken_off');
  readonly #tooSlow = (): void => this.#give('too_slow');

  #give(body: Exclude<Body, Buffer>): void {
    this.#limits.room.giveBack(this.#kept.length);
    this.#end(body);
    throwAway(this.#request);
  }

  #end(body: Body): void {
    this.#cancelLimit();
    this.#limits.room.end(this);
    this.#kept = EMPTY;
    this.#request.off('data', this.#take).off('end', this.#finish).off('close', this.#breakOff);
    this.#resolve(body);
  }
}
