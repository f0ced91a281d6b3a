// The user endpoints, for reading: what a client needs to resolve people to user ids.
import { emptyAnswer, scimAnswer } from './answer.ts';
import { matchesVersion } from './groups.ts';
import { parseListFilter, type Equality } from './patch.ts';
import {
  SCIM_BASE,
  answered,
  attributesOf,
  listAnswer,
  pageSize,
  project,
  refusedWith,
  type Handled,
  type Resource,
  type SandboxRequest,
} from './request.ts';
import { rateRefusal, refuse } from './scim-error.ts';
import type { SandboxState } from './state.ts';
import type { User, UserDirectory } from './users.ts';

const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
const PAGE_SAFE = 25;
const LARGE_PAGE_RETRY_SECONDS = 1;
// Nothing here changes a user, so every user stays at its first version.
const USER_VERSION = 1;

export function handleUser(state: SandboxState, request: SandboxRequest, id: string): Handled {
  if (request.method !== 'GET') return refusedWith({ status: 405, detail: 'Users are read-only in the sandbox.' });
  const user = state.users.find(id);
  if (!user)
    return refusedWith({
      status: 404,
      code: 'not.found',
      detail: `User ${JSON.stringify(id)} was not found.`,
    });
  const etag = `"${USER_VERSION}"`;
  if (request.ifNoneMatch !== null && matchesVersion(request.ifNoneMatch, USER_VERSION)) {
    return answered(emptyAnswer(304, { etag }));
  }
  return answered(scimAnswer(200, project(userResource(user), attributesOf(request.query)), { etag }));
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
