/** JSON that came from elsewhere. Total: what cannot be read is undefined, never an exception. */

type Reviver = (key: string, value: unknown) => unknown;

/** undefined: the text is not JSON. */
export function jsonIn(text: string | null, reviver?: Reviver): unknown {
  try {
    return text === null ? undefined : JSON.parse(text, reviver);
  } catch {
    return undefined;
  }
}

/** undefined: the bytes are not JSON. Bytes that are not UTF-8 are replaced by U+FFFD. */
export const jsonInBytes = (bytes: Uint8Array, reviver?: Reviver): unknown =>
  jsonIn(new TextDecoder().decode(bytes), reviver);

/** Neither an array nor null. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
