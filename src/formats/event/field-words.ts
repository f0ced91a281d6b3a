/** What columns and fields are called differs from product to product, so they are known by the words of their names. */
import { NAME_LENGTH_MAX } from './event-name.ts';

/** `deletedAt`, `DELETED_AT` and `_deleted_at` alike. */
const wordsIn = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');

const KEPT_MAX = 10_000;

/** What is asked of a name, answered once: tables have few columns. */
export function remembered<T>(ask: (words: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    // No column is called so; to look through it, or to keep it, would cost too much.
    if (name.length > NAME_LENGTH_MAX) return ask('');
    const present = known.get(name);
    if (present !== undefined) return present;
    const answer = ask(wordsIn(name));
    if (known.size >= KEPT_MAX) known.clear();
    known.set(name, answer);
    return answer;
  };
}
