/** Microsoft's login host and Graph's groups/delta in one server: pages of one group each, tokens that expire, 410. */
import { type Asked, found, type IdpServer, refused, type Reply, startIdp, Tokens } from './server.ts';

export interface GraphEmulator extends IdpServer {
  readonly tokens: Tokens;
  readonly groups: Map<string, Set<string>>;
  /** Changes a membership, and remembers it for delta queries. */
  add(group: string, ...users: readonly string[]): void;
  remove(group: string, ...users: readonly string[]): void;
  delete(group: string): void;
  /** Delta tokens that were handed out before are answered like this. */
  expireTokens(reply?: Reply): void;
}

type Change = readonly [group: string, entry: object];

const user = (id: string, isRemoved = false) => ({
  '@odata.type': '#microsoft.graph.user',
  id,
  ...(isRemoved && { '@removed': { reason: 'deleted' } }),
});

export async function startGraph({ tokenUsesMax = Infinity } = {}): Promise<GraphEmulator> {
  const tokens = new Tokens(tokenUsesMax);
  const groups = new Map<string, Set<string>>();
  const changes: Change[] = [];
  const rounds = new Map<string, { readonly entries: readonly object[]; readonly end: number }>();
  let expired: { readonly below: number; readonly reply: Reply } = { below: 0, reply: refused(410) };

  /** One member a page, so that a group stands on several pages. */
  const snapshot = (): object[] =>
    [...groups].flatMap(([id, members]) =>
      members.size === 0
        ? [{ id, displayName: id }]
        : [...members].map((member) => ({ id, displayName: id, 'members@delta': [user(member)] })),
    );

  const pageOf = (name: string, index: number, url: string): Reply => {
    const round = rounds.get(name);
    if (round === undefined) return refused(400, 'badRequest');
    const entry = round.entries[index];
    const isLast = index >= round.entries.length - 1;
    const link = isLast
      ? { '@odata.deltaLink': `${url}/v1.0/groups/delta?$deltatoken=${round.end}` }
      : { '@odata.nextLink': `${url}/v1.0/groups/delta?$skiptoken=${name}.${index + 1}` };
    const context = 'https://graph.microsoft.com/v1.0/$metadata#groups';
    return found({ '@odata.context': context, ...link, value: entry === undefined ? [] : [entry] });
  };

  const delta = ({ query }: Asked, url: string): Reply => {
    const [skip, deltaToken] = [query.get('$skiptoken'), query.get('$deltatoken')];
    if (skip !== null) {
      const [name = '', index] = skip.split('.');
      return pageOf(name, Number(index), url);
    }
    if (deltaToken === null && query.get('$select') !== 'members') return refused(400, 'select members');
    const from = deltaToken === null || deltaToken === 'latest' ? null : Number(deltaToken);
    if (from !== null && from < expired.below) return expired.reply;
    const since = from === null ? [] : changes.slice(from).map(([, entry]) => entry);
    const name = `r${rounds.size}`;
    rounds.set(name, { entries: deltaToken === null ? snapshot() : since, end: changes.length });
    return pageOf(name, 0, url);
  };

  const server = await startIdp((asked, url) => {
    if (asked.path === '/tenant/oauth2/v2.0/token') return tokens.issue(asked);
    return tokens.refusal(asked) ?? (asked.path === '/v1.0/groups/delta' ? delta(asked, url) : refused(404));
  });
  const note = (group: string, members: readonly object[]): void =>
    void changes.push([group, { id: group, displayName: group, 'members@delta': members }]);
  return {
    ...server,
    tokens,
    groups,
    add: (group, ...users) => {
      const members = groups.get(group) ?? new Set();
      groups.set(group, members);
      for (const id of users) members.add(id);
      note(
        group,
        users.map((id) => user(id)),
      );
    },
    remove: (group, ...users) => {
      for (const id of users) groups.get(group)?.delete(id);
      note(
        group,
        users.map((id) => user(id, true)),
      );
    },
    delete: (group) => {
      groups.delete(group);
      changes.push([group, { id: group, '@removed': { reason: 'changed' } }]);
    },
    expireTokens: (reply = refused(410)) => {
      expired = { below: changes.length + 1, reply };
      changes.push(['', { id: 'nobody', displayName: 'renamed' }]);
    },
  };
}
