/** Snappy, raw as librdkafka writes it, or in the blocks of Java's SnappyOutputStream (xerial). */
import { uncompress } from 'snappyjs';
import { DamagedError, TooLargeError, UNPACKED_BYTES_MAX } from './unpacked.ts';

/** Then two versions of 4 bytes, then blocks, each after its length. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const xerialHeaderBytes = 16;
/** Three bytes come to 64 at most (a copy with a two-byte offset). */
const EXPANSION_MAX = 22;

/** @throws TooLargeError, DamagedError */
export function unpackSnappy(compressed: Buffer): Buffer {
  const blocks = blocksOf(compressed);
  const sizes = blocks.map(claimedSize);
  // Judged before anything is allocated.
  const claimed = sizes.reduce((sum, size) => sum + size, 0);
  if (claimed > UNPACKED_BYTES_MAX) throw new TooLargeError(claimed);
  if (claimed > compressed.length * EXPANSION_MAX) throw new DamagedError('it claims more than its bytes can come to');
  return Buffer.concat(blocks.map((block, i) => uncompress(block, sizes[i] ?? 0)));
}

function blocksOf(compressed: Buffer): readonly Buffer[] {
  if (!compressed.subarray(0, xerialMagic.length).equals(xerialMagic)) return [compressed];
  const blocks: Buffer[] = [];
  for (let offset = xerialHeaderBytes; offset < compressed.length;) {
    const start = offset + 4;
    if (start > compressed.length) throw new DamagedError('it ends too early');
    const end = start + compressed.readInt32BE(offset);
    if (end < start || end > compressed.length) throw new DamagedError('a block goes beyond the end');
    blocks.push(compressed.subarray(start, end));
    offset = end;
  }
  return blocks;
}

/** A varint before the data. */
function claimedSize(block: Buffer): number {
  let size = 0;
  for (let i = 0; i < 5; i += 1) {
    const byte = block[i];
    if (byte === undefined) break;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return size;
  }
  throw new DamagedError('the length before the data is none');
}
