/**
 * Zstandard frames (RFC 8878). fzstd allocates the window that each frame claims, and moves all of it at each block; so the
 * frames are measured here, and unpacked into one buffer for all of them, which is the window too.
 */
import { decompress } from 'fzstd';
import { DamagedError, TooLargeError, UNPACKED_BYTES_MAX } from './bytes.ts';

interface Frame {
  readonly bytes: Buffer;
  /** Where its last block begins, and where it ends. */
  readonly lastBlock: number;
  readonly end: number;
  /** What its header claims; null: nothing. */
  readonly claimedBytes: number | null;
  /** What its blocks can come to at most. */
  readonly bytesMax: number;
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a5;
const BLOCK_BYTES_MAX = 128 * 1024;

/** @throws TooLargeError, DamagedError, what fzstd throws */
export function unpackZstd(compressed: Buffer): Buffer {
  const frames = framesOf(compressed);
  const claimed = sum(frames.map(({ claimedBytes }) => claimedBytes ?? 0));
  if (claimed > UNPACKED_BYTES_MAX) throw new TooLargeError(claimed);
  const needed = sum(frames.map(({ claimedBytes, bytesMax }) => claimedBytes ?? bytesMax));
  // Pages that are never written to take no memory.
  const output = new Uint8Array(Math.min(needed, UNPACKED_BYTES_MAX));
  let length = 0;
  for (const frame of frames) length += unpackFrame(frame, output.subarray(length), needed > output.length);
  return Buffer.from(output.buffer.slice(0, length));
}

const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);

/** fzstd does not tell how much it has written: a last block of no bytes, which is stored at the end, does. */
function unpackFrame(frame: Frame, output: Uint8Array<ArrayBuffer>, mayBeTooLarge: boolean): number {
  const bytes = Buffer.concat([frame.bytes.subarray(0, frame.end), EMPTY_LAST_BLOCK]);
  bytes[frame.lastBlock] = (bytes[frame.lastBlock] ?? 0) & ~1;
  const window = new Measured(output);
  try {
    decompress(bytes, window);
  } catch (cause) {
    if (mayBeTooLarge && window.reached + BLOCK_BYTES_MAX > output.length) throw new TooLargeError(null);
    throw cause;
  }
  if (window.reached > output.length) throw mayBeTooLarge ? new TooLargeError(null) : tooLong();
  if (frame.claimedBytes !== null && frame.claimedBytes !== window.reached) throw tooLong();
  return window.reached;
}

/** Notes how far it is written to. */
class Measured extends Uint8Array<ArrayBuffer> {
  reached = 0;

  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  constructor(output: Uint8Array<ArrayBuffer>) {
    super(output.buffer, output.byteOffset, output.length);
  }

  /** fzstd asks whether it equals 1: without this, all of it would be made a text. */
  [Symbol.toPrimitive](): number {
    return Number.NaN;
  }

  override set(bytes: ArrayLike<number>, at = 0): void {
    this.reached = Math.max(this.reached, at);
    super.set(bytes, at);
  }

  override subarray(from = 0, to?: number): Uint8Array<ArrayBuffer> {
    this.reached = Math.max(this.reached, from);
    return super.subarray(from, to);
  }
}

const EMPTY_LAST_BLOCK = Buffer.from([1, 0, 0]);
const tooLong = (): DamagedError => new DamagedError('a frame comes to another size than it claims');

/** Of what is no frame, and of skippable ones, nothing is left. */
function framesOf(compressed: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  let rest = compressed;
  while (rest.length > 0) {
    const magic = field(rest, 0, 4);
    const frame = magic === MAGIC ? measure(rest) : null;
    if (frame === null && magic >>> 4 !== SKIPPABLE_MAGIC) throw new DamagedError('this is no frame of Zstandard');
    if (frame !== null) frames.push(frame);
    rest = rest.subarray(frame === null ? 8 + field(rest, 4, 4) : frame.end + checksumBytes(rest));
  }
  return frames;
}

const checksumBytes = (frame: Buffer): number => (field(frame, 4, 1) & 4 ? 4 : 0);

/** RFC 8878 3.1.1.1: descriptor, window, dictionary, content size. */
function measure(bytes: Buffer): Frame {
  const descriptor = field(bytes, 4, 1);
  const isSingle = (descriptor & 0x20) !== 0;
  if ((descriptor & 3) !== 0) throw new DamagedError('it needs a dictionary');
  const sizeCode = descriptor >>> 6;
  const sizeBytes = sizeCode === 0 ? Number(isSingle) : 1 << sizeCode;
  const sizeAt = isSingle ? 5 : 6;
  const claimed = sizeBytes === 0 ? null : field(bytes, sizeAt, sizeBytes) + (sizeCode === 1 ? 256 : 0);
  const window = isSingle ? (claimed ?? 0) : windowOf(field(bytes, 5, 1));
  const headerBytes = sizeAt + sizeBytes;
  return { bytes, claimedBytes: claimed, ...measureBlocks(bytes, headerBytes, Math.min(window, BLOCK_BYTES_MAX)) };
}

const windowOf = (byte: number): number => 2 ** (10 + (byte >>> 3)) * (1 + (byte & 7) / 8);

/** RFC 8878 3.1.1.2 */
function measureBlocks(
  bytes: Buffer,
  start: number,
  blockBytesMax: number,
): Pick<Frame, 'lastBlock' | 'end' | 'bytesMax'> {
  let bytesMax = 0;
  for (let at = start; ;) {
    const header = field(bytes, at, 3);
    const [type, size] = [(header >>> 1) & 3, header >>> 3];
    if (type === 3 || size > Math.max(blockBytesMax, 1)) throw new DamagedError('a block is larger than permitted');
    bytesMax += type === 2 ? blockBytesMax : size;
    const end = at + 3 + (type === 1 ? 1 : size);
    if (end > bytes.length) throw new DamagedError('a block goes beyond the end');
    if ((header & 1) === 1) return { lastBlock: at, end, bytesMax };
    at = end;
  }
}

/** Little-endian. */
function field(bytes: Buffer, at: number, length: number): number {
  if (at + length > bytes.length) throw new DamagedError('it ends too early');
  if (length <= 4) return length === 0 ? 0 : bytes.readUIntLE(at, length);
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
}
