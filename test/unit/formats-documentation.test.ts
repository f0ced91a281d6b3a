/** docs/formats.md: each example means what stands below it, each environment and each mapping can be read. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeFile } from '../../src/commands/decode.ts';
import { readConfig } from '../../src/config/config.ts';
import { type FormatName, formatNames } from '../../src/formats/registry.ts';
import { aContext } from '../support/command-context.ts';
import { fencedBlocks } from '../support/fenced-blocks.ts';

const text = readFileSync(new URL('../../docs/formats.md', import.meta.url), 'utf8');
const blocks = fencedBlocks(text);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-formats-'));
  for (const { marks, content, line } of blocks)
    if (marks[0] === 'mapping') writeFileSync(join(folder, `mapping-${line}.json`), content);
});

afterAll(() => rmSync(folder, { recursive: true }));

const examples = blocks.flatMap(({ marks, content, line }, index) =>
  marks[0] === 'decode' ? [{ line, marks: marks.slice(1), records: content, means: blocks[index + 1] }] : [],
);

/** The mapping above the records. */
const mappingAbove = (line: number): string =>
  join(
    folder,
    `mapping-${blocks.findLast(({ marks, line: above }) => marks[0] === 'mapping' && above < line)?.line}.json`,
  );

describe.each(examples)('line $line', ({ line, marks, records, means }) => {
  const [name, ...settings] = marks;

  test(`reads as ${name} as it is written below`, async () => {
    const environment = Object.fromEntries(settings.map(nameAndValue));
    const context = aContext({ stdin: records, environment });
    const mapping = name === 'mapping' ? { mapping: mappingAbove(line) } : {};
    expect(
      await decodeFile('-', { format: name as FormatName, partitions: 3, ...mapping }, context),
      context.err(),
    ).toBe(0);
    expect(means?.marks).toEqual(['means']);
    expect(lines(context.out())).toEqual(lines(means?.content ?? '').map((line) => asFarAsStated(line)));
  });
});

function nameAndValue(setting: string): [string, string] {
  const at = setting.indexOf('=');
  return [setting.slice(0, at), setting.slice(at + 1)];
}

const lines = (ndjson: string): readonly unknown[] =>
  ndjson
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

function asFarAsStated(line: unknown): unknown {
  const { changes, ...header } = line as { changes?: readonly object[] };
  const of = changes === undefined ? [] : changes.map((change) => expect.objectContaining(change) as unknown);
  return expect.objectContaining({ ...header, changes: of });
}

test('every format has a section and an example', () => {
  const shown = new Set(examples.map(({ marks }) => marks[0]));
  for (const name of formatNames) {
    expect(text, name).toMatch(new RegExp(`^## .*\\(\`${name}\`\\)$`, 'm'));
    expect(shown, name).toContain(name);
  }
});

test('every link to a section of the page leads to one', () => {
  const anchor = (title: string): string =>
    title
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-');
  const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => anchor(title));
  const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, link = '']) => link);
  expect(links.filter((link) => !anchors.includes(link))).toEqual([]);
});

test.each(blocks.filter(({ language }) => language === 'env'))('line $line: it is a configuration', ({ content }) => {
  const environment = Object.fromEntries(content.trim().split('\n').map(nameAndValue));
  const config = readConfig(environment, ['topics', 'format'], () => '');
  expect(config.warnings).toEqual([]);
  expect(config.format.name).toBe(environment['SOURCE_FORMAT']);
});

test('full states of a table are read and written while nothing can write to it', () => {
  const script = blocks.find(({ content }) => content.includes('full-states.sql'))?.content ?? '';
  const steps = [
    'BEGIN;',
    'LOCK TABLE user_group_membership IN SHARE MODE;',
    '\\o | kcat -P',
    '\\i full-states.sql',
    '\\o\n',
    'COMMIT;',
  ];
  const places = steps.map((step) => script.indexOf(step));
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((one, other) => one - other));
});
