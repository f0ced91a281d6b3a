/**
 * Okta's System Log: ascending from a time on, page after page; the link to the next page is the cursor, and is there even
 * when nothing is new (polling requests, https://developer.okta.com/docs/reference/api/system-log/). It keeps 90 days.
 */
import { pathPart } from '../../core/change/change.ts';
import { IdpTrouble } from '../../core/ids/idp-failure.ts';
import { TYPES_OF_CHANGES, okta } from '../../formats/okta.ts';
import { fullState, textIn, type Fields } from '../../formats/reading/reading.ts';
import type { Clock } from '../../ports.ts';
import type { IdpAnswer, IdpApi } from '../ports.ts';
import {
  PagesRead,
  goneGroups,
  idOf,
  linkOf,
  listOf,
  lost,
  page,
  recordOf,
  scopeOf,
  type KnownGroups,
  type Lost,
  type Page,
  type PollSource,
} from './source.ts';
import { isObject } from '../../core/text/json.ts';

export interface OktaOptions {
  readonly api: IdpApi;
  readonly clock: Pick<Clock, 'now'>;
  readonly pageSize: number;
}

/**
 * How far before the reading of the groups the log is read again: clocks differ, and an event may be logged late. What is
 * read twice is applied twice in the same order, so that it ends where it was.
 */
const OVERLAP_MS = 300_000;

export function oktaSource({ api, clock, pageSize }: OktaOptions): PollSource {
  const firstCursor = (): string => logPath(new Date(clock.now().wall - OVERLAP_MS).toISOString(), pageSize);
  return {
    name: 'okta',
    ...scopeOf(api),
    async *start(from, known) {
      const cursor = firstCursor();
      if (from === 'full') yield* allGroups(api, pageSize, known);
      yield page({ cursor });
    },
    isCursor: (text) => /^\/api\/v1\/logs\?\S/.test(text),
    read: async (cursor) => readLog(await api.get(cursor), cursor, api),
  };
}

function logPath(since: string, limit: number): string {
  const filter = TYPES_OF_CHANGES.map((type) => `eventType eq "${type}"`).join(' or ');
  const query = new URLSearchParams({ since, sortOrder: 'ASCENDING', limit: String(limit), filter });
  return `/api/v1/logs?${String(query)}`;
}

const LOST_STATUS = new Set([400, 404, 410]);

function readLog(answer: IdpAnswer, cursor: string, api: IdpApi): Page | Lost {
  if (LOST_STATUS.has(answer.status)) return lost(`the System Log does not take the cursor (${answer.status})`);
  const entries = listOf(answer, 'System Log');
  const link = linkOf(answer, 'next');
  const next = link === null ? afterLast(entries, cursor) : api.pathOf(link);
  if (entries.length === 0) return page({ cursor: next, hasMore: false });
  return page({
    events: okta.decode(recordOf(answer.body), { partitionCount: 1 }),
    original: answer.body,
    cursor: next,
  });
}

/** Without a link: from the last event on, which comes once more. */
function afterLast(entries: readonly unknown[], cursor: string): string {
  const last = entries.at(-1);
  const published = isObject(last) ? textIn(last['published']) : null;
  if (entries.length === 0) return cursor;
  if (published === null) throw new IdpTrouble('System Log: neither a next link nor a time to go on from');
  const url = new URL(cursor, 'https://okta.invalid');
  url.searchParams.set('since', published);
  url.searchParams.delete('after');
  return `${url.pathname}${url.search}`;
}

async function* allGroups(api: IdpApi, limit: number, known: KnownGroups): AsyncGenerator<Page> {
  const present = new Set<string>();
  for await (const entry of entriesOf(api, `/api/v1/groups?limit=${limit}`)) {
    const group = idOf(entry, 'groups');
    const members: string[] = [];
    for await (const user of entriesOf(api, `/api/v1/groups/${pathPart(group)}/users?limit=${limit}`))
      members.push(idOf(user, 'members of a group'));
    present.add(group);
    yield page({ events: [fullState({ group, members })] });
  }
  yield* goneGroups(known, present);
}

/** All entries of a list, to its last page. @throws where a page cannot be had */
async function* entriesOf(api: IdpApi, first: string): AsyncGenerator<Fields> {
  const pages = new PagesRead('list');
  for (let path: string | null = first; path !== null;) {
    pages.note(path);
    const answer: IdpAnswer = await api.get(path);
    const entries = listOf(answer, 'list');
    pages.holds({ entries: entries.length, bytes: answer.body.length });
    for (const entry of entries) {
      if (!isObject(entry)) throw new IdpTrouble('list: an entry is no object');
      yield entry;
    }
    const link = linkOf(answer, 'next');
    path = link === null ? null : api.pathOf(link);
  }
}
