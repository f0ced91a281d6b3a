/**
 * Reading of every compression that a Kafka producer may use, within bounds; we write gzip only. kafkajs has its own table of
 * codecs, which it asks when it writes, and for the formats of messages before Kafka 0.11.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import kafkajs from 'kafkajs';
import { unpackLz4 } from './lz4.ts';
import { unpackSnappy } from './snappy.ts';
import { DamagedError, TooLargeError, UNPACKED_BYTES_MAX } from './unpacked.ts';
import { unpackZstd } from './zstd.ts';

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

const GZIP = 1;

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
  for (const [type, compression] of compressions) codecs[type] = () => codecOf(compression, type);
}

const codecOf = ({ name, unpack: unpackBatch }: Compression, type: number) => ({
  compress: async (encoder: { readonly buffer: Buffer }): Promise<Buffer> => {
    if (type === GZIP) return promisify(gzip)(encoder.buffer);
    throw new CompressionError(`${name} can be read but not written; records are sent plain or with gzip`);
  },
  decompress: async (compressed: Buffer): Promise<Buffer> => {
    try {
      return await unpackBatch(compressed);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new CompressionError(`a batch compressed with ${name} cannot be read: ${reason}`, { cause });
    }
  },
});
