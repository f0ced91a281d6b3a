/**
 * What operators name by an id of the identity provider or of Genesys Cloud: what waits says which it is, and the id map, where that
 * is a table. Live records hold the ids of Genesys Cloud only of what the guard has judged (protocol.md 11.2).
 */
import type { Intent } from '../core/change/change.ts';
import { knownIn, meantBy } from '../core/ids/meant.ts';
import type { IdKind } from '../core/ids/resolution.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { IdRows } from './id-map.ts';
import { findWaiting, selects, type RetryTopic, type WaitingFilter, type WaitingIntent } from './retry-topic.ts';

/** What is known of ids. */
export interface Naming {
  /** Begins the errors. */
  readonly command: string;
  /** All that waits, of whichever group. */
  readonly waiting: readonly Intent[];
  /** null: the source has the target's own ids. */
  readonly ids: IdRows | null;
}

export interface NamedIds {
  readonly groups?: readonly string[];
  readonly members?: readonly string[];
}

/** Opens the id map where something is named. @throws ExitError where the table cannot be used */
export async function withNaming<T>(
  { openIds }: Pick<RetryTopic, 'openIds'>,
  { groups = [], members = [] }: NamedIds,
  work: (ids: IdRows | null) => T,
): Promise<T> {
  if (openIds === undefined || groups.length + members.length === 0) return work(null);
  const { ids, close } = await openIds();
  try {
    return work(ids);
  } finally {
    await close();
  }
}

/**
 * With the groups by the ids of the source, as far as those are known. A member may be named by either id: they are of one user.
 * @throws ExitError where an id is one group, or member, at the identity provider and another in Genesys Cloud, or is of several groups
 */
export function inOneMeaning<T extends NamedIds>(named: T, naming: Naming): T & { readonly groups: readonly string[] } {
  for (const member of named.members ?? []) meant('user', member, naming);
  const groups = (named.groups ?? []).flatMap((group) => [...(meant('group', group, naming) ?? [group])]);
  return { ...named, groups: [...new Set(groups)] };
}

/** @throws ExitError as `inOneMeaning`, where a table of ids says so */
export const demandOneGroup = (group: string, ids: IdRows | null): void =>
  void meant('group', group, { command: '--group', waiting: [], ids });

/** The filter by the ids of the source. @throws ExitError where an id means several, or is not known */
export function meantFilter(filter: WaitingFilter, naming: Naming): WaitingFilter {
  const sourcesOf = (kind: IdKind, names: readonly string[]): readonly string[] => [
    ...new Set(names.flatMap((name) => [...(meant(kind, name, naming) ?? unknown(kind, name, naming))])),
  ];
  const { groups, members } = filter;
  return {
    ...filter,
    ...(groups !== undefined && { groups: sourcesOf('group', groups) }),
    ...(members !== undefined && { members: sourcesOf('user', members) }),
  };
}

/** What waits and is named by the filter. @throws ExitError as `meantFilter` */
export async function findNamed(
  retry: RetryTopic,
  filter: WaitingFilter,
  command: string,
): Promise<readonly WaitingIntent[]> {
  const found = await findWaiting(retry, {});
  return withNaming(retry, filter, (ids) => {
    const waiting = found.map(({ intent }) => intent);
    const meantBySource = meantFilter(filter, { command, waiting, ids });
    return found.filter((each) => selects(meantBySource, each));
  });
}

/** The ids of the source that a name means; null: it is not known. @throws ExitError where it means several */
function meant(kind: IdKind, name: string, { command, waiting, ids }: Naming): ReadonlySet<string> | null {
  const found = meantBy(kind, name, [...knownIn(kind, waiting), ...rowsOf(kind, name, ids)]);
  if (found.kind === 'one') return found.sources;
  if (found.kind === 'unknown') return null;
  const shown = visible(name);
  const why =
    found.kind === 'shared'
      ? `${shown} is what Genesys Cloud calls ${[...found.sources].map(visible).toSorted().join(' and ')}; name one of them`
      : `${shown} is one ${WORDS[kind]} at the identity provider and another in Genesys Cloud; name each by an id that is its own`;
  throw new ExitError(EXIT.someFailed, `${command}: ${why}`);
}

const rowsOf = (kind: IdKind, name: string, ids: IdRows | null) =>
  (ids?.rowsAbout?.(kind, name) ?? []).map(({ sourceId, target }) => ({ source: sourceId, target }));

/** Where both sides have one name, it is the source's. @throws ExitError where they may have two */
function unknown(kind: IdKind, name: string, { command, ids }: Naming): readonly string[] {
  if (ids === null) return [name];
  const word = WORDS[kind];
  const shown = visible(name);
  if (ids.rowsAbout !== undefined)
    throw new ExitError(EXIT.someFailed, `${command}: neither the id map nor what waits names the ${word} ${shown}`);
  const nothing = `nothing waits of a ${word} that the identity provider calls ${shown}`;
  const why = 'what Genesys Cloud calls so is not known here (ID_MAP=scim)';
  const remedy = "name it by the identity provider's id, which reports show (`rollcall report`)";
  throw new ExitError(EXIT.someFailed, `${command}: ${nothing}, and ${why}: ${remedy}`);
}

const WORDS = { group: 'group', user: 'member' } as const;
