/** Words that say less than the field's own: a reader cannot search for them, and they leave the actor out. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

const FORBIDDEN: ReadonlySet<string> = new Set([
  'anew',
  'beaten',
  'foresight',
  'mend',
  'mended',
  'tenure',
  'untold',
  'whoever',
]);

const PLACES = ['README.md', 'ARCHITECTURE.md', 'bench', 'docs', 'scripts', 'src', 'test'];

test('files use the words of the field', () => {
  const found = PLACES.flatMap(filesIn).flatMap((path) =>
    forbiddenIn(readFileSync(`${root}${path}`, 'utf8')).map((word) => `${path}: ${word}`),
  );
  expect(found).toEqual([]);
});

test('words are found in names of any case, and not within other words', () => {
  expect(forbiddenIn('made anew; isUntold, READ_ANEW, #tenure')).toEqual(['anew', 'untold', 'anew', 'tenure']);
  expect(forbiddenIn('sane waits, amendment, unbeaten')).toEqual([]);
});

function filesIn(place: string): readonly string[] {
  if (place.endsWith('.md')) return [place];
  return readdirSync(`${root}${place}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:md|ts)$/.test(name))
    .map((name) => `${place}/${name.replaceAll('\\', '/')}`)
    .filter((path) => path !== 'test/unit/words.test.ts');
}

const forbiddenIn = (text: string): readonly string[] =>
  text
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => FORBIDDEN.has(word));
