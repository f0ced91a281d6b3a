// The endpoints of groups and, for reading, of users: what a client needs to resolve people to user ids. Groups can neither be made
// nor deleted over SCIM: the vendor took these operations out in 2021.
import { emptyAnswer, rateRefusal, refuse, scimAnswer, type Refusal, type SandboxAnswer } from './answer.ts';
import { fitsVersion, matchesVersion, tagOf, type Group, type User, type UserDirectory } from './directory.ts';
import {
  SCIM_BASE,
  answered,
  attributesOf,
  includes,
  listAnswer,
  pageSize,
  parseListFilter,
  project,
  refusedWith,
  type Equality,
  type Handled,
  type Resource,
  type SandboxRequest,
} from './request.ts';
import { pick } from './seed.ts';
import type { SandboxState } from './state.ts';

const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PAGE_SAFE = 25;
const LARGE_PAGE_RETRY_SECONDS = 1;

export function handleGroup(state: SandboxState, request: SandboxRequest, id: string): Handled {
  switch (request.method) {
    case 'GET':
      return getGroup(state, request, id);
    case 'PATCH':
    case 'PUT':
      return writeGroup(state, request, id);
    default:
      return refusedWith({ status: 405, detail: `${request.method} is not supported for groups.` });
  }
}

export function listGroups(state: SandboxState, request: SandboxRequest): Handled {
  if (request.method !== 'GET') return refusedWith({ status: 405, detail: 'Groups cannot be created.' });
  const attributes = attributesOf(request.query);
  const tooMuch = (pageSize(request.query) ?? 0) > PAGE_SAFE && includes(attributes, 'members');
  if (tooMuch && state.behaviour.largePages === 'refused') return refusedWith(rateRefusal(LARGE_PAGE_RETRY_SECONDS));
  const filter = parseListFilter(request.query.get('filter') ?? '');
  if (filter === null)
    return refusedWith(refuse(400, 'invalidFilter', 'A filter is required: id eq "…" or displayName eq "…".'));
  const found = findGroups(state, filter);
  if (found === null) return refusedWith(refuse(400, 'invalidFilter', 'Groups are filtered by id or displayName.'));
  return listAnswer(found, request.query, (group) => project(groupResource(state, group), attributes));
}

function findGroups(state: SandboxState, filter: Equality): readonly Group[] | null {
  if (state.behaviour.filters === 'ignored') return state.groups.list();
  if (filter.attribute === 'id') {
    const group = state.groups.find(filter.value);
    return group ? [group] : [];
  }
  if (filter.attribute !== 'displayname') return null;
  // RFC 7643 section 4.2 leaves displayName's case open; its default for strings (section 2.2) is not exact.
  const wanted = filter.value.toLowerCase();
  return state.groups.list().filter((group) => group.displayName.toLowerCase() === wanted);
}

function getGroup(state: SandboxState, request: SandboxRequest, id: string): Handled {
  const group = state.groups.find(id);
  if (!group) return notFound('Group', id);
  const tags = { version: group.version, etag: tagOf(group.version, state.behaviour) };
  return readAnswer(request, tags, () => groupResource(state, group));
}

/** 304 where the client has this version already. */
function readAnswer(
  request: SandboxRequest,
  { version, etag }: Readonly<{ version: number; etag: string }>,
  resource: () => Resource,
): Handled {
  if (request.ifNoneMatch !== null && matchesVersion(request.ifNoneMatch, version)) {
    return answered(emptyAnswer(304, { etag }));
  }
  return answered(scimAnswer(200, project(resource(), attributesOf(request.query)), { etag }));
}

function notFound(what: 'Group' | 'User', id: string): Handled {
  return refusedWith({ status: 404, code: 'not.found', detail: `${what} ${JSON.stringify(id)} was not found.` });
}

function writeGroup(state: SandboxState, request: SandboxRequest, id: string): Handled {
  if (!/^application\/(scim\+)?json\b/i.test(request.contentType)) {
    return refusedWith({ status: 415, detail: 'Content-Type must be application/scim+json or application/json.' });
  }
  const { patch } = request;
  if (patch === null) return refusedWith(refuse(400, 'invalidSyntax', 'The body is not JSON.'));
  if (patch.refusal) return refusedWith(patch.refusal);
  const group = state.groups.find(id);
  if (!group) return notFound('Group', id);
  if (request.ifMatch !== null && !fitsVersion(request.ifMatch, group.version, state.behaviour)) {
    return refusedWith(versionConflict(state, group));
  }
  const write = state.groups.patch(group, patch.operations, {
    behaviour: state.behaviour,
    userExists: (user) => state.users.find(user) !== null,
    now: state.world.now(),
  });
  if (write.kind === 'refused') return write;
  const written = { version: write.group.version };
  return { kind: 'answered', answer: writeAnswer(state, request, write.group), written };
}

function writeAnswer(state: SandboxState, request: SandboxRequest, group: Group): SandboxAnswer {
  const etag = tagOf(group.version, state.behaviour);
  switch (state.behaviour.patchAnswer) {
    case 'group':
      return scimAnswer(200, project(groupResource(state, group), attributesOf(request.query)), { etag });
    case 'groupWithoutEtag':
      return scimAnswer(200, groupResource(state, group));
    case 'groupWithoutVersion': {
      const { meta: _meta, ...rest } = groupResource(state, group);
      return scimAnswer(200, rest);
    }
    case 'empty':
      return emptyAnswer(204, { etag });
    case 'emptyWithoutEtag':
      return emptyAnswer(204);
  }
}

