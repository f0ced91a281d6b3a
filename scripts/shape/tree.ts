/** The sources under src/, parsed and typed by the compiler's own API, and where a piece of text stands in them. */
import { realpathSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Node, SourceFile } from 'typescript/unstable/ast';
import { API, type Checker } from 'typescript/unstable/sync';

export interface TreeFile {
  /** From the project's root, with slashes. */
  readonly name: string;
  readonly source: SourceFile;
}

export interface Tree {
  readonly files: readonly TreeFile[];
  readonly checker: Checker;
  /** The compiler's path of a source → its name. */
  readonly names: ReadonlyMap<string, string>;
  close(): void;
}

/** What a figure is made of. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/** `folder` has a tsconfig.json that includes its src/. */
export function openTree(folder: string): Tree {
  const root = realpathSync(folder);
  const api = new API({ cwd: root });
  const configuration = join(root, 'tsconfig.json');
  const project = api.updateSnapshot({ openProjects: [configuration] }).getProject(configuration);
  if (project === undefined) throw new Error(`the compiler does not open ${configuration}`);
  const files = project.program.getSourceFileNames().flatMap((path) => {
    const name = relative(root, path).split(sep).join('/');
    const source = name.startsWith('src/') ? project.program.getSourceFile(path) : undefined;
    return source === undefined ? [] : [{ name, source }];
  });
  return {
    files: files.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    checker: project.checker,
    names: new Map(files.map(({ name, source }) => [source.path, name])),
    close: () => api.close(),
  };
}

/** From 1. */
export function lineOf({ source }: TreeFile, node: Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
}

/** From the first to the last line of the node, both included. */
export function lineCountOf(file: TreeFile, node: Node): number {
  return file.source.getLineAndCharacterOfPosition(node.getEnd()).line + 2 - lineOf(file, node);
}

/** As `wc -l` counts them. */
export const lineCount = (text: string): number => text.split('\n').length - 1;

/** The node and all below it, in the order of the text. */
export function* nodesIn(node: Node): Generator<Node> {
  yield node;
  const children: Node[] = [];
  node.forEachChild((child) => void children.push(child));
  for (const child of children) yield* nodesIn(child);
}
