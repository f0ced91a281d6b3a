// Which endpoint a path means. Identity providers append `/Groups` and `/Users` to the tenant URL, so these two also
// come in upper case.

export type Endpoint = 'token' | 'group' | 'groups' | 'user' | 'users' | 'config';
export type Route = Readonly<{ endpoint: Endpoint; id: string | null }>;

export const SCIM_BASE = '/api/v2/scim/v2';

const RESOURCE = /^\/api\/v2\/scim\/v2\/([Gg]roups|[Uu]sers)(?:\/([^/]+))?\/?$/;

/** null where nothing is there; an id that cannot be percent-decoded is no id. */
export function routeOf(path: string): Route | null {
  if (path === '/oauth/token') return { endpoint: 'token', id: null };
  if (path.toLowerCase() === `${SCIM_BASE}/serviceproviderconfig`) return { endpoint: 'config', id: null };
  const match = RESOURCE.exec(path);
  if (!match) return null;
  const plural = match[1]?.toLowerCase() === 'groups' ? 'groups' : 'users';
  if (match[2] === undefined) return { endpoint: plural, id: null };
  const id = decode(match[2]);
  return id === null ? null : { endpoint: plural === 'groups' ? 'group' : 'user', id };
}

export function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
