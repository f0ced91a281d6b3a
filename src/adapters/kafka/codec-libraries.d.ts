/** The two decoders that come without types of their own; what is used of them. */
declare module 'snappyjs' {
  /** @throws Error where the input is damaged or the output would be longer than `maxLength` bytes. */
  export function uncompress(compressed: Uint8Array, maxLength: number): Uint8Array;
}

declare module 'lz4js' {
  /** Upper bound in bytes, read from the block headers. */
  export function decompressBound(frame: Uint8Array): number;
  export function decompress(frame: Uint8Array, maxLength: number): Uint8Array;
}
