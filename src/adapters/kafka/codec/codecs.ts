/**
 * Room adapters/kafka/codec: bytes of fetch answers → records, within bounds; records → bytes of produce requests.
 * Not here: connections and requests.
 *
 * Reading of every compression that a Kafka producer may use, within bounds; we write gzip only (write-batch.ts). kafkajs
 * has its own table of codecs, which it asks for the formats of messages before Kafka 0.11.
 */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import kafkajs from 'kafkajs';
import { uncompress } from 'snappyjs';
import { unpackLz4 } from './lz4.ts';
import { DamagedError, TooLargeError, UNPACKED_BYTES_MAX } from './bytes.ts';
import { unpackZstd } from './zstd.ts';
import { errorText } from '../../../core/text/visible.ts';

/** `retriable` is read by kafkajs: the same batch would fail again. */
class CompressionError extends Error {
  override readonly name = 'CompressionError';
  readonly retriable = false;
}

interface Compression {
  readonly name: string;
  /** @throws TooLargeError; anything else means damaged */
  unpack(compressed: Buffer): Promise<Buffer>;
}

export const GZIP = 1;

/** By the number that the attributes of a batch hold. */
const compressions: ReadonlyMap<number, Compression> = new Map([
  [GZIP, { name: 'gzip', unpack: unpackGzip }],
  [2, { name: 'Snappy', unpack: async (bytes: Buffer) => unpackSnappy(bytes) }],
  [3, { name: 'LZ4', unpack: async (bytes: Buffer) => unpackLz4(bytes) }],
  [4, { name: 'Zstandard', unpack: async (bytes: Buffer) => unpackZstd(bytes) }],
]);

/** For messages; `none` is one, too. */
export const compressionName = (type: number): string =>
  type === 0 ? 'uncompressed' : (compressions.get(type)?.name ?? `compression ${type}`);

/** @throws TooLargeError; anything else means damaged */
export async function unpack(type: number, bytes: Buffer): Promise<Buffer> {
  if (type === 0) return bytes;
  const compression = compressions.get(type);
  if (compression === undefined) throw new DamagedError('this compression is not known');
  return compression.unpack(bytes);
}

async function unpackGzip(compressed: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(compressed, { maxOutputLength: UNPACKED_BYTES_MAX });
  } catch (cause) {
    const isTooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge ? new TooLargeError(null) : cause;
  }
}

/** For the whole process, since kafkajs keeps its codecs in a module; doing it again changes nothing. */
export function registerCodecs(): void {
  const codecs: Record<number, () => unknown> = kafkajs.CompressionCodecs;
  for (const [type, compression] of compressions) codecs[type] = () => codecOf(compression);
}

const codecOf = ({ name, unpack: unpackBatch }: Compression) => ({
  compress: async (): Promise<never> => {
    throw new CompressionError(
      `${name} can be read but not written: kafkajs is handed batches that are written already`,
    );
  },
  decompress: async (compressed: Buffer): Promise<Buffer> => {
    try {
      return await unpackBatch(compressed);
    } catch (cause) {
      const reason = errorText(cause);
      throw new CompressionError(`a batch compressed with ${name} cannot be read: ${reason}`, { cause });
    }
  },
});

/**
 * Snappy, raw as librdkafka writes it, or in the blocks of Java's SnappyOutputStream (xerial).
 * Then two versions of 4 bytes, then blocks, each after its length.
 */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const xerialHeaderBytes = 16;
/** Three bytes come to 64 at most (a copy with a two-byte offset). */
const EXPANSION_MAX = 22;

/** @throws TooLargeError, DamagedError */
function unpackSnappy(compressed: Buffer): Buffer {
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
