/** A SCIM service provider with groups. `members` may be left out of lists, as some do. */
import { type Asked, found, type IdpServer, refused, type Reply, startIdp } from './server.ts';

export interface ScimListEmulator extends IdpServer {
  readonly groups: Map<string, readonly object[]>;
}

export const scimUser = (value: string) => ({ value, type: 'User' });

export async function startScimList({ listsMembers = true } = {}): Promise<ScimListEmulator> {
  const groups = new Map<string, readonly object[]>();
  const whole = (id: string): object => ({ id, displayName: id, members: groups.get(id) ?? [] });
  const list = ({ query }: Asked): Reply => {
    const start = Number(query.get('startIndex'));
    const ids = [...groups.keys()];
    const page = ids.slice(start - 1, start - 1 + Number(query.get('count')));
    const Resources = page.map((id) => (listsMembers ? whole(id) : { id, displayName: id }));
    return found({ totalResults: ids.length, startIndex: start, itemsPerPage: page.length, Resources });
  };
  const server = await startIdp((asked) => {
    if (asked.authorization !== 'Bearer list-token') return refused(401);
    if (asked.path === '/scim/v2/Groups') return list(asked);
    const [, id] = /^\/scim\/v2\/Groups\/([^/]+)$/.exec(asked.path) ?? [];
    const group = decodeURIComponent(id ?? '');
    return groups.has(group) ? found(whole(group)) : refused(404);
  });
  return { ...server, groups };
}
