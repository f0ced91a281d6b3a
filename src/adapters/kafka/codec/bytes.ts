/** What the codecs share: a reader and a writer of bytes, the checksum of a batch, what one may come to, and the errors of a damaged one. */

/** Bytes, and numbers of variable length (protobuf's zigzag). Throws DamagedError where a length goes beyond the end. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Of the next byte. */
  get at(): number {
    return this.#at;
  }

  /** @param at as `endOf` gave it: what lies before is left out. */
  moveTo(at: number): void {
    this.#at = at;
  }

  endOf(length: number): number {
    if (length < 0 || this.#at + length > this.#bytes.length) throw new DamagedError('a length goes beyond the end');
    return this.#at + length;
  }

  skip(length: number): void {
    this.#at = this.endOf(length);
  }

  /** null: a length below 0. */
  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const start = this.#at;
    this.#at = this.endOf(length);
    return this.#bytes.subarray(start, this.#at);
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
    const start = this.#at;
    let value = 0;
    // Up to 49 bits a number is exact, and quicker than a bigint.
    for (let scale = 1; scale < 2 ** 49; scale *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(value % 2 === 0 ? value / 2 : -(value + 1) / 2);
    }
    this.#at = start;
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
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new DamagedError('it ends too early');
    this.#at += 1;
    return byte;
  }
}

/** Writes what `ByteReader` reads, into bytes that have room for it. */
export class ByteWriter {
  readonly #bytes: Buffer;
  #at: number;

  /** @param start where it begins */
  constructor(bytes: Buffer, start = 0) {
    this.#bytes = bytes;
    this.#at = start;
  }

  /** Of the next byte. */
  get at(): number {
    return this.#at;
  }

  byte(value: number): void {
    this.#bytes[this.#at] = value;
    this.#at += 1;
  }

  bytes(content: Content): void {
    this.varint(lengthOf(content));
    if (typeof content === 'string') this.#at += this.#bytes.write(content, this.#at);
    else if (content !== null) {
      this.#bytes.set(content, this.#at);
      this.#at += content.length;
    }
  }

  /** Zigzag, 32 bits. */
  varint(value: number): void {
    let left = zigzag(value);
    for (; left >= 0x80; left >>>= 7) this.byte((left & 0x7f) | 0x80);
    this.byte(left);
  }
}

/** A text is written in UTF-8. */
export type Content = Uint8Array | string | null;

/** Without the length in front, which is -1 for null. */
const lengthOf = (content: Content): number => (content === null ? -1 : Buffer.byteLength(content));

const zigzag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0;

/** How many bytes the content takes, with its length in front. */
export function bytesOf(content: Content): number {
  const length = lengthOf(content);
  return bytesOfVarint(length) + Math.max(0, length);
}

/** 7 bits a byte. */
export const bytesOfVarint = (value: number): number => Math.ceil((32 - Math.clz32(zigzag(value) | 1)) / 7);

/** CRC-32C (Castagnoli), which Kafka's record batches carry; node's zlib has CRC-32 alone. */
const POLYNOMIAL = 0x82f63b78;
const STRIDE = 8;

/** At `n * 256 + byte`: the remainder of that byte with n zero bytes behind it. */
const table = new Int32Array(STRIDE * 256);
for (let byte = 0; byte < 256; byte += 1) {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0);
  table[byte] = remainder;
}
for (let at = 256; at < table.length; at += 1)
  table[at] = entry(0, table[at - 256] ?? 0) ^ ((table[at - 256] ?? 0) >>> 8);

function entry(following: number, byte: number): number {
  return table[(following << 8) | (byte & 0xff)] ?? 0;
}

/** Eight bytes at a time: three times as quick as one. */
export function crc32c(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = -1;
  let at = 0;
  for (; at + STRIDE <= bytes.length; at += STRIDE) {
    const first = crc ^ view.getInt32(at, true);
    const last = view.getInt32(at + 4, true);
    crc = entry(7, first) ^ entry(6, first >>> 8) ^ entry(5, first >>> 16) ^ entry(4, first >>> 24);
    crc ^= entry(3, last) ^ entry(2, last >>> 8) ^ entry(1, last >>> 16) ^ entry(0, last >>> 24);
  }
  for (; at < bytes.length; at += 1) crc = entry(0, crc ^ view.getUint8(at)) ^ (crc >>> 8);
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
