/** Functions that change the state of a type which another file declares: by the types of what they assign to. */
import type { Expression, FunctionLikeDeclaration, Identifier, Node } from 'typescript/unstable/ast';
import {
  isArrayLiteralExpression,
  isBinaryExpression,
  isBindingElement,
  isCallExpression,
  isExpression,
  isIdentifier,
  isNewExpression,
  isObjectLiteralExpression,
  isPropertyAccessExpression,
  isVariableDeclaration,
  skipOuterExpressions,
} from 'typescript/unstable/ast';
import { type Change, changesIn, isAccess } from './changes.ts';
import { Declarations } from './declarations.ts';
import { functionName, outermostFunctionsIn } from './functions.ts';
import { lineOf, type Place, type Tree, type TreeFile } from './tree.ts';

/** One function with what it changes; `places` has at least one entry. */
export interface ForeignChanges {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly places: readonly Place[];
}

/** What they return is in the collection still. */
const ELEMENT_OF = new Set(['get', 'at', 'find', 'findLast']);

interface Candidate {
  readonly file: TreeFile;
  readonly node: FunctionLikeDeclaration;
  readonly changes: readonly Change[];
}

export function foreignChanges(tree: Tree): readonly ForeignChanges[] {
  const candidates = tree.files.flatMap((file) =>
    outermostFunctionsIn(file).map((node) => ({ file, node, changes: changesIn(node) })),
  );
  const declarations = new Declarations(tree);
  declarations.fetch(candidates.flatMap(({ changes }) => changes.flatMap(({ stored }) => pathOf(stored))));
  return candidates.flatMap((candidate) => {
    const places = foreignPlaces(candidate, declarations);
    const { file, node } = candidate;
    return places.length === 0
      ? []
      : [{ file: file.name, line: lineOf(file, node), name: functionName(node, file), places }];
  });
}

function foreignPlaces({ file, node, changes }: Candidate, declarations: Declarations): readonly Place[] {
  return changes.flatMap(({ kind, stored }) => {
    if (kind === 'called' && !declarations.isCollection(stored)) return [];
    const owners = ownersOf(stored, { around: node, declarations });
    if (owners.length === 0 || owners.includes(file.name)) return [];
    const text = `${functionName(node, file)} changes ${stored.getText(file.source)} of ${owners.join(', ')}`;
    return [{ file: file.name, line: lineOf(file, stored), text: text.replaceAll(/\s+/g, ' ') }];
  });
}

interface Context {
  readonly around: FunctionLikeDeclaration;
  readonly declarations: Declarations;
}

/**
 * The files that declare the type whose property is changed; none: no file of src, or an object that the function has
 * created. Collections own nothing, so that of `group.lists.get(key).push(…)` it is the type of `group`.
 */
function ownersOf(stored: Node, context: Context): readonly string[] {
  const place = skipOuterExpressions(stored);
  if (isAccess(place)) return ownersOfProperty(place.expression, place, context);
  if (isIdentifier(place)) return ownersOfName(place, context);
  // `group.lists.get(key) ?? []`
  if (isBinaryExpression(place)) return ownersOf(place.left, context);
  if (!isCallExpression(place) || !isPropertyAccessExpression(place.expression)) return [];
  const { expression: collection, name } = place.expression;
  const isTakenOut = ELEMENT_OF.has(name.text) && context.declarations.isCollection(collection);
  return isTakenOut ? ownersOf(collection, context) : [];
}

function ownersOfProperty(object: Node, property: Node, context: Context): readonly string[] {
  const place = skipOuterExpressions(object);
  const { declarations } = context;
  if (isIdentifier(place) && isCreated(place, context)) return [];
  const ofType = declarations.ofType(place);
  if (ofType.length > 0) return ofType;
  const ofProperty = declarations.ofProperty(property);
  return ofProperty.length > 0 ? ofProperty : ownersOf(place, context);
}

/** Of a local name for a property: `const { members } = group`, `const members = group.members`. */
function ownersOfName(name: Identifier, context: Context): readonly string[] {
  const declaration = context.declarations.declarationOf(name);
  if (declaration === undefined) return [];
  if (isVariableDeclaration(declaration))
    return declaration.initializer === undefined ? [] : ownersOf(declaration.initializer, context);
  if (!isBindingElement(declaration)) return [];
  const pattern = declaration.parent;
  const { parent } = pattern;
  const initializer = isVariableDeclaration(parent) ? parent.initializer : undefined;
  return ownersOfProperty(initializer ?? pattern, declaration, context);
}

/** In this function, by a literal or by `new`. */
function isCreated(name: Identifier, { around, declarations }: Context): boolean {
  const declaration = declarations.declarationOf(name);
  if (declaration === undefined || !isVariableDeclaration(declaration)) return false;
  const { initializer } = declaration;
  if (initializer === undefined || initializer.pos < around.pos || initializer.end > around.end) return false;
  const value = skipOuterExpressions(initializer);
  return isObjectLiteralExpression(value) || isArrayLiteralExpression(value) || isNewExpression(value);
}

/** The expressions whose types decide. */
function pathOf(stored: Expression): readonly Expression[] {
  const place = skipOuterExpressions(stored);
  if (isAccess(place) || isCallExpression(place)) return [place, ...pathOf(place.expression)];
  if (isBinaryExpression(place)) return pathOf(place.left);
  return isExpression(place) ? [place] : [];
}
