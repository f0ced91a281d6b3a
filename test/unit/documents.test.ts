/** CONTRIBUTING.md, SECURITY.md and the pages of examples: paths, scripts, variables and links that they name exist. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { knownNames } from '../../src/config/variables.ts';

const root = new URL('../../', import.meta.url);
const textOf = (url: URL): string => readFileSync(fileURLToPath(url), 'utf8');

const pages = [
  'CONTRIBUTING.md',
  'SECURITY.md',
  'examples/native-kcat/README.md',
  'examples/okta-webhook/README.md',
].map((path) => [path, new URL(path, root)] as const);

/** As GitHub makes them of headings. */
const anchorsOf = (page: string): readonly string[] =>
  [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

test.each(pages)('%s: what its links lead to is there', (_, url) => {
  const links = [...textOf(url).matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link = '']) => link);
  for (const link of links) {
    const target = new URL(link, url);
    const anchor = target.hash.slice(1);
    target.hash = '';
    expect(existsSync(fileURLToPath(target)), link).toBe(true);
    if (anchor !== '') expect(anchorsOf(textOf(target)), link).toContain(anchor);
  }
});

test.each(pages)('%s: the paths and the scripts that it names exist', (_, url) => {
  const page = textOf(url);
  const paths = [...page.matchAll(/`((?:\.github|bench|docs|scripts|spec|src|test)(?:\/[\w./-]+)?)`/g)];
  expect(paths.flatMap(([, path = '']) => (existsSync(fileURLToPath(new URL(path, root))) ? [] : path))).toEqual([]);
  const scripts = [...page.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
  expect(scripts.filter((name) => !(name in packageJson.scripts))).toEqual([]);
});

test('SECURITY.md names variables that exist', () => {
  const named = textOf(new URL('SECURITY.md', root)).match(/\b(?:ADMIN|INGEST|KAFKA|OPERATOR|SCIM)_[A-Z_]+\b/g) ?? [];
  expect(named.filter((name) => !knownNames.includes(name))).toEqual([]);
});
