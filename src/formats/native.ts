/**
 * The native source format: one JSON object per record, keyed by group. Total: whatever the bytes, no exception.
 * Lenient only where no membership can be misread: a byte order mark is skipped (RFC 8259 8.1), unknown fields are
 * ignored, `event_id` and `occurred_at` may be null. A null list is no empty list, so it is refused.
 * What names the group is checked first, so that a dead letter can name it.
 */
import { z } from 'zod';
import {
  type Decoded,
  ID_LENGTH_MAX,
  type IdProblem,
  idProblem,
  type InvalidCode,
  type SourceFormat,
  type SourceRecord,
} from '../core/change.ts';

export const native: SourceFormat = (record, topic) => {
  if (record.value === null) return { kind: 'skip' };
  const json = readJson(record.value);
  if (!json.ok) return { kind: 'invalid', ...json.problem, group: null };
  const group = readGroup(json.fields);
  if (!group.ok) return { kind: 'invalid', ...group.problem, group: null };
  const problem = fullStateProblem(json.fields) ?? keyProblem(record, group.id, topic.partitionCount);
  return problem === null ? readChange(json.fields, group.id) : { kind: 'invalid', ...problem, group: group.id };
};

interface Problem {
  readonly code: InvalidCode;
  readonly message: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Lists of ids, checked as one value: an issue for each of a million bad entries would cost more than the record. */
const ids = z.custom<readonly string[]>((value) => Array.isArray(value) && value.every(isText));
const text = z.custom<string>((value) => isText(value));
const time = z.custom<string>((value) => isRfc3339(value));

const Group = z.object({ group_id: text.optional(), genesys_group_id: text.optional() });
const Change = z.object({
  add_members: ids.optional(),
  added: ids.optional(),
  remove_members: ids.optional(),
  removed: ids.optional(),
  event_id: text.nullish(),
  occurred_at: time.nullish(),
});

const EXPECTED: Readonly<Record<string, string>> = {
  add_members: 'a list of user ids, each a text',
  added: 'a list of user ids, each a text',
  remove_members: 'a list of user ids, each a text',
  removed: 'a list of user ids, each a text',
  occurred_at: 'an RFC 3339 time such as "2026-01-31T12:00:00Z", or left out',
};

function readJson(value: Uint8Array): { ok: true; fields: Fields } | { ok: false; problem: Problem } {
  const refuse = (code: InvalidCode, message: string) => ({ ok: false, problem: { code, message } }) as const;
  let decoded: string;
  try {
    decoded = new TextDecoder('utf-8', { fatal: true }).decode(value);
  } catch {
    return refuse('not_utf8', 'The value is not UTF-8; encode the JSON as UTF-8.');
  }
  let json: unknown;
  try {
    json = JSON.parse(decoded);
  } catch {
    return refuse('not_json', `The value is not JSON; it begins with ${quote(decoded)}.`);
  }
  if (isFields(json)) return { ok: true, fields: json };
  return refuse('schema', 'The value must be one JSON object such as {"group_id":"…","add_members":["…"]}.');
}

function readGroup(fields: Fields): { ok: true; id: string } | { ok: false; problem: Problem } {
  const refuse = (problem: Problem) => ({ ok: false, problem }) as const;
  const parsed = Group.safeParse(fields);
  if (!parsed.success) return refuse(schemaProblem(parsed.error));
  const { group_id: main, genesys_group_id: alias } = parsed.data;
  const id = main ?? alias;
  if (id === undefined)
    return refuse({ code: 'schema', message: '`group_id` is missing; set it to the Genesys group id.' });
  if (alias !== undefined && alias !== id) return refuse(aliasProblem('group_id', 'genesys_group_id'));
  const problem = idProblem(id);
  return problem === null
    ? { ok: true, id }
    : refuse(badId(main === undefined ? 'genesys_group_id' : 'group_id', problem));
}

/** Taking a full state for a delta would drop its removals, so its fields are never ignored. */
function fullStateProblem(fields: Fields): Problem | null {
  const field = ['complete', 'members', 'deleted'].find((name) => Object.hasOwn(fields, name));
  if (field === undefined) return null;
  const message = `\`${field}\` belongs to a full state, which is not supported; send add_members and remove_members.`;
  return { code: 'unsupported_full_state', message };
}

/** The key decides the partition, and only one partition keeps the order of a group. */
function keyProblem({ key }: SourceRecord, group: string, partitionCount: number): Problem | null {
  if (key === null) {
    if (partitionCount === 1) return null;
    return {
      code: 'unkeyed',
      message: 'The record has no key; key it by `group_id`, so that its group keeps its order.',
    };
  }
  if (Buffer.from(group, 'utf8').equals(key)) return null;
  const message = `The key ${quote(new TextDecoder().decode(key.subarray(0, 256)))} is not \`group_id\`; key the record by it.`;
  return { code: 'key_mismatch', message };
}

function readChange(fields: Fields, group: string): Decoded {
  const refuse = (problem: Problem): Decoded => ({ kind: 'invalid', ...problem, group });
  const parsed = Change.safeParse(fields);
  if (!parsed.success) return refuse(schemaProblem(parsed.error));
  const { add_members, added, remove_members, removed, event_id } = parsed.data;
  if (disagree(add_members, added)) return refuse(aliasProblem('add_members', 'added'));
  if (disagree(remove_members, removed)) return refuse(aliasProblem('remove_members', 'removed'));
  const add = add_members ?? added ?? [];
  const remove = remove_members ?? removed ?? [];
  const problem =
    memberProblem(add_members ? 'add_members' : 'added', add) ??
    memberProblem(remove_members ? 'remove_members' : 'removed', remove) ??
    eventIdProblem(event_id ?? '');
  return problem === null
    ? { kind: 'change', event: { group, add, remove, eventId: event_id ?? null } }
    : refuse(problem);
}

/** Order and repetitions mean nothing in a list of members. */
function disagree(main: readonly string[] | undefined, alias: readonly string[] | undefined): boolean {
  if (main === undefined || alias === undefined) return false;
  const [left, right] = [new Set(main), new Set(alias)];
  return left.size !== right.size || alias.some((id) => !left.has(id));
}

function memberProblem(field: string, members: readonly string[]): Problem | null {
  for (const [index, member] of members.entries()) {
    const problem = idProblem(member);
    if (problem !== null) return badId(`${field}[${index}]`, problem);
  }
  return null;
}

/** It is copied into every record of every intent, so it is bounded like an id. */
const eventIdProblem = (eventId: string): Problem | null =>
  eventId.length > ID_LENGTH_MAX ? badId('event_id', 'id_too_long') : null;

const ID_MENDS: Readonly<Record<IdProblem, string>> = {
  empty_id: 'is empty; set it to an id',
  control_character: 'holds a control character; send the id alone',
  id_too_long: `is longer than ${ID_LENGTH_MAX} characters; send the id alone`,
};

const badId = (field: string, code: IdProblem): Problem => ({ code, message: `\`${field}\` ${ID_MENDS[code]}.` });

const aliasProblem = (field: string, alias: string): Problem => ({
  code: 'alias_conflict',
  message: `\`${field}\` and its alias \`${alias}\` disagree; send one of them.`,
});

function schemaProblem(error: z.ZodError): Problem {
  const field = String(error.issues[0]?.path[0]);
  return { code: 'schema', message: `\`${field}\` must be ${EXPECTED[field] ?? 'a well-formed text'}.` };
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A lone surrogate (`"\ud800"` in JSON) has no UTF-8 form, so it could be neither a key nor a path. */
const isText = (value: unknown): value is string => typeof value === 'string' && !/\p{Surrogate}/u.test(value);

const SECONDS_AND_ZONE = /T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const isoTime = z.iso.datetime({ offset: true });

/** RFC 3339 5.6: seconds and zone are a must, `t` and `z` may be lower case. */
function isRfc3339(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 64) return false;
  const upper = value.toUpperCase();
  return SECONDS_AND_ZONE.test(upper) && isoTime.safeParse(upper).success;
}

const QUOTE_LENGTH_MAX = 60;
const quote = (foreign: string): string => JSON.stringify(foreign.slice(0, QUOTE_LENGTH_MAX));
