/**
 * When two spellings are one id. A UUID is the same in any letter case (RFC 9562 4: written in lower case, read in any),
 * and identity providers differ in it; every other id is compared as it is.
 */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const UUID_LENGTH = 36;
const UPPER = /[A-F]/;

/** What an id is folded, superseded and compared by. Genesys Cloud writes its ids so. */
export const idKey = (id: string): string =>
  id.length === UUID_LENGTH && UPPER.test(id) && UUID.test(id) ? id.toLowerCase() : id;

export const isSameId = (one: string, other: string): boolean => one === other || idKey(one) === idKey(other);

/** A record's key, a character a byte: it may be no text. Two spellings of a group are one key. */
export const recordKey = (key: Uint8Array): string => idKey(BYTES.decode(key));

/** A character for each byte (https://encoding.spec.whatwg.org/#windows-1252). */
const BYTES = new TextDecoder('windows-1252');

/** By `idKey`, in their order; of two spellings the first counts. */
export function distinctIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const distinct = new Map<string, string>();
  for (const id of ids) {
    const key = idKey(id);
    if (!distinct.has(key)) distinct.set(key, id);
  }
  return distinct;
}
