import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { executedFiles } from '../../scripts/shape/executed.ts';
import { longFunctions } from '../../scripts/shape/functions.ts';
import { circles, goingUp, merged } from '../../scripts/shape/graph.ts';
import { importLineCount, importsIn } from '../../scripts/shape/imports.ts';
import { foreignChanges } from '../../scripts/shape/owners.ts';
import { levelOf, roomOf } from '../../scripts/shape/rooms.ts';
import { openTree, type Tree } from '../../scripts/shape/tree.ts';

const endings: (() => void)[] = [];

function end(): void {
  for (const each of endings.splice(0).toReversed()) each();
}

afterEach(end);

/** The tree of these files of src/. */
function aTree(files: Readonly<Record<string, string>>): Tree {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-shape-'));
  endings.push(() => rmSync(folder, { recursive: true }));
  const options = { target: 'es2023', module: 'nodenext', allowImportingTsExtensions: true, noEmit: true, types: [] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['src'] }));
  mkdirSync(join(folder, 'src'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'src', name), text);
  const tree = openTree(folder);
  endings.push(() => tree.close());
  return tree;
}

const STATE = `export interface Group {
  target: string | null;
  count: number;
  label?: string;
  readonly waiting: string[];
  readonly members: Map<string, string[]>;
  flight: { covered: boolean } | null;
}
export class Member {
  pending = 0;
  readonly #names = new Set<string>();
  readonly lists = new Map<string, Group>();
  note(name: string): void { this.pending += 1; this.#names.add(name); }
}
export function ownChange(group: Group): void { group.count = 1; }
`;

const counted: readonly (readonly [what: string, text: string])[] = [
  ['an assignment', 'function f(group: Group) { group.target = null; }'],
  ['a compound assignment', 'function f(group: Group) { group.count += 1; }'],
  ['a step', 'function f(group: Group) { group.count++; }'],
  ['delete', 'function f(group: Group) { delete group.label; }'],
  ['destructuring', 'function f(group: Group) { [group.count] = [1]; }'],
  ['an index', "function f(group: Group) { group.waiting[0] = ''; }"],
  ['set of a map', "function f(group: Group) { group.members.set('a', []); }"],
  ['push to what a map holds', "function f(group: Group) { group.members.get('a')?.push('b'); }"],
  ['push with a default', "function f(group: Group) { (group.members.get('a') ?? []).push('b'); }"],
  ['a local name', 'function f(group: Group) { const { members } = group; members.clear(); }'],
  ['a parameter taken apart', "function f({ waiting }: Group) { waiting.push(''); }"],
  ['an object inside', 'function f(group: Group) { if (group.flight) group.flight.covered = true; }'],
  ['a derived type', "function f(group: Pick<Group, 'count'>) { group.count = 1; }"],
  ['a type parameter', 'function f<Kind extends Group>(group: Kind) { group.count = 1; }'],
  ['a callback', 'function f(groups: Group[]) { groups.forEach((group) => { group.count = 1; }); }'],
  ['an arrow function', 'const f = (group: Group): void => void (group.count = 1);'],
  ['what came with a new object', 'function f(group: Group) { const own = { group }; own.group.count = 1; }'],
  [
    'a method',
    'class A { #group: Group; constructor(group: Group) { this.#group = group; } f() { this.#group.count = 0; } }',
  ],
];

const notCounted: readonly (readonly [what: string, text: string])[] = [
  ['a field of the own class', 'class A { #x = 0; y = 0; f(): void { this.#x += 1; this.y = 1; } }'],
  ['an object of the own file', 'interface Own { x: number } export function f(own: Own) { own.x = 1; }'],
  [
    'a literal that it made',
    "function f() { const group = { count: 0, all: [''] }; group.count = 1; group.all.pop(); }",
  ],
  ['an instance that it made', 'function f() { const member = new Member(); member.pending = 1; }'],
  ['a copy', 'function f(group: Group) { const copy: Group = { ...group }; copy.count = 1; }'],
  ['a method of the owner', "function f(member: Member) { member.note('a'); }"],
  ['what is sorted as a copy', 'function f(group: Group) { return group.waiting.map(String).sort(); }'],
  ['a collection without an owner', "function f(names: Set<string>) { names.add('a'); }"],
  ['a variable', 'function f(group: Group) { let { count } = group; count += 1; return count; }'],
];

