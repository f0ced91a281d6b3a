/**
 * LZ4 frames, as Kafka's producers write them (github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, lz4_Block_format.md). The
 * output grows with what is unpacked, not with what the frame claims. Checksums are not compared: the batch has one of its own.
 */
import { DamagedError, TooLargeError, UNPACKED_BYTES_MAX } from './bytes.ts';

const MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a5;
const flags = { contentSize: 0x08, contentChecksum: 0x04, blockChecksum: 0x10, dictionary: 0x01 };
const STORED = 0x80000000;
const FIRST_OUTPUT_BYTES = 64 * 1024;
/** The shortest match (lz4_Block_format.md). */
const MATCH_BYTES_MIN = 4;

/** @throws TooLargeError, DamagedError */
export function unpackLz4(compressed: Buffer): Buffer {
  const output = new Output();
  let at = 0;
  while (at < compressed.length) at = readFrame(compressed, at, output);
  return output.content();
}

class Output {
  #bytes = Buffer.allocUnsafe(FIRST_OUTPUT_BYTES);
  length = 0;

  content(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  append(source: Buffer, from: number, to: number): void {
    if (to > source.length) throw new DamagedError('a block goes beyond the end');
    this.#makeRoom(to - from);
    source.copy(this.#bytes, this.length, from, to);
    this.length += to - from;
  }

  /** What is copied may be written by the same copy: a run is a match with the offset 1. */
  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.length) throw new DamagedError('a match lies before the beginning');
    this.#makeRoom(count);
    const end = this.length + count;
    const start = this.length - distance;
    while (this.length < end) {
      const step = Math.min(this.length - start, end - this.length);
      this.#bytes.copyWithin(this.length, start, start + step);
      this.length += step;
    }
  }

  #makeRoom(count: number): void {
    const wanted = this.length + count;
    if (wanted > UNPACKED_BYTES_MAX) throw new TooLargeError(null);
    if (wanted <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.min(Math.max(wanted, this.#bytes.length * 2), UNPACKED_BYTES_MAX));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }
}

/** Returns where the next frame begins. */
function readFrame(source: Buffer, start: number, output: Output): number {
  const magic = uint32(source, start);
  if (magic >>> 4 === SKIPPABLE_MAGIC) return start + 8 + uint32(source, start + 4);
  const flag = byteAt(source, start + 4);
  if (magic !== MAGIC || flag >>> 6 !== 1) throw new DamagedError('this is no frame of LZ4');
  if ((flag & flags.dictionary) !== 0) throw new DamagedError('it needs a dictionary');
  // Flags, block size, content size, checksum of the header.
  let at = start + 6 + 1;
  if ((flag & flags.contentSize) !== 0) {
    const claimed = uint32(source, start + 6) + uint32(source, start + 10) * 2 ** 32;
    if (output.length + claimed > UNPACKED_BYTES_MAX) throw new TooLargeError(claimed);
    at += 8;
  }
  for (;;) {
    const size = uint32(source, at);
    at += 4;
    if (size === 0) return at + ((flag & flags.contentChecksum) === 0 ? 0 : 4);
    const end = at + (size & ~STORED);
    if (size >= STORED) output.append(source, at, end);
    else readBlock(source, at, { end, output });
    at = end + ((flag & flags.blockChecksum) === 0 ? 0 : 4);
  }
}

function readBlock(source: Buffer, start: number, { end, output }: { end: number; output: Output }): void {
  if (end > source.length) throw new DamagedError('a block goes beyond the end');
  let at = start;
  const lengthFrom = (nibble: number): number => {
    let length = nibble;
    if (nibble !== 15) return length;
    for (;;) {
      const more = byteAt(source, at++);
      length += more;
      if (more !== 255) return length;
    }
  };
  while (at < end) {
    const token = byteAt(source, at++);
    const literals = lengthFrom(token >>> 4);
    if (at + literals > end) throw new DamagedError('literals go beyond the block');
    output.append(source, at, at + literals);
    at += literals;
    if (at >= end) return;
    const distance = byteAt(source, at) | (byteAt(source, at + 1) << 8);
    at += 2;
    output.repeat(distance, lengthFrom(token & 15) + MATCH_BYTES_MIN);
  }
}

function byteAt(source: Buffer, at: number): number {
  const byte = source[at];
  if (byte === undefined) throw new DamagedError('it ends too early');
  return byte;
}

function uint32(source: Buffer, at: number): number {
  if (at + 4 > source.length) throw new DamagedError('it ends too early');
  return source.readUInt32LE(at);
}
