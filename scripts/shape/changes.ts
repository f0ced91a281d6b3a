/** What a function changes, by its text alone: assigned properties, and calls that change a collection in place. */
import type { Expression, Node } from 'typescript/unstable/ast';
import {
  isArrayLiteralExpression,
  isAssignmentOperator,
  isBinaryExpression,
  isCallExpression,
  isDeleteExpression,
  isElementAccessExpression,
  isObjectLiteralExpression,
  isPostfixUnaryExpression,
  isPrefixUnaryExpression,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isSpreadAssignment,
  isSpreadElement,
  skipOuterExpressions,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { nodesIn } from './tree.ts';

/** `stored`: the property that gets another value, or the collection that a method is called of. */
export interface Change {
  readonly kind: 'assigned' | 'called';
  readonly stored: Expression;
}

const OF_ARRAYS = ['push', 'pop', 'shift', 'unshift', 'splice', 'sort', 'reverse', 'fill', 'copyWithin'];
const MUTATING = new Set([...OF_ARRAYS, 'set', 'add', 'delete', 'clear']);

export function changesIn(body: Node): readonly Change[] {
  return [...nodesIn(body)].flatMap((node) => [
    ...assignedBy(node)
      .filter(isAccess)
      .map((stored) => ({ kind: 'assigned' as const, stored })),
    ...calledBy(node),
  ]);
}

export const isAccess = (node: Node) => isPropertyAccessExpression(node) || isElementAccessExpression(node);

function assignedBy(node: Node): readonly Expression[] {
  if (isBinaryExpression(node)) return isAssignmentOperator(node.operatorToken.kind) ? targetsOf(node.left) : [];
  if (isPrefixUnaryExpression(node) || isPostfixUnaryExpression(node)) {
    const isStep = node.operator === SyntaxKind.PlusPlusToken || node.operator === SyntaxKind.MinusMinusToken;
    return isStep ? targetsOf(node.operand) : [];
  }
  return isDeleteExpression(node) ? targetsOf(node.expression) : [];
}

/** Of `[a.x, b.y] = …` and `({ x: a.x } = …)` each; of all else itself. */
function targetsOf(left: Expression): readonly Expression[] {
  const target = skipOuterExpressions(left);
  if (isArrayLiteralExpression(target)) return target.elements.flatMap(targetsOf);
  if (isSpreadElement(target)) return targetsOf(target.expression);
  if (!isObjectLiteralExpression(target)) return [target];
  return target.properties.flatMap((property) => {
    if (isPropertyAssignment(property)) return targetsOf(property.initializer);
    return isSpreadAssignment(property) ? targetsOf(property.expression) : [];
  });
}

function calledBy(node: Node): readonly Change[] {
  if (!isCallExpression(node)) return [];
  const callee = node.expression;
  if (!isPropertyAccessExpression(callee) || !MUTATING.has(callee.name.text)) return [];
  return [{ kind: 'called', stored: callee.expression }];
}
