/** What the codecs share: a reader of bytes, the checksum of a batch, what one may come to, and the errors of a damaged one. */

/** Bytes, and numbers of variable length (protobuf's zigzag). Throws DamagedError where a length goes beyond the end. */
export class ByteReader {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  endOf(length: number): number {
    if (length < 0 || this.at + length > this.#bytes.length) throw new DamagedError('a length goes beyond the end');
    return this.at + length;
  }

  skip(length: number): void {
    this.at = this.endOf(length);
  }

  /** null: a length below 0. */
  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const start = this.at;
    this.at = this.endOf(length);
    return this.#bytes.subarray(start, this.at);
  }

  /** Zigzag, 32 bits. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    throw new DamagedError('a number is too long');
  }

  /** Zigzag, 64 bits. */
  varlong(): bigint {
    const start = this.at;
    let value = 0;
    // So far numbers are exact, and quicker.
    for (let scale = 1; scale < 2 ** 49; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(value % 2 === 0 ? value / 2 : -(value + 1) / 2);
    }
    this.at = start;
    return this.#longVarlong();
  }

  #longVarlong(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw new DamagedError('a number is too long');
  }

  #byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new DamagedError('it ends too early');
    this.at += 1;
    return byte;
  }
}

/** CRC-32C (Castagnoli), which Kafka's record batches carry; node's zlib has CRC-32 alone. */
const POLYNOMIAL = 0x82f63b78;

const table = new Int32Array(256).map((_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  return remainder;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  // Several times as quick as an iteration over the bytes.
  for (let at = 0; at < bytes.length; at += 1) crc = (table[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * Of one batch. Brokers accept batches of 1 MB by default, so that this is 64 times as much; a megabyte on the wire may hold
 * a gigabyte of zeros.
 */
export const UNPACKED_BYTES_MAX = 64 * 1024 * 1024;

/** A batch would come to more than `UNPACKED_BYTES_MAX`, or holds more than memory should. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';

  /** @param claimed What it says itself that it comes to, in bytes; null: it does not say; a text: why else. */
  constructor(claimed: number | string | null) {
    super(
      typeof claimed === 'string'
        ? claimed
        : claimed === null
          ? `it unpacks to more than the ${UNPACKED_BYTES_MAX} bytes that are allowed`
          : `it claims to unpack to ${claimed} bytes, ${UNPACKED_BYTES_MAX} are allowed`,
    );
  }
}

export class DamagedError extends Error {
  override readonly name = 'DamagedError';
}
