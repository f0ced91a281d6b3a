/** Which id map, and how it finds ids. */
import type { GroupAttribute, UserAttribute } from '../../core/ids/look-up.ts';

export type IdSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'topic'; readonly topic: string }
  | { readonly kind: 'scim' };

export interface IdMapOptions {
  readonly source: IdSource;
  /** Of `scim`. */
  readonly userAttribute: UserAttribute;
  /** Of `scim`; `id`: the source names groups by the target's own ids. */
  readonly groupAttribute: GroupAttribute;
}

/** The map cannot be opened; the message names what is wrong and its remedy. */
export class IdMapError extends Error {
  override readonly name = 'IdMapError';
}
