// The user endpoints, for reading: what a client needs to resolve people to user ids.
import { emptyAnswer, scimAnswer } from './answer.ts';
import { parseListFilter } from './filter.ts';
import { matchesVersion } from './groups.ts';
import { answered, refusedWith, type Handled, type SandboxRequest } from './request.ts';
import { SCIM_BASE } from './route.ts';
import { attributesOf, listAnswer, pageSize, project, type Resource } from './scim-list.ts';
import { rateRefusal, refuse } from './scim-error.ts';
import type { SandboxState } from './state.ts';
import type { User } from './users.ts';

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
      refuse(400, 'invalidFilter', 'Users are filtered by id, userName, externalId or active, with eq.'),
    );
  }
  return listAnswer(found, request.query, (user) => project(userResource(user), attributes));
}

// The vendor: "If nothing is specified, returns all active users"; inactive ones need `active eq false`.
function findUsers(state: SandboxState, filterText: string | null): readonly User[] | null {
  const everybody = state.users.list();
  if (filterText === null) return everybody.filter((user) => user.active);
  const filter = parseListFilter(filterText);
  if (filter === null) return null;
  switch (filter.attribute) {
    case 'id': {
      const user = state.users.find(filter.value);
      return user?.active ? [user] : [];
    }
    case 'username':
      return everybody.filter((user) => user.active && user.userName.toLowerCase() === filter.value.toLowerCase());
    case 'externalid':
      return everybody.filter((user) => user.active && user.externalId === filter.value);
    case 'active':
      return everybody.filter((user) => String(user.active) === filter.value.toLowerCase());
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
    ...(user.externalId !== null && { externalId: user.externalId }),
    meta: {
      resourceType: 'User',
      location: `${SCIM_BASE}/users/${encodeURIComponent(user.id)}`,
      version: String(USER_VERSION),
    },
  };
}
