/**
 * Any SCIM service provider that lists its groups with their members (RFC 7644 3.4.2). There is no log of changes: the list
 * is read again and again, and groups whose members have changed are sent as full states. The cursor is the index of the
 * next page; `known/<index>` in the first round, which only remembers what there is.
 */
import { createHash } from 'node:crypto';
import { pathPart } from '../../core/change/change.ts';
import { IdpTrouble } from '../../core/ids/idp-failure.ts';
import { deletedGroup, fullState, textIn, type Fields } from '../../formats/reading/reading.ts';
import { membersIn, refusals } from '../../formats/scim/members.ts';
import type { IdpApi } from '../ports.ts';
import {
  fieldsOf,
  idOf,
  listField,
  page,
  scopeOf,
  type GroupMark,
  type KnownGroups,
  type Page,
  type PollSource,
} from './source.ts';

export interface ScimOptions {
  readonly api: IdpApi;
  readonly pageSize: number;
}

const CURSOR = /^(known\/)?([1-9]\d{0,8})$/;

export function scimSource({ api, pageSize }: ScimOptions): PollSource {
  /** Groups seen in this round; null: it began in a former life, so that what is missing says nothing. */
  let seen: Set<string> | null = null;
  return {
    name: 'scim',
    ...scopeOf(api, { usualPath: '/scim/v2' }),
    async *start(from, known) {
      // A group without a stored fingerprint is always sent.
      if (from === 'full') yield page({ cursor: '1', marks: [...known.keys()].map((group) => ({ group, mark: '' })) });
      else yield page({ cursor: 'known/1' });
    },
    isCursor: (text) => CURSOR.test(text),
    async read(cursor, known) {
      const [, prefix = '', index = '1'] = CURSOR.exec(cursor) ?? [];
      const startIndex = Number(index);
      if (startIndex === 1) seen = new Set();
      const list = await readList(api, startIndex, pageSize);
      const groups = await Promise.all(list.groups.map((group) => wholeGroup(api, group)));
      for (const { id } of groups) seen?.add(id);
      const changed = groups.filter(({ id, mark }) => known.get(id) !== mark);
      const isLast = list.next === null;
      const gone = isLast && seen !== null ? await goneOf(api, known, seen) : [];
      if (isLast) seen = null;
      return pageOf({ changed: prefix === '' ? changed : [], marked: changed, gone }, list.next, prefix);
    },
  };
}

interface Group {
  readonly id: string;
  readonly members: readonly string[];
  readonly mark: string;
  /** Members that are no users. */
  readonly refused: readonly string[];
}

interface Found {
  /** To be sent. */
  readonly changed: readonly Group[];
  readonly marked: readonly Group[];
  readonly gone: readonly string[];
}

function pageOf({ changed, marked, gone }: Found, next: number | null, prefix: string): Page {
  const refused = changed.flatMap((group) => refusals(group.refused, group.id));
  const states = changed.map(({ id, members }) => fullState({ group: id, members }));
  const marks: readonly GroupMark[] = [
    ...marked.map(({ id, mark }) => ({ group: id, mark })),
    ...gone.map((group) => ({ group, mark: null })),
  ];
  return page({
    events: [...states, ...gone.map((group) => deletedGroup({ group })), ...refused],
    original: Buffer.from(JSON.stringify(changed.map((group) => ({ id: group.id, refused: group.refused })))),
    marks,
    cursor: next === null ? '1' : `${prefix}${next}`,
    hasMore: next !== null,
  });
}

async function readList(
  api: IdpApi,
  startIndex: number,
  count: number,
): Promise<{ readonly groups: readonly Fields[]; readonly next: number | null }> {
  const fields = fieldsOf(await api.get(`/Groups?startIndex=${startIndex}&count=${count}`), 'list of groups');
  const { totalResults: total } = fields;
  if (typeof total !== 'number') throw new IdpTrouble('list of groups: `totalResults` is no number');
  const groups = fields['Resources'] === undefined ? [] : listField(fields, 'Resources', 'list of groups');
  const next = startIndex + groups.length;
  if (next > total) return { groups, next: null };
  if (groups.length === 0) throw new IdpTrouble(`list of groups: a page is empty although there are ${total} groups`);
  return { groups, next };
}

/** A list may leave the members out; the group itself has them, or else none (RFC 7643 2.5). */
async function wholeGroup(api: IdpApi, listed: Fields): Promise<Group> {
  const id = idOf(listed, 'list of groups');
  const whole = listed['members'] === undefined ? fieldsOf(await api.get(pathOf(id)), 'group') : listed;
  const entries = whole['members'] === undefined ? [] : listField(whole, 'members', 'group');
  const read = membersIn(entries);
  if (read === null || read.users.some((member) => textIn(member) === null))
    throw new IdpTrouble('group: a member has no `value`');
  const { users: members, refused } = read;
  return { id, members, refused, mark: fingerprint([...members, ...refused]) };
}

/** Of what was listed before and is not now: while a list changes, its pages may leave some out. */
async function goneOf(api: IdpApi, known: KnownGroups, seen: ReadonlySet<string>): Promise<readonly string[]> {
  const gone: string[] = [];
  for (const group of known.keys()) {
    if (!seen.has(group) && (await api.get(pathOf(group))).status === 404) gone.push(group);
  }
  return gone;
}

const pathOf = (group: string): string => `/Groups/${pathPart(group)}`;

/** Of the members, in any order. */
function fingerprint(members: readonly string[]): string {
  const hash = createHash('sha256');
  for (const member of members.toSorted()) hash.update(`${Buffer.byteLength(member)}:${member}`);
  return hash.digest('base64url').slice(0, 22);
}
