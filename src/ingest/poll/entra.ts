/**
 * Microsoft Graph's delta query of groups. Its links are the cursor: `nextLink` within a round, `deltaLink` between two.
 * Without a token it tells the present members of all groups, over many pages and in any order, so that full states can be
 * made only after the last page (https://learn.microsoft.com/graph/delta-query-groups). Tokens live for seven days.
 */
import type { Hint, Invalid, SourceEvent } from '../../core/change/change.ts';
import { IdpTrouble } from '../../core/ids/idp-failure.ts';
import { entra } from '../../formats/entra/entra.ts';
import { fieldsIn, fullState, readJson, textIn, type Fields } from '../../formats/reading/reading.ts';
import type { IdpAnswer, IdpApi } from '../ports.ts';
import {
  PagesRead,
  fieldsOf,
  goneGroups,
  idOf,
  listField,
  lost,
  page,
  recordOf,
  scopeOf,
  type KnownGroups,
  type Page,
  type PollSource,
} from './source.ts';

export interface EntraOptions {
  readonly api: IdpApi;
  readonly tenantId: string;
}

const DELTA = '/v1.0/groups/delta?$select=members';
/** OData permits the longer name of the function. */
const CURSOR = /^\/v1\.0\/groups\/(microsoft\.graph\.)?delta(\(\))?\?(\S+&)?(\$|%24)(skip|delta)token=\S+$/i;

export const entraSource = ({ api, tenantId }: EntraOptions): PollSource => ({
  name: 'entra',
  ...scopeOf(api, { tenantId }),
  async *start(from, known) {
    if (from === 'full') yield* allGroups(api, known);
    else yield page({ cursor: await latest(api) });
  },
  isCursor: (text) => CURSOR.test(text),
  read: async (cursor) => {
    const answer = await api.get(cursor);
    const reason = lossIn(answer);
    if (reason !== null) return lost(reason);
    const { path, isLast } = linkIn(fieldsOf(answer, 'delta query'), api);
    const events = entra.decode(recordOf(answer.body), { partitionCount: 1 });
    return page({ events, original: answer.body, cursor: path, hasMore: !isLast });
  },
});

const LOST_CODES = new Set(['syncstatenotfound', 'syncstateinvalid', 'resyncrequired']);

/** 410, or any 4xx that says so (https://learn.microsoft.com/graph/delta-query-overview, "Synchronization reset"). */
function lossIn({ status, body }: IdpAnswer): string | null {
  if (status === 410) return 'Graph wants a new synchronization (410)';
  if (status < 400) return null;
  const read = readJson(body);
  const code = read.ok ? textIn(fieldsIn(fieldsIn(read.json)['error'])['code']) : null;
  return code !== null && LOST_CODES.has(code.toLowerCase())
    ? `Graph does not know the cursor any more (${code})`
    : null;
}

function linkIn(fields: Fields, api: IdpApi): { readonly path: string; readonly isLast: boolean } {
  const [next, delta] = [textIn(fields['@odata.nextLink']), textIn(fields['@odata.deltaLink'])];
  const link = next ?? delta;
  if (link === null) throw new IdpTrouble('delta query: the answer has neither a nextLink nor a deltaLink');
  return { path: api.pathOf(link), isLast: next === null };
}

async function latest(api: IdpApi): Promise<string> {
  const fields = fieldsOf(await api.get(`${DELTA}&$deltatoken=latest`), 'delta query');
  return linkIn(fields, api).path;
}

/** What the pages of a round without a token come to. */
class Picture {
  readonly groups = new Map<string, Set<string>>();
  /** Of these something could not be read. */
  readonly incomplete = new Set<string>();
  readonly unread: (Hint | Invalid)[] = [];

  take(fields: Fields, events: readonly SourceEvent[]): void {
    for (const entry of listField(fields, 'value', 'delta query')) {
      const group = idOf(entry, 'delta query');
      if (!this.groups.has(group)) this.groups.set(group, new Set());
    }
    for (const event of events) this.#apply(event);
  }

  states(): readonly SourceEvent[] {
    return [...this.groups]
      .filter(([group]) => !this.incomplete.has(group))
      .map(([group, members]) => fullState({ group, members: [...members] }));
  }

  #apply(event: SourceEvent): void {
    if (event.kind === 'skip') return;
    if (event.kind === 'state') return void this.groups.delete(event.group);
    if (event.kind === 'delta') {
      const members = this.groups.get(event.group);
      for (const member of event.add) members?.add(member);
      for (const member of event.remove) members?.delete(member);
      return;
    }
    this.unread.push(event);
    // Nested groups and devices are left out by right; any other problem leaves the list of members open.
    if (event.code === 'member_type') return;
    if (event.group === null) throw new IdpTrouble(`delta query: ${event.code}`);
    this.incomplete.add(event.group);
  }
}

const STATES_PER_PAGE = 200;

async function* allGroups(api: IdpApi, known: KnownGroups): AsyncGenerator<Page> {
  const picture = new Picture();
  const cursor = await readAll(api, picture);
  const states = picture.states();
  for (let from = 0; from < states.length; from += STATES_PER_PAGE) {
    yield page({ events: states.slice(from, from + STATES_PER_PAGE) });
  }
  if (picture.unread.length > 0) {
    const original = Buffer.from(JSON.stringify({ groups: picture.unread.map(({ group }) => group) }));
    yield page({ events: picture.unread, original });
  }
  yield* goneGroups(known, new Set(picture.groups.keys()));
  yield page({ cursor });
}

async function readAll(api: IdpApi, picture: Picture): Promise<string> {
  const pages = new PagesRead('delta query');
  for (let path = DELTA; ;) {
    pages.note(path);
    const answer = await api.get(path);
    const fields = fieldsOf(answer, 'delta query');
    pages.holds({ entries: listField(fields, 'value', 'delta query').length, bytes: answer.body.length });
    picture.take(fields, entra.decode(recordOf(answer.body), { partitionCount: 1 }));
    const link = linkIn(fields, api);
    path = link.path;
    if (link.isLast) return path;
  }
}
