/** A function whose answers are kept: what a topic repeats (names of fields and events, codes) has few different values. */

/** A longer name of a field or an event says nothing, and is not kept. */
export const NAME_LENGTH_MAX = 256;

/** Beyond `entriesMax` all are forgotten, so that input of any kind stays within bounds. */
export function memoized<T>(ask: (text: string) => T, entriesMax: number): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const present = known.get(text);
    if (present !== undefined) return present;
    const answer = ask(text);
    if (known.size >= entriesMax) known.clear();
    known.set(text, answer);
    return answer;
  };
}

/** `deletedAt`, `DELETED_AT` and `_deleted_at` alike. */
const wordsIn = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');

const KEPT_MAX = 10_000;

/**
 * Asks once for each name of a column: tables have few columns. What columns and fields are called differs from product to product, so
 * they are known by the words of their names.
 */
export function memoizedByWords<T>(ask: (words: string) => T): (name: string) => T {
  const answer = memoized((name) => ask(wordsIn(name)), KEPT_MAX);
  // No column has so long a name; to look through it, or to keep it, would cost too much.
  return (name) => (name.length > NAME_LENGTH_MAX ? ask('') : answer(name));
}
