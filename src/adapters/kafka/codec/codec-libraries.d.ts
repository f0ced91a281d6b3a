/** The decoder that comes without types of its own; what is used of it. */
declare module 'snappyjs' {
  /** @throws Error where the input is damaged or the output would be longer than `maxLength` bytes. */
  export function uncompress(compressed: Uint8Array, maxLength: number): Uint8Array;
}
