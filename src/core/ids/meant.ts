/** Which groups, or members, of the source an operator means by an id of the identity provider or of Genesys Cloud. */
import { WHOLE_GROUP, idKey, type Intent } from '../change/change.ts';
import type { IdKind } from './resolution.ts';

/** What is known of one group, or of one member. */
export interface KnownId {
  /** By `idKey`; null: no source names it. */
  readonly source: string | null;
  /** null: not known. */
  readonly target: string | null;
}

/**
 * `two`: it is one at the identity provider and another in Genesys Cloud. `shared`: Genesys Cloud calls several groups of the source
 * so, each with changes of its own. Several members of the source are one user there, and are all meant. `sources`: by `idKey`.
 */
export type Meant =
  | { readonly kind: 'unknown' | 'two' }
  | { readonly kind: 'one' | 'shared'; readonly sources: ReadonlySet<string> };

export function meantBy(kind: IdKind, name: string, known: Iterable<KnownId>): Meant {
  const key = idKey(name);
  /** What the target calls the source's own `name`. */
  const targets = new Set<string>();
  /** Those that the target calls so; null: one that no source names. */
  const others = new Set<string | null>();
  let isSource = false;
  for (const { source, target } of known) {
    const targetKey = target === null ? null : idKey(target);
    if (source === key) {
      isSource = true;
      if (targetKey !== null) targets.add(targetKey);
    } else if (targetKey === key) others.add(source);
  }
  if (!isSource && others.size === 0) return { kind: 'unknown' };
  const isSameTarget = targets.size === 1 && targets.has(key);
  if (isSource && others.size > 0 && !isSameTarget) return { kind: 'two' };
  const sources = new Set([...others].filter((source) => source !== null));
  if (kind === 'user' || sources.size === 0) return { kind: 'one', sources: sources.add(key) };
  return isSource ? { kind: 'one', sources: new Set([key]) } : { kind: sources.size > 1 ? 'shared' : 'one', sources };
}

/** Of each intent, its group or its member. A target is recorded only where the guard has had a say. */
export function* knownIn(kind: IdKind, intents: Iterable<Intent>): Generator<KnownId> {
  for (const { group, member, namedBy, guard } of intents) {
    if (kind === 'group') yield { source: group, target: guard && (guard.groupTarget ?? group) };
    else if (namedBy === 'target') yield { source: null, target: member };
    else if (member !== WHOLE_GROUP) yield { source: member, target: guard && (guard.target ?? member) };
  }
}
