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

/** By `idKey`, in their order; of two spellings the first counts. */
export function distinctIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const distinct = new Map<string, string>();
  for (const id of ids) {
    const key = idKey(id);
    if (!distinct.has(key)) distinct.set(key, id);
  }
  return distinct;
}
