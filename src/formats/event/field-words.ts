/** What columns and fields are called differs from product to product, so they are known by the words of their names. */
import { NAME_LENGTH_MAX } from './event-name.ts';
import { memoized } from '../reading/memo.ts';

/** `deletedAt`, `DELETED_AT` and `_deleted_at` alike. */
const wordsIn = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');

const KEPT_MAX = 10_000;

/** Asks once for each name of a column: tables have few columns. */
export function memoizedByWords<T>(ask: (words: string) => T): (name: string) => T {
  const answer = memoized((name) => ask(wordsIn(name)), KEPT_MAX);
  // No column has so long a name; to look through it, or to keep it, would cost too much.
  return (name) => (name.length > NAME_LENGTH_MAX ? ask('') : answer(name));
}
