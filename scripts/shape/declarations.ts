/** In which files of src types and properties are declared, asked of the compiler and kept: each question is a round trip. */
import type { Node } from 'typescript/unstable/ast';
import {
  isIdentifier,
  isPropertyAccessExpression,
  isBindingElement,
  skipOuterExpressions,
} from 'typescript/unstable/ast';
import type { Checker, Symbol as TypeSymbol, Type } from 'typescript/unstable/sync';
import type { Tree } from './tree.ts';

const COLLECTIONS = new Set(['Array', 'Map', 'Set', 'WeakMap', 'WeakSet']);

export class Declarations {
  readonly #checker: Checker;
  readonly #names: ReadonlyMap<string, string>;
  readonly #types = new Map<Node, Type | undefined>();
  readonly #symbols = new Map<Node, TypeSymbol | undefined>();

  constructor({ checker, names }: Pick<Tree, 'checker' | 'names'>) {
    this.#checker = checker;
    this.#names = names;
  }

  /** Asks for all of them in two questions. */
  fetch(nodes: readonly Node[]): void {
    const types = this.#checker.getTypeAtLocation(nodes);
    for (const [index, node] of nodes.entries()) this.#types.set(node, types[index]);
    const named = nodes.map(nameIn).filter((node) => node !== undefined);
    const symbols = this.#checker.getSymbolAtLocation(named);
    for (const [index, node] of named.entries()) this.#symbols.set(node, symbols[index]);
  }

  isCollection(expression: Node): boolean {
    const types = this.#partsOf(skipOuterExpressions(expression));
    return types.some((type) => COLLECTIONS.has(type.getSymbol()?.name ?? '') && this.#filesOfType(type).length === 0);
  }

  /** Files of src that declare the type of the expression, or one of several. */
  ofType(expression: Node): readonly string[] {
    return [...new Set(this.#partsOf(expression).flatMap((type) => this.#filesOfType(type)))];
  }

  /** Files of src that declare the property: also where its object has a derived type, as `Pick<Group, …>`. */
  ofProperty(property: Node): readonly string[] {
    if (isBindingElement(property)) return this.#filesOfBinding(property);
    const name = nameIn(property);
    return name === undefined || !isPropertyAccessExpression(property) ? [] : this.#filesOf(this.#symbolOf(name));
  }

  declarationOf(name: Node): Node | undefined {
    return this.#symbolOf(name)?.valueDeclaration?.resolve();
  }

  #filesOfBinding(element: Node): readonly string[] {
    if (!isBindingElement(element)) return [];
    const name = (element.propertyName ?? element.name)?.getText();
    const object = this.#typeOf(element.parent);
    if (name === undefined || object === undefined) return [];
    return this.#filesOf(this.#checker.getPropertyOfType(object, name));
  }

  #partsOf(expression: Node): readonly Type[] {
    const type = this.#typeOf(expression);
    return type === undefined ? [] : this.#flattened(type);
  }

  #flattened(type: Type): readonly Type[] {
    if (type.isUnionType() || type.isIntersectionType())
      return (type.getTypes() ?? []).flatMap((part) => this.#flattened(part));
    if (!type.isTypeParameter() || type.isThisType) return [type];
    const constraint = this.#checker.getBaseConstraintOfType(type);
    return constraint === undefined ? [] : this.#flattened(constraint);
  }

  #filesOfType(type: Type): readonly string[] {
    const files = this.#filesOf(type.getSymbol());
    return files.length > 0 ? files : this.#filesOf(type.getAliasSymbol());
  }

  #filesOf(symbol: TypeSymbol | undefined): readonly string[] {
    return (symbol?.declarations ?? []).flatMap(({ path }) => this.#names.get(path) ?? []);
  }

  #typeOf(node: Node): Type | undefined {
    if (!this.#types.has(node)) this.#types.set(node, this.#checker.getTypeAtLocation(node));
    return this.#types.get(node);
  }

  #symbolOf(name: Node): TypeSymbol | undefined {
    if (!this.#symbols.has(name)) this.#symbols.set(name, this.#checker.getSymbolAtLocation(name));
    return this.#symbols.get(name);
  }
}

/** Whose symbol says what an expression is about. */
function nameIn(node: Node): Node | undefined {
  if (isIdentifier(node)) return node;
  return isPropertyAccessExpression(node) ? node.name : undefined;
}
