/**
 * Figures about the shape of src/, as a Markdown table: `npm run shape [-- --list]`. It is a ruler, not a gate: the exit
 * code is always 0. `--list` prints the places behind each figure.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { executedByOneAdd } from './shape/executed.ts';
import { longFunctions } from './shape/functions.ts';
import { circles, type Edge, goingUp, merged } from './shape/graph.ts';
import { importLineCount, importsIn } from './shape/imports.ts';
import { foreignChanges } from './shape/owners.ts';
import { levelOf, roomOf } from './shape/rooms.ts';
import { lineCount, openTree, type Place, type Tree, type TreeFile } from './shape/tree.ts';

const root = new URL('../', import.meta.url);
const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 350;

interface Figure {
  readonly name: string;
  readonly value: string;
  /** What it counts, a line each. */
  readonly places: readonly string[];
}

function figuresOf(tree: Tree): readonly Figure[] {
  return [...stateFigures(tree), ...sizeFigures(tree), ...importFigures(tree), castFigure(tree)];
}

function stateFigures(tree: Tree): readonly Figure[] {
  const found = foreignChanges(tree);
  return ['src/pipeline/', 'src/'].map((folder) => {
    const functions = found.filter(({ file }) => file.startsWith(folder));
    const fileCount = new Set(functions.map(({ file }) => file)).size;
    return {
      name: `functions that change state which another file owns, and their files: ${folder}`,
      value: `${functions.length} in ${fileCount}`,
      places: functions.flatMap(({ places }) => places).map(shown),
    };
  });
}

function sizeFigures({ files }: Tree): readonly Figure[] {
  const lines = (file: TreeFile): number => lineCount(file.source.text);
  const longFiles = files.filter((file) => lines(file) > FILE_LINES_MAX);
  const long = longFunctions(files, FUNCTION_LINES_MAX);
  return [
    { name: 'files / lines', value: `${files.length} / ${sum(files.map(lines))}`, places: [] },
    { name: `functions over ${FUNCTION_LINES_MAX} lines`, value: String(long.length), places: long.map(shown) },
    {
      name: `files over ${FILE_LINES_MAX} lines`,
      value: String(longFiles.length),
      places: longFiles.map((file) => `${file.name}: ${lines(file)} lines`),
    },
  ];
}

function importFigures({ files }: Tree): readonly Figure[] {
  const all = importsIn(files);
  const values = all.filter(({ isTypeOnly }) => !isTypeOnly);
  const pipeline = files.filter(({ name }) => name.startsWith('src/pipeline/'));
  const importLines = sum(pipeline.map(importLineCount));
  const share = importLines / sum(pipeline.map(({ source }) => lineCount(source.text)));
  const up = goingUp(all, levelOf);
  return [
    circleFigure('circles between files, by value imports', values),
    circleFigure('circles between files, by all imports', all),
    circleFigure('circles between rooms, by value imports', merged(values, roomOf)),
    circleFigure('circles between rooms, by all imports', merged(all, roomOf)),
    {
      name: 'imports that go up: value / type',
      value: `${up.filter((one) => !one.isTypeOnly).length} / ${up.filter((one) => one.isTypeOnly).length}`,
      places: up.map(({ from, line, to, isTypeOnly }) => `${from}:${line} ${isTypeOnly ? 'type' : 'value'} ${to}`),
    },
    { name: 'import lines in src/pipeline', value: `${(share * 100).toFixed(1)} %`, places: [] },
  ];
}

function circleFigure(name: string, edges: readonly Edge[]): Figure {
  const found = circles(edges);
  return { name, value: String(found.length), places: found.map((circle) => circle.join(' ⇄ ')) };
}

function castFigure({ files }: Tree): Figure {
  const ofSource = files.flatMap(({ name, source }) => castsIn(name, source.text));
  const tests = new URL('test/', root);
  const ofTests = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .toSorted()
    .flatMap((path) => castsIn(`test/${path.replaceAll('\\', '/')}`, readFileSync(new URL(path, tests), 'utf8')));
  return {
    name: '`as unknown as` in src / test',
    value: `${ofSource.length} / ${ofTests.length}`,
    places: [...ofSource, ...ofTests].map(shown),
  };
}

function castsIn(file: string, text: string): readonly Place[] {
  return text.split('\n').flatMap((line, index) => {
    const count = line.split(/\bas unknown as\b/).length - 1;
    return Array.from({ length: count }, () => ({ file, line: index + 1, text: line.trim() }));
  });
}

/** The log in memory stands for Kafka, and is left out: the rest is what a service with Kafka runs through, too. */
async function addFigure(): Promise<Figure> {
  const files = (await executedByOneAdd()).filter((file) => !file.startsWith('src/adapters/memory-log/'));
  const pipeline = files.filter((file) => file.startsWith('src/pipeline/'));
  return {
    name: 'files that one plain `add` runs through: pipeline / all but the log',
    value: `${pipeline.length} / ${files.length}`,
    places: files,
  };
}

const shown = ({ file, line, text }: Place): string => `${file}:${line} ${text}`;
const sum = (numbers: readonly number[]): number => numbers.reduce((one, other) => one + other, 0);

function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value }) => `| ${name} | ${value} |`);
  return ['| figure | value |', '| --- | --- |', ...rows].join('\n');
}

const listOf = ({ name, value, places }: Figure): string => `\n## ${name}: ${value}\n\n${places.join('\n')}`;

const { values } = parseArgs({ options: { list: { type: 'boolean', default: false } } });
const tree = openTree(fileURLToPath(root));
const figures = [...figuresOf(tree), await addFigure()];
tree.close();
console.log(tableOf(figures));
if (values.list) for (const figure of figures.filter(({ places }) => places.length > 0)) console.log(listOf(figure));
