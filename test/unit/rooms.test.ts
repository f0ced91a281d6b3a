/** The rooms of src/: each folder says what belongs into it, no import goes up, and ARCHITECTURE.md lists them as they say. */
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { circles, goingUp, merged } from '../../scripts/shape/graph.ts';
import { importsIn } from '../../scripts/shape/imports.ts';
import { levelOf, roomOf } from '../../scripts/shape/rooms.ts';
import { openTree } from '../../scripts/shape/tree.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const tree = openTree(root);
afterAll(() => tree.close());

const imports = importsIn(tree.files);
const isIn = (folder: string, name: string): boolean => name.startsWith(`src/${folder}/`);

/** `src/ingest/poll/poller.ts` → `ingest/poll`; a file that stands in no folder of src/ is by itself. */
const folderOf = (name: string): string =>
  posix.dirname(name) === 'src' ? name : posix.dirname(name).slice('src/'.length);

const folders = [...new Set(tree.files.map(({ name }) => folderOf(name)))].filter((name) => !name.startsWith('src/'));

interface Header {
  readonly file: string;
  readonly room: string;
  readonly text: string;
}

/** At the top of the file; what follows is about the file alone. */
const HEADER = /^\/\*\*\n \* Room (?<room>\S+): (?<text>.+)\.\n \* Not here: .+\.\n \*(?:\/|\n)/;

const headers: readonly Header[] = tree.files.flatMap(({ name, source }) => {
  const { room, text } = HEADER.exec(source.text)?.groups ?? {};
  return room === undefined || text === undefined ? [] : [{ file: name, room, text }];
});

describe('headers of rooms', () => {
  test.each(folders)('src/%s has one, in one of its own files', (folder) => {
    const found = headers.filter(({ room }) => room === folder);
    expect(
      found.map(({ file }) => folderOf(file)),
      `src/${folder}: \`Room ${folder}: …\` and \`Not here: …\` at the top of its main file, and of no other`,
    ).toEqual([folder]);
  });

  test('whatever looks like one is one, of its own folder', () => {
    const mentions = tree.files.filter(({ source }) => /^\s*(?:\*|\/[/*]+) *Room \S+:/m.test(source.text));
    expect(mentions.map(({ name }) => name)).toEqual(headers.map(({ file }) => file));
    expect(headers.filter(({ file, room }) => folderOf(file) !== room)).toEqual([]);
  });

  test('ARCHITECTURE.md has a row for each, with the same words', () => {
    const page = readFileSync(`${root}ARCHITECTURE.md`, 'utf8');
    const rows = [...page.matchAll(/^\| `src\/([\w/-]+)\/` \| (.+) \|$/gm)].map(([, room, text]) => [room, text]);
    expect(rows).toEqual(headers.toSorted((a, b) => (a.room < b.room ? -1 : 1)).map(({ room, text }) => [room, text]));
  });
});

describe('imports between rooms', () => {
  test('none goes up', () => {
    expect(tree.files.length).toBeGreaterThan(200);
    expect(goingUp(imports, levelOf)).toEqual([]);
  });

  test.each([
    ['rooms', roomOf],
    ['folders', folderOf],
  ])('there is no circle between %s', (_, ownerOf) => {
    expect(circles(merged(imports, ownerOf))).toEqual([]);
  });

  test('only the program imports the lab', () => {
    const outside = imports.filter(({ from, to }) => isIn('lab', to) && !isIn('lab', from));
    expect(outside.map(({ from, to }) => `${from} ${to}`)).toEqual([
      'src/cli.ts src/lab/commands.ts',
      'src/cli.ts src/lab/commands.ts',
    ]);
  });
});

describe.each(['commands', 'lab/commands'])('src/%s', (folder) => {
  const files = tree.files.filter(({ name }) => isIn(folder, name));

  test.each(files.map(({ name, source }) => [name, source.text] as const))('%s is a command', (_, text) => {
    expect(text.match(/^export function \w+Command\(context: CommandContext\): Command \{$/gm)).toHaveLength(1);
  });

  test('only the program and a command above it import one', () => {
    const importers = ['src/cli.ts', 'src/lab/commands.ts'];
    const found = imports.filter(({ from, to }) => isIn(folder, to) && !importers.includes(from));
    expect(found.filter(({ from, to }) => !to.startsWith(from.replace(/\.ts$/, '-')))).toEqual([]);
  });
});
