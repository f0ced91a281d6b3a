/** The documents: paths, scripts, variables and links that they name exist, and README.md begins with what a reader needs first. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { knownNames } from '../../src/config/variables.ts';
import { mutants } from '../mutants/catalogue.ts';

const root = new URL('../../', import.meta.url);
const textOf = (url: URL): string => readFileSync(fileURLToPath(url), 'utf8');

const documents = readdirSync(new URL('docs/', root)).map((name) => `docs/${name}`);
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'spec/README.md',
  'examples/keycloak-debezium/README.md',
  'examples/native-kcat/README.md',
  'examples/okta-webhook/README.md',
  ...documents,
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

test('the first screen of README.md has the drawing and the two commands', () => {
  const screen = textOf(new URL('README.md', root)).split('\n').slice(0, 40).join('\n');
  for (const needed of ['identity provider', '```text', 'npm run demo', 'npm test']) expect(screen).toContain(needed);
});

test('README.md leads to every document', () => {
  const readme = textOf(new URL('README.md', root));
  const wanted = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...documents];
  expect(wanted.filter((path) => !readme.includes(`](${path}`))).toEqual([]);
});

test.each(['SECURITY.md', 'README.md', 'docs/reference.md'])('%s names variables that exist', (path) => {
  const named = textOf(new URL(path, root)).match(/\b(?:ADMIN|GUARD|INGEST|KAFKA|OPERATOR|SCIM)_[A-Z_]+\b/g) ?? [];
  expect(named.filter((name) => !knownNames.includes(name))).toEqual([]);
});

const metricNamesIn = (text: string): ReadonlySet<string> => new Set(text.match(/\brollcall_[a-z_]+\b(?=['{`])/g));

test('docs/reference.md says how much of its files SQLite keeps while reports are counted', () => {
  const reference = textOf(new URL('docs/reference.md', root));
  const limits = { 'schema.ts': 'of the index', 'counting.ts': 'of that file' };
  for (const [name, what] of Object.entries(limits)) {
    const code = textOf(new URL(`src/adapters/record-index/${name}`, root));
    const kib = Number(/cache_size = -(\d+)/.exec(code)?.[1]);
    expect(reference).toContain(`${Math.round(kib / 1024)} MiB ${what}`);
    expect(textOf(new URL('src/adapters/record-index/counting.ts', root))).toContain(`${Math.round(kib / 1024)} MiB`);
  }
});

test('docs/reference.md has a row for each metric, and for nothing else', () => {
  const metrics = metricNamesIn(textOf(new URL('src/admin/metrics.ts', root)));
  const rows = textOf(new URL('docs/reference.md', root)).match(/^\| `rollcall_.*$/gm) ?? [];
  expect(metrics.size).toBeGreaterThan(20);
  expect(metricNamesIn(rows.join('\n'))).toEqual(metrics);
});

test('docs/proof.md has a row for each mutant, and for nothing else', () => {
  const [, table = ''] = textOf(new URL('docs/proof.md', root)).split('| mutant |');
  const rows = [...(table.split('\n\n')[0] ?? '').matchAll(/^\| (\w[\w-]*) \|/gm)].map(([, name]) => name);
  expect(rows).toHaveLength(mutants.length);
  expect(new Set(rows)).toEqual(new Set(mutants.map(({ name }) => name)));
});
