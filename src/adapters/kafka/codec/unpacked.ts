/** What a compressed batch may come to, and the error of one that cannot be unpacked. */
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
