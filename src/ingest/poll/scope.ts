/** What a cursor belongs to: a base address, without its scheme, and the tenant where there is one. Pure. */
import type { IdpApi } from '../ports.ts';

export interface Scope {
  readonly scope: string;
  /** The name in former versions, which left the base path out, so that all sources of one host shared it; null: the same. */
  readonly formerScope: string | null;
}

export interface ScopeParts {
  /** The base path of nearly all sources of this kind; it is left out, as in former versions. */
  readonly usualPath?: string;
  readonly tenantId?: string;
}

export function scopeOf(
  { host, basePath }: Pick<IdpApi, 'host' | 'basePath'>,
  { usualPath = '', tenantId }: ScopeParts = {},
): Scope {
  const below = (address: string): string => (tenantId === undefined ? address : `${address}/${tenantId}`);
  if (basePath === usualPath) return { scope: below(host), formerScope: null };
  return { scope: below(`${host}${inKey(basePath === '' ? '/' : basePath)}`), formerScope: below(host) };
}

/**
 * Marks of groups lie below `<scope>/group/`, where no other scope may lie. Quotes and bars would break the command that
 * deletes a cursor.
 */
const inKey = (path: string): string =>
  path.replaceAll(/['|]|(?<=\/)g(?=roup(\/|$))/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
