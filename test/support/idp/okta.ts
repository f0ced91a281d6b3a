/** Okta's System Log and groups, as far as polling needs them. Cursors are positions in the log; older ones can expire. */
import { type Asked, found, type IdpServer, refused, type Reply, startIdp } from './server.ts';

export interface OktaEmulator extends IdpServer {
  readonly groups: Map<string, string[]>;
  log(type: string, group: string, user: string): void;
  /** Cursors that were handed out before are not taken any more. */
  expireCursors(): void;
}

interface LogEvent {
  readonly uuid: string;
  readonly published: string;
  readonly eventType: string;
}

export async function startOkta(): Promise<OktaEmulator> {
  const events: LogEvent[] = [];
  const groups = new Map<string, string[]>();
  let expiredBelow = 0;
  const logPage = ({ query }: Asked, url: string): Reply => {
    const limit = Number(query.get('limit'));
    const after = query.get('after');
    if (query.get('sortOrder') !== 'ASCENDING' || query.has('until')) return refused(400, 'not a polling request');
    if (after !== null && Number(after) < expiredBelow) return refused(400, 'E0000001');
    const since = query.get('since') ?? '';
    const wanted = [...(query.get('filter') ?? '').matchAll(/eventType eq "([^"]+)"/g)].map(([, type]) => type);
    const from = after === null ? events.findIndex(({ published }) => published >= since) : Number(after);
    const start = from < 0 ? events.length : from;
    const page = events.slice(start, start + limit);
    query.set('after', String(start + page.length));
    const next = `<${url}/api/v1/logs?${String(query)}>; rel="next"`;
    const self = `<${url}/api/v1/logs?since=x>; rel="self"`;
    return found(
      page.filter(({ eventType }) => wanted.includes(eventType)),
      { link: `${self}, ${next}` },
    );
  };
  const list = ({ query, path }: Asked, url: string, entries: readonly unknown[]): Reply => {
    const limit = Number(query.get('limit'));
    const after = Number(query.get('after') ?? 0);
    const next = `<${url}${path}?after=${after + limit}&limit=${limit}>; rel="next"`;
    return found(entries.slice(after, after + limit), after + limit < entries.length ? { link: next } : {});
  };
  const server = await startIdp((asked, url) => {
    if (asked.authorization !== 'SSWS api-token') return refused(401);
    if (asked.path === '/api/v1/logs') return logPage(asked, url);
    if (asked.path === '/api/v1/groups')
      return list(
        asked,
        url,
        [...groups.keys()].map((id) => ({ id })),
      );
    const [, group] = /^\/api\/v1\/groups\/([^/]+)\/users$/.exec(asked.path) ?? [];
    const members = groups.get(decodeURIComponent(group ?? ''));
    return members === undefined
      ? refused(404)
      : list(
          asked,
          url,
          members.map((id) => ({ id })),
        );
  });
  return {
    ...server,
    groups,
    log: (eventType, group, user) => {
      const target = [
        { type: 'User', id: user },
        { type: 'UserGroup', id: group },
      ];
      const at = Date.now() + events.length;
      const rest = { outcome: { result: 'SUCCESS' }, target };
      events.push({ uuid: `u${events.length}`, published: new Date(at).toISOString(), eventType, ...rest });
    },
    expireCursors: () => {
      expiredBelow = events.length + 1;
      events.push({ uuid: 'hole', published: new Date().toISOString(), eventType: 'system.hole' });
    },
  };
}
