/**
 * What polling is made of: an identity provider that is asked page by page and returns a cursor, and what a cursor
 * belongs to: a base address without its scheme, and the tenant where there is one.
 */
import type { SourceEvent } from '../../core/change/change.ts';
import { deletedGroup } from '../../formats/reading/reading.ts';
import type { IdpApi } from '../ports.ts';

/** What is remembered of a group: that there is one, and a fingerprint of its members where the source compares them. */
export interface GroupMark {
  readonly group: string;
  /** null: there is no such group any more. */
  readonly mark: string | null;
}

export interface Page {
  readonly events: readonly SourceEvent[];
  /** What they were read from; for dead letters. */
  readonly original: Uint8Array;
  /** From where to go on once all of it is written; null: not yet. */
  readonly cursor: string | null;
  /** Only where the source has fingerprints: that there is a group, its events tell. */
  readonly marks: readonly GroupMark[];
  /** There may be more, which is to be asked for at once. */
  readonly hasMore: boolean;
}

/** The cursor is of no use any more: what happened since cannot be listed change by change. */
export interface Lost {
  readonly kind: 'lost';
  readonly reason: string;
}

/** Group → mark, of all that are known. */
export type KnownGroups = ReadonlyMap<string, string>;

/** Rejects with IdpRefusal or IdpTrouble. */
export interface PollSource extends Scope {
  readonly name: 'okta' | 'entra' | 'auth0' | 'scim';
  /** The first cursor. `full`: after every group as a full state, each read to its last page. */
  start(from: 'full' | 'now', known: KnownGroups): AsyncIterable<Page>;
  /** Whether a text has the form of its cursors; what has not is never asked for. */
  isCursor(text: string): boolean;
  /** What came after the cursor. */
  read(cursor: string, known: KnownGroups): Promise<Page | Lost>;
}

const nothing = new Uint8Array();

/** A page of which only some parts matter. */
export const page = (parts: Partial<Page>): Page => ({
  events: [],
  original: nothing,
  cursor: null,
  marks: [],
  hasMore: true,
  ...parts,
});

export const lost = (reason: string): Lost => ({ kind: 'lost', reason });

/** Groups that were known, and are not there any more. */
export function goneGroups(known: KnownGroups, present: ReadonlySet<string>): Page | null {
  const gone = [...known.keys()].filter((group) => !present.has(group));
  if (gone.length === 0) return null;
  return page({ events: gone.map((group) => deletedGroup({ group })) });
}

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