describe('changes of what another file owns', () => {
  /** File → names of the functions that do. */
  const found = new Map<string, readonly string[]>();
  const fileOf = (what: string): string => `${what.replaceAll(' ', '-')}.ts`;

  beforeAll(() => {
    const files: Record<string, string> = { 'state.ts': STATE };
    for (const [what, text] of [...counted, ...notCounted])
      files[fileOf(what)] = `import { type Group, Member } from './state.ts';\nexport ${text}\n`;
    const tree = aTree(files);
    for (const { file, name } of foreignChanges(tree)) found.set(file, [...(found.get(file) ?? []), name]);
    end();
  });

  test.each(counted)('%s counts', (what) => {
    expect(found.get(`src/${fileOf(what)}`)).toEqual([what === 'a method' ? 'A.f' : 'f']);
  });

  test.each(notCounted)('%s does not count', (what) => {
    expect(found.get(`src/${fileOf(what)}`)).toBeUndefined();
  });

  test('the owner may change its own', () => {
    expect(found.get('src/state.ts')).toBeUndefined();
  });
});

test('a circle is the largest set of files that import each other in the end', () => {
  const edges = ['ab', 'bc', 'ca', 'cd', 'de', 'ed', 'fa'].map(([from = '', to = '']) => ({ from, to }));
  expect(circles(edges)).toEqual([
    ['a', 'b', 'c'],
    ['d', 'e'],
  ]);
  expect(circles([{ from: 'a', to: 'b' }])).toEqual([]);
});

test('circles between rooms come from imports of several files, and not from those inside of one room', () => {
  const edges = [
    { from: 'src/ingest/a.ts', to: 'src/adapters/b.ts' },
    { from: 'src/adapters/c.ts', to: 'src/ingest/d.ts' },
    { from: 'src/core/e.ts', to: 'src/core/f.ts' },
    { from: 'src/core/f.ts', to: 'src/core/e.ts' },
  ];
  expect(circles(edges)).toHaveLength(1);
  expect(circles(merged(edges, roomOf))).toEqual([['adapters', 'ingest']]);
});

test.each([
  ['src/ports.ts', 'ports'],
  ['src/config/kafka.ts', 'config'],
  ['src/core/target/outcome.ts', 'core/target'],
  ['src/core/target/outcome.ts', 'core/target'],
  ['src/pipeline/state/member.ts', 'pipeline/state'],
  ['src/ingest/poll/poller.ts', 'ingest'],
])('%s stands in the room %s', (file, room) => {
  expect(roomOf(file)).toBe(room);
});

test('an import goes up from a lower room to a higher one', () => {
  const up = { from: 'src/core/target/snapshot.ts', to: 'src/pipeline/state/group.ts' };
  const edges = [
    up,
    { from: 'src/pipeline/state/group.ts', to: 'src/core/target/snapshot.ts' },
    { from: 'src/pipeline/apply/request.ts', to: 'src/pipeline/state/options.ts' },
    { from: 'src/formats/debezium/rows.ts', to: 'src/core/change/change.ts' },
  ];
  expect(goingUp(edges, levelOf)).toEqual([up]);
});

test('a room that the list does not name is an error', () => {
  expect(() => levelOf('src/utils/a.ts')).toThrow("put 'utils' into scripts/shape/rooms.ts");
  expect(() => levelOf('src/core/other/a.ts')).toThrow("put 'core/other'");
});

test('imports of types alone are distinguished from imports of values', () => {
  const tree = aTree({
    'state.ts': STATE,
    'other.ts': `import type { Group } from './state.ts';
import {
  type Member,
} from './state.ts';
export { Member as Again } from './state.ts';
export const load = () => import('./state.ts');
export const both = (group: Group, member: Member): unknown => [group, member];
`,
  });
  const found = importsIn(tree.files).map(({ line, isTypeOnly }) => [line, isTypeOnly]);
  expect(found).toEqual([
    [1, true],
    [2, true],
    [5, false],
    [6, false],
  ]);
  expect(tree.files.map(importLineCount)).toEqual([4, 0]);
});

test('a long function is named with its lines', () => {
  const tree = aTree({ 'long.ts': '\nexport function long() {\n\n\n}\nexport const short = () => 1;\n' });
  expect(longFunctions(tree.files, 3)).toEqual([{ file: 'src/long.ts', line: 2, text: 'long: 4 lines' }]);
  expect(longFunctions(tree.files, 4)).toEqual([]);
});

test('a file is executed when a function in it was called, not when it was only loaded', () => {
  const script = (path: string, functions: readonly (readonly [string, number, number])[]) => ({
    scriptId: '1',
    url: `file:///root/${path}`,
    functions: functions.map(([functionName, startOffset, count]) => ({
      functionName,
      ranges: [{ startOffset, endOffset: 99, count }],
      isBlockCoverage: false,
    })),
  });
  const scripts = [
    script('src/loaded.ts', [
      ['', 0, 1],
      ['idle', 5, 0],
    ]),
    script('src/called.ts', [
      ['', 0, 1],
      ['called', 5, 2],
    ]),
    script('test/called.ts', [['called', 5, 2]]),
  ];
  expect(executedFiles(scripts, 'file:///root/')).toEqual(['src/called.ts']);
});
