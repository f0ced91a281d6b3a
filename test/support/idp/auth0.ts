/** Auth0: the Events API as a stream that it closes now and then, and groups with their members. */
import { type Asked, found, type IdpServer, refused, type Reply, startIdp, Tokens } from './server.ts';

export interface Auth0Emulator extends IdpServer {
  readonly groups: Map<string, string[]>;
  event(type: string, group: string, member: string): void;
  expireOffsets(): void;
  /** The stream is not closed after what there is. */
  keepOpen(): void;
}

export async function startAuth0(): Promise<Auth0Emulator> {
  const tokens = new Tokens();
  const groups = new Map<string, string[]>();
  const events: { readonly type: string; readonly time: string; readonly json: object }[] = [];
  let expiredBelow = 0;
  let isOpen = false;

  const stream = ({ query }: Asked): Reply => {
    const from = query.get('from');
    if (from !== null && Number(from) < expiredBelow) return refused(410);
    const wanted = query.getAll('event_type');
    const since = query.get('from_timestamp') ?? '';
    const lines = events.flatMap(({ type, time, json }, offset) => {
      if (from === null ? time < since : offset < Number(from)) return [];
      const id = String(offset + 1);
      if (!wanted.includes(type)) return [`event: offset-only\nid: ${id}\ndata: {"offset":"${id}"}\n\n`];
      return [`event: ${type}\nid: ${id}\ndata: ${JSON.stringify({ offset: id, event: json })}\n\n`];
    });
    const body = `:connected\n\nretry: 2000\n\n${lines.join(': heartbeat\n\n')}`;
    const reply = { status: 200, headers: { 'content-type': 'text/event-stream' }, body };
    return isOpen ? { ...reply, isEndless: true } : reply;
  };
  const list = ({ query }: Asked, name: string, entries: readonly unknown[]): Reply => {
    const [from, take] = [Number(query.get('from') ?? 0), Number(query.get('take'))];
    const next = from + take < entries.length ? { next: String(from + take) } : {};
    return found({ [name]: entries.slice(from, from + take), ...next });
  };
  const server = await startIdp((asked, url) => {
    if (asked.path === '/oauth/token')
      return new URLSearchParams(asked.body).get('audience') === `${url}/api/v2/` ? tokens.issue(asked) : refused(403);
    const refusal = tokens.refusal(asked);
    if (refusal !== null) return refusal;
    if (asked.path === '/api/v2/events') return stream(asked);
    if (asked.path === '/api/v2/groups')
      return list(
        asked,
        'groups',
        [...groups.keys()].map((id) => ({ id })),
      );
    const [, group] = /^\/api\/v2\/groups\/([^/]+)\/members$/.exec(asked.path) ?? [];
    const members = groups.get(decodeURIComponent(group ?? ''));
    if (members === undefined) return refused(404);
    return list(
      asked,
      'members',
      members.map((id) => ({ id, member_type: 'user' })),
    );
  });
  return {
    ...server,
    groups,
    event: (type, group, member) => {
      const time = new Date(Date.now() + events.length).toISOString();
      const object =
        type === 'group.deleted'
          ? { id: group }
          : { group: { id: group }, member: { member_type: 'user', id: member } };
      const json = { specversion: '1.0', type, id: `evt_${events.length}`, time, data: { object } };
      events.push({ type, time, json });
    },
    expireOffsets: () => {
      expiredBelow = events.length + 1;
      events.push({ type: 'user.created', time: new Date().toISOString(), json: {} });
    },
    keepOpen: () => {
      isOpen = true;
    },
  };
}
