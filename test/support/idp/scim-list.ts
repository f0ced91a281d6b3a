/** SCIM service providers with groups. `members` may be left out of lists, as some do. */
import { type Asked, found, type IdpServer, refused, type Reply, startIdp } from './server.ts';

type Groups = Map<string, readonly object[]>;

export interface ScimListEmulator extends IdpServer {
  readonly groups: Groups;
}

export const scimUser = (value: string) => ({ value, type: 'User' });

export async function startScimList({ listsMembers = true } = {}): Promise<ScimListEmulator> {
  const groups: Groups = new Map();
  return { ...(await startIdp(answering(new Map([['/scim/v2', groups]]), listsMembers))), groups };
}

/** Several on one host: base path → groups. */
export const startScimProviders = (providers: ReadonlyMap<string, Groups>): Promise<IdpServer> =>
  startIdp(answering(providers, true));

function answering(providers: ReadonlyMap<string, Groups>, listsMembers: boolean): (asked: Asked) => Reply {
  return (asked) => {
    if (asked.authorization !== 'Bearer list-token') return refused(401);
    const [, base = '', , id] = /^(.*)\/Groups(\/([^/]+))?$/.exec(asked.path) ?? [];
    const groups = providers.get(base);
    if (groups === undefined) return refused(404);
    const whole = (group: string): object => ({ id: group, displayName: group, members: groups.get(group) ?? [] });
    if (id !== undefined) {
      const group = decodeURIComponent(id);
      return groups.has(group) ? found(whole(group)) : refused(404);
    }
    const start = Number(asked.query.get('startIndex'));
    const ids = [...groups.keys()];
    const page = ids.slice(start - 1, start - 1 + Number(asked.query.get('count')));
    const Resources = page.map((group) => (listsMembers ? whole(group) : { id: group, displayName: group }));
    return found({ totalResults: ids.length, startIndex: start, itemsPerPage: page.length, Resources });
  };
}
