/**
 * Auth0: the Events API streams what happens from an offset on (https://auth0.com/docs/customize/events/
 * consume-events-with-events-api); it is read until it is quiet. An expired offset is answered 410. Groups and their
 * members are listed by the Management API.
 */
import { pathPart, type Invalid, type SourceEvent } from '../../core/change/change.ts';
import { IdpTrouble } from '../../core/ids/idp-failure.ts';
import { auth0 } from '../../formats/auth0.ts';
import { fullState, quote, textIn, type Fields } from '../../formats/reading/reading.ts';
import { refusedMember } from '../../formats/reading/events.ts';
import type { Clock } from '../../ports.ts';
import type { IdpApi } from '../ports.ts';
import {
  MessageReader,
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
  type Lost,
  type Page,
  type PollSource,
} from './source.ts';

export interface Auth0Options {
  readonly api: IdpApi;
  readonly clock: Pick<Clock, 'now'>;
  readonly pageSize: number;
  /** The stream counts as read when nothing has come for so long. */
  readonly quietMs: number;
}

const OVERLAP_MS = 300_000;
const MESSAGE_LENGTH_MAX = 8 * 1024 * 1024;
/** `take` of the lists is at most that. */
const TAKE_MAX = 100;
const EVENT_TYPES = ['group.member.added', 'group.member.deleted', 'group.deleted'];

export function auth0Source({ api, clock, pageSize, quietMs }: Auth0Options): PollSource {
  return {
    name: 'auth0',
    ...scopeOf(api),
    async *start(from, known) {
      const since = new Date(clock.now().wall - OVERLAP_MS).toISOString();
      if (from === 'full') yield* allGroups(api, Math.min(pageSize, TAKE_MAX), known);
      yield page({ cursor: String(new URLSearchParams({ from_timestamp: since })) });
    },
    isCursor: (text) => /^(from|from_timestamp)=[^&\s]+$/.test(text),
    read: (cursor) => readStream(api, cursor, { countMax: pageSize, quietMs }),
  };
}

async function readStream(
  api: IdpApi,
  cursor: string,
  { countMax, quietMs }: { readonly countMax: number; readonly quietMs: number },
): Promise<Page | Lost> {
  const query = new URLSearchParams(cursor);
  for (const type of EVENT_TYPES) query.append('event_type', type);
  const { status, chunks } = await api.open(`/api/v2/events?${String(query)}`);
  if (status === 410 || status === 400) return lost(`the Events API does not take the offset (${status})`);
  if (status !== 200) throw new IdpTrouble(`Events API: the answer has the status ${status}`);
  const reader = new MessageReader();
  const events: SourceEvent[] = [];
  const originals: string[] = [];
  let offset: string | null = null;
  for await (const bytes of chunks(quietMs)) {
    for (const message of reader.read(bytes)) {
      // The status of the next connection shows what it means.
      if (message.event === 'error') break;
      offset = message.id ?? offset;
      if (message.event === 'offset-only') continue;
      originals.push(message.data);
      events.push(...auth0.decode(recordOf(Buffer.from(message.data)), { partitionCount: 1 }));
    }
    if (reader.pendingLength > MESSAGE_LENGTH_MAX) throw new IdpTrouble('Events API: a message has no end');
    if (events.length >= countMax) break;
  }
  const next = offset === null ? cursor : String(new URLSearchParams({ from: offset }));
  const original = Buffer.from(`[${originals.join(',')}]`);
  return page({ events, original, cursor: next, hasMore: events.length > 0 });
}

async function* allGroups(api: IdpApi, take: number, known: KnownGroups): AsyncGenerator<Page> {
  const present = new Set<string>();
  for await (const entry of entriesOf(api, { path: '/api/v2/groups', name: 'groups', take })) {
    const group = idOf(entry, 'groups');
    present.add(group);
    yield await membersOf(api, group, take);
  }
  yield* goneGroups(known, present);
}

async function membersOf(api: IdpApi, group: string, take: number): Promise<Page> {
  const members: string[] = [];
  const refused: Fields[] = [];
  const path = `/api/v2/groups/${pathPart(group)}/members`;
  for await (const member of entriesOf(api, { path, name: 'members', take })) {
    const id = idOf(member, 'members of a group');
    if (member['member_type'] === undefined || member['member_type'] === 'user') members.push(id);
    else refused.push(member);
  }
  const events = [fullState({ group, members }), ...refused.slice(0, 1).map((first) => refusal(first, group))];
  return page({ events, original: Buffer.from(JSON.stringify(refused)) });
}

const refusal = (member: Fields, group: string): Invalid | SourceEvent =>
  refusedMember(
    `The member ${quote(String(member['id']))} is of the type ${quote(String(member['member_type']))}`,
    group,
  );

/** All entries of a list, to its last page. @throws where a page cannot be had */
async function* entriesOf(
  api: IdpApi,
  { path, name, take }: { readonly path: string; readonly name: string; readonly take: number },
): AsyncGenerator<Fields> {
  const pages = new PagesRead(name);
  for (let from: string | null = ''; from !== null;) {
    pages.note(from);
    const query = new URLSearchParams({ take: String(take), ...(from !== '' && { from }) });
    const answer = await api.get(`${path}?${String(query)}`);
    const fields = fieldsOf(answer, name);
    const entries = listField(fields, name, name);
    pages.holds({ entries: entries.length, bytes: answer.body.length });
    yield* entries;
    from = textIn(fields['next']);
  }
}
