/** Comments and documents cite rules by document and section, as in `protocol.md 4.2`; each section that is cited exists. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Under `docs/`; the number of a section stands at the beginning of its heading. */
const documents = ['protocol.md', 'kafkajs.md', 'genesys.md'];

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const filesIn = (folder: string): string[] =>
  readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(?:ts|js|md)$/.test(path))
    .map((path) => `${folder}/${path}`);

const files = [
  ...['src', 'test', 'bench', 'scripts', 'docs', 'spec'].flatMap(filesIn),
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
].map((path) => ({ path, text: read(path) }));

/** Such as `4.2` or `A2`. */
const section = String.raw`[A-Z]?\d+(?:\.\d+)*`;

function sectionsOf(document: string): ReadonlySet<string> {
  const headings = read(`docs/${document}`).matchAll(new RegExp(String.raw`^#+ (${section})[.:]? `, 'gm'));
  return new Set([...headings].flatMap(([, number]) => number ?? []));
}

/** Of several sections that follow each other, each; a comment may break the line between them. */
function citationsOf(document: string): readonly { readonly path: string; readonly cited: string }[] {
  const name = String.raw`\b${document.replace('.', String.raw`\.`)}`;
  const gap = String.raw`\s+(?:\*\s+|//\s+)?`;
  const citation = new RegExp(String.raw`${name}${gap}(${section}(?:,${gap}${section})*)`, 'g');
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(citation)].flatMap(([, list = '']) =>
      [...list.matchAll(new RegExp(section, 'g'))].map(([cited]) => ({ path, cited })),
    ),
  );
}

test.each(documents)('sections of docs/%s that are cited exist, and are cited', (document) => {
  const sections = sectionsOf(document);
  const citations = citationsOf(document);
  expect(citations).not.toEqual([]);
  expect(citations.filter(({ cited }) => !sections.has(cited))).toEqual([]);
});

test('cross-references within docs/protocol.md exist', () => {
  const sections = sectionsOf('protocol.md');
  const references = [...read('docs/protocol.md').matchAll(/\((?:section )?(\d+(?:\.\d+)?(?:, \d+\.\d+)*)\)/g)]
    .flatMap(([, list = '']) => list.split(', '))
    .filter((number) => number.includes('.'));
  expect(references).not.toEqual([]);
  expect(references.filter((number) => !sections.has(number))).toEqual([]);
});

test('no document is cited that is not in the repository', () => {
  const foreign = /\b(?:design(?:\.md)?|facts\.md|genesys facts)\s+(?:\*\s+|\/\/\s+)?\d/;
  expect(files.filter(({ text }) => foreign.test(text)).map(({ path }) => path)).toEqual([]);
});
