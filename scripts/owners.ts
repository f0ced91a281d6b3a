/**
 * Fails where a function changes the state of an object whose type another file declares: each piece of mutable state has one
 * owner, with private fields. A part of `npm run lint`.
 */
import { fileURLToPath } from 'node:url';
import { foreignChanges } from './shape/owners.ts';
import { openTree } from './shape/tree.ts';

const tree = openTree(fileURLToPath(new URL('../', import.meta.url)));
const places = foreignChanges(tree).flatMap((found) => found.places);
tree.close();
for (const { file, line, text } of places) console.error(`${file}:${line} ${text}: give that a method which does it`);
process.exitCode = places.length > 0 ? 1 : 0;
