/** Functions of a file: where they stand, what they are called, and how long they are. */
import type { FunctionLikeDeclaration, Node } from 'typescript/unstable/ast';
import {
  isArrowFunction,
  isClassLikeDeclaration,
  isConstructorDeclaration,
  isFunctionLikeDeclaration,
  isPropertyAssignment,
  isPropertyDeclaration,
  isVariableDeclaration,
} from 'typescript/unstable/ast';
import { lineCountOf, lineOf, nodesIn, type Place, type TreeFile } from './tree.ts';

/** With a body; callbacks included. */
function functionsIn(file: TreeFile): readonly FunctionLikeDeclaration[] {
  return [...nodesIn(file.source)].filter(isFunctionLikeDeclaration).filter(({ body }) => body !== undefined);
}

/** Those that stand in no other function: what a callback does is done by the function around it. */
export function outermostFunctionsIn(file: TreeFile): readonly FunctionLikeDeclaration[] {
  return functionsIn(file).filter((one) => !isInFunction(one));
}

function isInFunction(node: Node): boolean {
  for (let around: Node | undefined = node.parent; around !== undefined; around = around.parent)
    if (isFunctionLikeDeclaration(around)) return true;
  return false;
}

/** `name`, `Class.name`; of an arrow function the name of what it is the value of. */
export function functionName(node: FunctionLikeDeclaration, file: TreeFile): string {
  const { parent } = node;
  const named = isValueOf(parent) ? parent : node;
  const owner = named.parent;
  const prefix = isClassLikeDeclaration(owner) && owner.name !== undefined ? `${owner.name.getText(file.source)}.` : '';
  if (isConstructorDeclaration(named)) return `${prefix}constructor`;
  return isArrowFunction(named) ? '(anonymous)' : `${prefix}${named.name?.getText(file.source) ?? '(anonymous)'}`;
}

const isValueOf = (node: Node) =>
  isPropertyAssignment(node) || isPropertyDeclaration(node) || isVariableDeclaration(node);

export function longFunctions(files: readonly TreeFile[], linesMax: number): readonly Place[] {
  return files.flatMap((file) =>
    functionsIn(file).flatMap((node) => {
      const count = lineCountOf(file, node);
      const text = `${functionName(node, file)}: ${count} lines`;
      return count > linesMax ? [{ file: file.name, line: lineOf(file, node), text }] : [];
    }),
  );
}
