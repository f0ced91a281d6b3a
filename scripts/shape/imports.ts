/** What files of src import of each other, and how much of a file is imports. */
import { posix } from 'node:path';
import type { ImportDeclaration, Node } from 'typescript/unstable/ast';
import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isImportExpression,
  isImportTypeNode,
  isLiteralTypeNode,
  isNamedExports,
  isNamedImports,
  isStringLiteral,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { lineCountOf, lineOf, nodesIn, type TreeFile } from './tree.ts';

export interface Import {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
  /** From 1. */
  readonly line: number;
}

export function importsIn(files: readonly TreeFile[]): readonly Import[] {
  const names = new Set(files.map(({ name }) => name));
  return files.flatMap((file) =>
    [...nodesIn(file.source)].flatMap((node) => {
      const module = moduleOf(node);
      if (module === undefined || !isStringLiteral(module) || !module.text.startsWith('.')) return [];
      const to = posix.join(posix.dirname(file.name), module.text);
      return names.has(to) ? [{ from: file.name, to, isTypeOnly: isTypeOnly(node), line: lineOf(file, node) }] : [];
    }),
  );
}

/** Lines of import declarations. */
export function importLineCount(file: TreeFile): number {
  return file.source.statements
    .filter(isImportDeclaration)
    .map((node) => lineCountOf(file, node))
    .reduce((sum, count) => sum + count, 0);
}

function moduleOf(node: Node): Node | undefined {
  if (isImportDeclaration(node) || isExportDeclaration(node)) return node.moduleSpecifier;
  if (isImportTypeNode(node)) return isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
  return isCallExpression(node) && isImportExpression(node.expression) ? node.arguments[0] : undefined;
}

function isTypeOnly(node: Node): boolean {
  if (isImportDeclaration(node)) return isTypeImport(node);
  if (!isExportDeclaration(node)) return isImportTypeNode(node);
  const { isTypeOnly: isWhole, exportClause } = node;
  return isWhole || (exportClause !== undefined && isNamedExports(exportClause) && areTypes(exportClause.elements));
}

function isTypeImport({ importClause: clause }: ImportDeclaration): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === SyntaxKind.TypeKeyword) return true;
  const { name, namedBindings } = clause;
  return (
    name === undefined &&
    namedBindings !== undefined &&
    isNamedImports(namedBindings) &&
    areTypes(namedBindings.elements)
  );
}

const areTypes = (names: readonly { readonly isTypeOnly: boolean }[]): boolean =>
  names.length > 0 && names.every(({ isTypeOnly }) => isTypeOnly);
