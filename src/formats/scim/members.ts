/**
 * Members of a group in SCIM's words: lists of `{value,type,$ref}` (RFC 7643 4.2), and the operations of a PATCH (RFC 7644
 * 3.5.2), also as Entra sends them (`Add`, values beside the path `members`). Anything that could be read in two ways is
 * not read.
 */
import type { Op, SourceEvent } from '../../core/change/change.ts';
import type { Fields } from '../reading/reading.ts';
import { quote, readJsonText, textIn } from '../reading/reading.ts';
import { idIn, refusedMember } from '../reading/events.ts';
import { isObject } from '../../core/text/json.ts';

export interface Members {
  readonly users: readonly string[];
  /** What is no user: nested groups and the like. */
  readonly refused: readonly string[];
}

/** null: no list of members. A single one may stand without a list. */
export function membersIn(value: unknown): Members | null {
  const [users, refused]: [string[], string[]] = [[], []];
  for (const member of Array.isArray(value) ? value : [value]) {
    if (typeof member === 'string') users.push(member);
    else if (isObject(member)) (isUser(member) ? users : refused).push(idIn(member['value']));
    else return null;
  }
  return { users, refused };
}

/** `type` is optional, and a `$ref` may tell instead: the last but one part of it is the resource type. */
function isUser(member: Fields): boolean {
  const type = textIn(member['type']);
  if (type !== null) return type.toLowerCase() === 'user';
  const [, resource] = /(?:^|\/)([A-Za-z]+)\/[^/]*$/.exec(idIn(member['$ref'])) ?? [];
  return resource === undefined || resource.toLowerCase() === 'users';
}

/** One for all of a group, if there are any. */
export function refusals(refused: readonly string[], group: string): readonly SourceEvent[] {
  const [first] = refused;
  if (first === undefined) return [];
  const others = refused.length === 1 ? '' : ` and ${refused.length - 1} more`;
  return [refusedMember(`The member ${quote(first)}${others} of another type than User cannot be put in`, group)];
}

/**
 * SCIM's attribute names know no case (RFC 7643 2.1); most write them as the RFC does. An attribute may stand under its whole name,
 * or in an object under that of its schema (RFC 7644 3.10).
 */
export function attribute(fields: Fields, name: 'members' | 'Operations'): unknown {
  if (name in fields) return fields[name];
  const wanted = name.toLowerCase();
  for (const [key, value] of Object.entries(fields)) {
    const lower = key.toLowerCase();
    if (lower === wanted || lower === `${GROUP_SCHEMA}:${wanted}`) return value;
    if (lower === GROUP_SCHEMA && isObject(value)) return attribute(value, name);
  }
  return undefined;
}

const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:group';

/** What a PATCH as a whole does to the members; its operations happen one after the other. */
export interface Patched {
  /** Exactly the members (`state`), or what is added and removed. */
  readonly kind: 'delta' | 'state';
  readonly wanted: ReadonlyMap<string, Op>;
  readonly refused: readonly string[];
}

/** null: it leaves the members alone; a text: what of it cannot be read. */
export function patched(operations: readonly unknown[]): Patched | string | null {
  const patch: Patch = { kind: 'delta', wanted: new Map(), refused: [], isTouched: false };
  for (const operation of operations) {
    const problem = isObject(operation) ? apply(patch, operation) : 'an operation is no object';
    if (problem !== null) return problem;
  }
  return patch.isTouched ? patch : null;
}

interface Patch {
  kind: 'delta' | 'state';
  readonly wanted: Map<string, Op>;
  readonly refused: string[];
  isTouched: boolean;
}

function apply(patch: Patch, operation: Fields): string | null {
  const op = textIn(operation['op'])?.toLowerCase();
  if (op !== 'add' && op !== 'remove' && op !== 'replace') return '`op` is not add, remove or replace';
  const path = operation['path'];
  if (path === undefined || path === null) {
    if (op === 'remove') return 'a remove has no path';
    if (!isObject(operation['value'])) return 'an operation without a path has no object as its value';
    const value = attribute(operation['value'], 'members');
    return value === undefined ? null : applyToAll(patch, op, value);
  }
  const found = membersPath(idIn(path));
  if (found === null) return null;
  if (found === 'all') return applyToAll(patch, op, operation['value']);
  if (found === 'unreadable' || op !== 'remove') return 'its path into the members is none that can be read';
  patch.isTouched = true;
  want(patch, 'remove', found);
  return null;
}

function applyToAll(patch: Patch, op: 'add' | 'remove' | 'replace', value: unknown): string | null {
  patch.isTouched = true;
  if (op === 'remove' && (value === undefined || value === null)) {
    restart(patch);
    return null;
  }
  const members = membersIn(value);
  if (members === null) return 'its members are no list of objects';
  // No member (what the values say), or every member (what RFC 7644 says of the path alone)?
  if (op === 'remove' && members.users.length + members.refused.length === 0) return 'it removes an empty list';
  if (op === 'replace') restart(patch);
  // Not spread: a list may be longer than the arguments of a call can be.
  for (const member of members.refused) patch.refused.push(member);
  want(patch, op === 'remove' ? 'remove' : 'add', members.users);
  return null;
}

function restart(patch: Patch): void {
  patch.kind = 'state';
  patch.wanted.clear();
}

function want({ kind, wanted }: Patch, op: Op, members: readonly string[]): void {
  for (const member of members) {
    if (kind === 'state' && op === 'remove') wanted.delete(member);
    else wanted.set(member, op);
  }
}

/** Members of another schema (an extension's) are no others than the group's, as far as is known: its path cannot be read. */
const PATH = /^(?:urn:[\w:.-]+:)?members(?![\w-])(.*)$/is;

/** The ids that a filter names; null: the path leads elsewhere. */
function membersPath(path: string): readonly string[] | 'all' | 'unreadable' | null {
  const [, rest] = PATH.exec(path.trim()) ?? [];
  if (rest === undefined || /\.(?:display|type|\$ref)$/i.test(rest)) return null;
  if (!isOfGroup(path.trim())) return 'unreadable';
  if (rest === '') return 'all';
  return (rest.startsWith('[') && rest.endsWith(']') ? idsInFilter(rest.slice(1, -1)) : null) ?? 'unreadable';
}

const isOfGroup = (path: string): boolean =>
  /^members/i.test(path) || path.toLowerCase().startsWith(`${GROUP_SCHEMA}:`);

/** `value eq "x"`, also several with `or` between them. */
function idsInFilter(filter: string): readonly string[] | null {
  // An id is no longer than that, with every character escaped.
  const comparison = /\s*value\s+eq\s+("(?:[^"\\]|\\.){0,2000}")\s*(or\b|$)/iy;
  const ids: string[] = [];
  for (let isOver = false; !isOver;) {
    const [, quoted, next] = comparison.exec(filter) ?? [];
    const read = quoted === undefined ? null : readJsonText(quoted);
    if (read === null || !read.ok) return null;
    ids.push(idIn(read.json));
    isOver = next === '';
  }
  return ids;
}
