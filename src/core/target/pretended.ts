/**
 * A group as a shadow shows it: as the target has it, with the changes on top that the shadow has accepted and never sent (protocol.md
 * 15.1). Versions go on growing with these changes, so that reads, conditional reads and `If-Match` are judged as ever.
 */
import { idKey } from '../change/change.ts';
import { isObject } from '../text/json.ts';
import { filteredMember, readGroupBody, type Membership, type PatchBody } from './snapshot.ts';
import { isOlderVersion, readEtag, type VersionTags } from './version.ts';

/** As an answer lists a member. */
export interface Listed {
  readonly value: string;
  readonly type: 'User';
}

/** What differs from the group of the target: member by `idKey` → as an answer lists the member, where it is in; null: it is out. */
export type PretendedMembers = ReadonlyMap<string, Listed | null>;

export interface Pretended {
  readonly members: PretendedMembers;
  /** How often its changes have moved the version; it never falls. */
  readonly moves: number;
  /** The newest version of the target that was seen since the first of them; null: there was none. */
  readonly since: string | null;
}

/** The group of the target, as an answer shows it. */
export interface TargetGroup {
  readonly body: Readonly<Record<string, unknown>>;
  readonly members: Membership;
  /** `"42"`: the version of the body, which no proxy changes; else that of the header. */
  readonly version: string;
}

/** null: the body shows no group, or no version. */
export function targetGroup(body: unknown, etag: string | null): TargetGroup | null {
  const group = readGroupBody(body, etag);
  const version = group?.version ? plainVersion(group.version.tags) : null;
  return group === null || version === null || !isObject(body) ? null : { body, members: group.members, version };
}

const plainVersion = ({ etag, meta }: VersionTags): string | null => readEtag(meta) ?? readEtag(etag);

/** The version as the shadow shows it. Decimal ones keep their order. @param version as `"42"`. */
export function shownVersion(version: string, { moves }: Pick<Pretended, 'moves'>): string {
  const decimal = decimalOf(version);
  if (decimal !== null) return `"${decimal + BigInt(moves)}"`;
  return moves === 0 ? version : `${version.slice(0, -1)}.${moves}"`;
}

/** What the target calls the version that the shadow has shown; null: it was shown before the last change, or is none. */
export function versionBehind(shown: string, { moves }: Pick<Pretended, 'moves'>): string | null {
  const decimal = decimalOf(shown);
  if (decimal !== null) return decimal < BigInt(moves) ? null : `"${decimal - BigInt(moves)}"`;
  if (moves === 0) return shown;
  const ending = `.${moves}"`;
  return shown.endsWith(ending) ? `${shown.slice(0, -ending.length)}"` : null;
}

function decimalOf(version: string): bigint | null {
  const digits = /^"(\d{1,30})"$/.exec(version)?.[1];
  return digits === undefined ? null : BigInt(digits);
}

/**
 * What the target shows by itself, since another client has made the change: by `idKey`. A read that is older than `since`
 * says nothing of it, nor does a list that may leave the member out.
 */
export function shownByTarget({ members, since }: Pretended, group: TargetGroup): readonly string[] {
  if (members.size === 0 || isOlderVersion(group.version, since)) return [];
  return [...members.keys()].filter((key) => isShownSo(key, members.get(key) ?? null, group));
}

/** @param listed as it is on top of the target; null: it is out. */
const isShownSo = (key: string, listed: Listed | null, { members: { isDoubtful, members } }: TargetGroup): boolean =>
  listed === null ? !isDoubtful && !members.has(key) : members.has(key);

/** `since` after a read of this version: it does not fall where a read lags behind. */
export const newerSince = (since: string | null, version: string): string =>
  since !== null && isOlderVersion(version, since) ? since : version;

/** What a PATCH changes that the shadow accepts, as `PretendedMembers`; empty: nothing, and it does not move the version. */
export function changesOf({ members }: Pretended, group: TargetGroup, body: PatchBody): PretendedMembers {
  const changed = new Map<string, Listed | null>();
  const { isDoubtful } = group.members;
  const known = (key: string): Listed | null | undefined => (changed.has(key) ? changed.get(key) : members.get(key));
  const isIn = (key: string): boolean => {
    const listed = known(key);
    return listed === undefined ? group.members.members.has(key) : listed !== null;
  };
  for (const { op, path, value = [] } of body.Operations) {
    if (op === 'remove') {
      const key = idKey(filteredMember(path));
      // A list that may be cut may have left the member out.
      if (isIn(key) || (isDoubtful && known(key) !== null)) changed.set(key, null);
      continue;
    }
    for (const { value: member } of value)
      if (!isIn(idKey(member))) changed.set(idKey(member), { value: member, type: 'User' });
  }
  return changed;
}

/** Of changes that the shadow accepts, those that only undo what it has pretended: the target shows the members so by itself. */
export const undoneBy = (changed: PretendedMembers, { since }: Pretended, group: TargetGroup): readonly string[] =>
  isOlderVersion(group.version, since)
    ? []
    : [...changed].flatMap(([key, listed]) => (isShownSo(key, listed, group) ? key : []));

/** The body and the header of an answer that shows the group so. */
export function shownGroup(
  { body, members: { isDoubtful }, version }: TargetGroup,
  pretended: Pretended,
): { readonly body: unknown; readonly etag: string } {
  const etag = shownVersion(version, pretended);
  const meta = { ...(isObject(body['meta']) ? body['meta'] : {}), version: etag.slice(1, -1) };
  const listed: unknown = body['members'];
  // Where the target lists no members, it would list none after the changes either.
  if (pretended.members.size === 0 || !Array.isArray(listed)) return { body: { ...body, meta }, etag };
  const left = listed.filter((entry: unknown) => !hasLeft(entry, pretended.members));
  const added = [...pretended.members.values()].filter((each) => each !== null);
  // With other members a list that may be cut would look whole: a member without a name says that it is not.
  const unnamed = isDoubtful ? [{}] : [];
  return { body: { ...body, members: [...left, ...added, ...unnamed], meta }, etag };
}

function hasLeft(entry: unknown, members: PretendedMembers): boolean {
  const value = isObject(entry) ? entry['value'] : null;
  return typeof value === 'string' && members.get(idKey(value)) === null;
}