function groupResource(state: SandboxState, group: Group): Resource {
  return {
    id: group.id,
    schemas: [GROUP_SCHEMA],
    displayName: group.displayName,
    ...memberList(state, group),
    meta: {
      resourceType: 'Group',
      lastModified: new Date(group.lastModifiedAt).toISOString(),
      location: `${SCIM_BASE}/groups/${encodeURIComponent(group.id)}`,
      version: state.behaviour.versionTag === 'weak' ? tagOf(group.version, state.behaviour) : String(group.version),
    },
  };
}

const MEMBERS_SHOWN_MAX = 100;

function memberList({ behaviour, mix, url }: SandboxState, { members, nested }: Group): { readonly members?: unknown } {
  const list = [...members].map((value) => ({
    type: nested.has(value) ? 'Group' : 'User',
    value,
    $ref: `${url}${SCIM_BASE}/${nested.has(value) ? 'groups' : 'users'}/${encodeURIComponent(value)}`,
  }));
  const form =
    behaviour.memberList === 'mixed' ? pick(mix, ['whole', 'whole', 'absent'] as const) : behaviour.memberList;
  switch (form) {
    case 'whole':
      return { members: list };
    case 'cut':
      return { members: list.slice(0, MEMBERS_SHOWN_MAX) };
    case 'absent':
      return {};
    case 'null':
      return { members: null };
  }
}

function versionConflict(state: SandboxState, group: Group): Refusal {
  const { conflict } = state.behaviour;
  const form = conflict === 'mixed' ? pick(state.mix, ['400', '409', '412'] as const) : conflict;
  switch (form) {
    case '400':
      return refuse(400, 'invalidVers', `If-Match does not match the current version ${group.version}.`);
    case '409':
      return { status: 409, shape: 'scim', detail: 'Version does not match current version.' };
    case '412':
      return { status: 412, detail: 'Precondition Failed' };
  }
}

const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
// Nothing here changes a user, so every user stays at its first version.
const USER_VERSION = 1;

export function handleUser(state: SandboxState, request: SandboxRequest, id: string): Handled {
  if (request.method !== 'GET') return refusedWith({ status: 405, detail: 'Users are read-only in the sandbox.' });
  const user = state.users.find(id);
  if (!user) return notFound('User', id);
  return readAnswer(request, { version: USER_VERSION, etag: `"${USER_VERSION}"` }, () => userResource(user));
}

export function listUsers(state: SandboxState, request: SandboxRequest): Handled {
  if (request.method !== 'GET') return refusedWith({ status: 405, detail: 'Users are read-only in the sandbox.' });
  const attributes = attributesOf(request.query);
  const whole = attributes.only.size === 0 && attributes.without.size === 0;
  if ((pageSize(request.query) ?? 0) > PAGE_SAFE && whole && state.behaviour.largePages === 'refused') {
    return refusedWith(rateRefusal(LARGE_PAGE_RETRY_SECONDS));
  }
  const found = findUsers(state, request.query.get('filter'));
  if (found === null) {
    return refusedWith(
      refuse(400, 'invalidFilter', 'Users are filtered by id, userName, email, externalId or active, with eq.'),
    );
  }
  return listAnswer(found, request.query, (user) => project(userResource(user), attributes));
}

// The vendor: "If nothing is specified, returns all active users"; inactive ones need `active eq false`.
function findUsers(state: SandboxState, filterText: string | null): readonly User[] | null {
  if (filterText === null || state.behaviour.filters === 'ignored') {
    return state.users.list().filter((user) => user.active);
  }
  const two = state.behaviour.twoConditions === 'applied' ? TWO_CONDITIONS.exec(filterText) : null;
  const first = conditionOf(two?.[1] ?? filterText);
  if (first === null) return null;
  const found = first.candidates(state.users).filter((user) => first.holds(user));
  if (two) return found.filter((user) => String(user.active) === two[2]?.toLowerCase());
  const showsInactive = first.attribute === 'active' || state.behaviour.inactiveUsers === 'shown';
  return found.filter((user) => user.active || showsInactive);
}

/** A quoted value ends with its quote, so nothing within one can be taken for the second condition. */
const TWO_CONDITIONS = /^(.*")\s+and\s+active\s+eq\s+(true|false)\s*$/is;

type Condition = Readonly<{
  attribute: string;
  candidates: (users: UserDirectory) => readonly User[];
  holds: (user: User) => boolean;
}>;

function conditionOf(text: string): Condition | null {
  const filter = parseListFilter(text);
  const holds = filter && comparison(filter);
  if (filter === null || holds === null) return null;
  const { attribute, value } = filter;
  // Where anybody is a user, only those that were put are listed; the others can be asked for by id.
  const byId = (users: UserDirectory): readonly User[] => [users.find(value)].filter((user) => user !== null);
  return { attribute, holds, candidates: attribute === 'id' ? byId : (users) => users.list() };
}

function comparison({ attribute, value }: Equality): Condition['holds'] | null {
  const lower = value.toLowerCase();
  switch (attribute) {
    case 'id':
      return ({ id }) => id === value;
    case 'username':
      return ({ userName }) => userName.toLowerCase() === lower;
    // The vendor's documents say `email`; RFC 7643 has the attribute `emails`.
    case 'email':
    case 'emails':
    case 'emails.value':
      return ({ email }) => email.toLowerCase() === lower;
    case 'externalid':
      return ({ externalId }) => externalId === value;
    case 'active':
      return ({ active }) => String(active) === lower;
    default:
      return null;
  }
}

function userResource(user: User): Resource {
  return {
    id: user.id,
    schemas: [USER_SCHEMA],
    active: user.active,
    userName: user.userName,
    displayName: user.userName,
    emails: [{ value: user.email, type: 'work', primary: true }],
    ...(user.externalId !== null && { externalId: user.externalId }),
    meta: {
      resourceType: 'User',
      location: `${SCIM_BASE}/users/${encodeURIComponent(user.id)}`,
      version: String(USER_VERSION),
    },
  };
}
