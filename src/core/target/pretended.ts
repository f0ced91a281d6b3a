/**
 * A group as a shadow shows it: as the target has it, with the changes on top that the shadow has accepted and never sent (protocol.md
 * 15.1). Versions go on growing with these changes, so that reads, conditional reads and `If-Match` are judged as ever.
 */
import { idKey } from '../change/change.ts';
import { isObject } from '../text/json.ts';
import { filteredMember, readGroupBody, type Membership, type PatchBody } from './snapshot.ts';
import { isOlderVersion, readEtag, type VersionTags } from './version.ts';

/** What differs from the group of the target: member by `idKey` → as it is spelled where it is in; null: it is out. */
export type PretendedMembers = ReadonlyMap<string, string | null>;

export interface Pretended {
  readonly members: PretendedMembers;
  /** How often its changes have moved the version; it never falls. */
  readonly moves: number;
  /** Version of the target at the last of them; null: there was none. */
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
  return decimal === null ? `${version.slice(0, -1)}.${moves}"` : `"${decimal + BigInt(moves)}"`;
}

/** What the target calls the version that the shadow has shown; null: it was shown before the last change, or is none. */
export function versionBehind(shown: string, { moves }: Pick<Pretended, 'moves'>): string | null {
  const decimal = decimalOf(shown);
  if (decimal !== null) return decimal < BigInt(moves) ? null : `"${decimal - BigInt(moves)}"`;
  const ending = `.${moves}"`;
  return shown.endsWith(ending) ? `${shown.slice(0, -ending.length)}"` : null;
}

function decimalOf(version: string): bigint | null {
  const digits = /^"(\d{1,30})"$/.exec(version)?.[1];
  return digits === undefined ? null : BigInt(digits);
}

/**
 * Without what the target shows by itself: another client has made the change. A read that is older than the last change of the shadow
 * says nothing of it, nor does a list that may leave the member out.
 */
export function withoutShown(pretended: Pretended, { members: shown, version }: TargetGroup): Pretended {
  if (isOlderVersion(version, pretended.since)) return pretended;
  const isShown = (key: string, spelling: string | null): boolean =>
    spelling === null ? !shown.isDoubtful && !shown.members.has(key) : shown.members.has(key);
  const members = [...pretended.members].filter(([key, spelling]) => !isShown(key, spelling));
  return members.length === pretended.members.size ? pretended : { ...pretended, members: new Map(members) };
}

/** After a PATCH that the shadow accepts. One that changes nothing does not move the version. */
export function afterPretending(pretended: Pretended, group: TargetGroup, body: PatchBody): Pretended {
  const members = new Map(pretended.members);
  const { isDoubtful } = group.members;
  const isIn = (key: string): boolean => {
    const spelling = members.get(key);
    return spelling === undefined ? group.members.members.has(key) : spelling !== null;
  };
  let hasMoved = false;
  for (const { op, path, value = [] } of body.Operations) {
    if (op === 'remove') {
      const key = idKey(filteredMember(path));
      // A list that may be cut may have left the member out.
      if (isIn(key) || (isDoubtful && members.get(key) !== null)) {
        members.set(key, null);
        hasMoved = true;
      }
      continue;
    }
    for (const { value: member } of value) {
      if (isIn(idKey(member))) continue;
      members.set(idKey(member), member);
      hasMoved = true;
    }
  }
  if (!hasMoved) return pretended;
  return withoutShown({ members, moves: pretended.moves + 1, since: group.version }, group);
}

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
  const added = [...pretended.members.values()].flatMap((value) => (value === null ? [] : { value, type: 'User' }));
  // With other members a list that may be cut would look whole: a member without a name says that it is not.
  const unnamed = isDoubtful ? [{}] : [];
  return { body: { ...body, members: [...left, ...added, ...unnamed], meta }, etag };
}

function hasLeft(entry: unknown, members: PretendedMembers): boolean {
  const value = isObject(entry) ? entry['value'] : null;
  return typeof value === 'string' && members.get(idKey(value)) === null;
}
