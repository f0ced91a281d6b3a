/**
 * Reading of every compression that a Kafka producer may use. kafkajs itself knows gzip alone, unbounded, and one foreign
 * batch would stop its consumer for good. We write gzip only. A batch that unpacks to more than the bound is refused:
 * a megabyte on the wire may hold a gigabyte of zeros.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { Decompress as ZstdStream } from 'fzstd';
import kafkajs from 'kafkajs';
import { decompress as lz4Decompress, decompressBound as lz4Bound } from 'lz4js';
import { uncompress as snappyUncompress } from 'snappyjs';

/** `retriable` is read by kafkajs: the same batch would fail again. */
class CompressionError extends Error {
  override readonly name = 'CompressionError';
  readonly retriable = false;
}

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(compressed: Buffer): Promise<Buffer>;
}

/** Of one batch; brokers accept batches of 1 MB by default. */
const unpackedBytesMax = 128 * 1024 * 1024;

/** Java's SnappyOutputStream (xerial): magic, two versions of 4 bytes, then blocks, each after its length. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const xerialHeaderBytes = 16;

/** For the whole process, since kafkajs keeps its codecs in a module; doing it again changes nothing. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.GZIP] = () => gzipCodec;
  CompressionCodecs[CompressionTypes.Snappy] = () => readOnly('Snappy', unpackSnappy);
  CompressionCodecs[CompressionTypes.LZ4] = () => readOnly('LZ4', unpackLz4);
  CompressionCodecs[CompressionTypes.ZSTD] = () => readOnly('Zstandard', unpackZstd);
}

const gzipCodec: Codec = {
  compress: (encoder) => promisify(gzip)(encoder.buffer),
  decompress: async (compressed) => {
    try {
      return await promisify(gunzip)(compressed, { maxOutputLength: unpackedBytesMax });
    } catch (cause) {
      throw unreadable('gzip', cause);
    }
  },
};

function readOnly(name: string, unpack: (compressed: Uint8Array) => Uint8Array): Codec {
  return {
    compress: async () => {
      throw new CompressionError(`${name} can be read but not written; records are sent plain or with gzip`);
    },
    decompress: async (compressed) => {
      try {
        const unpacked = unpack(compressed);
        return Buffer.from(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength);
      } catch (cause) {
        throw unreadable(name, cause);
      }
    },
  };
}

function unpackSnappy(compressed: Uint8Array): Uint8Array {
  const buffer = Buffer.from(compressed.buffer, compressed.byteOffset, compressed.byteLength);
  if (!buffer.subarray(0, xerialMagic.length).equals(xerialMagic)) return snappyUncompress(buffer, unpackedBytesMax);
  const blocks: Uint8Array[] = [];
  let left = unpackedBytesMax;
  for (let offset = xerialHeaderBytes; offset < buffer.length;) {
    const start = offset + 4;
    const end = start + buffer.readInt32BE(offset);
    if (end < start || end > buffer.length) throw new Error('a block goes beyond the end');
    const block = snappyUncompress(buffer.subarray(start, end), left);
    blocks.push(block);
    left -= block.length;
    offset = end;
  }
  return Buffer.concat(blocks);
}

function unpackLz4(compressed: Uint8Array): Uint8Array {
  const bound = lz4Bound(compressed);
  if (bound > unpackedBytesMax) throw tooLarge();
  return lz4Decompress(compressed, bound);
}

/** As a stream, since Java's frames do not tell the size of what is in them. */
function unpackZstd(compressed: Uint8Array): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const stream = new ZstdStream((chunk) => {
    length += chunk.length;
    if (length > unpackedBytesMax) throw tooLarge();
    chunks.push(chunk);
  });
  stream.push(compressed, true);
  return Buffer.concat(chunks);
}

function tooLarge(): Error {
  return new Error(`it unpacks to more than ${unpackedBytesMax} bytes`);
}

function unreadable(codec: string, cause: unknown): CompressionError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CompressionError(`a batch compressed with ${codec} cannot be read: ${reason}`, { cause });
}
