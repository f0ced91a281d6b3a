/**
 * What polling is made of: an identity provider that is asked page by page and returns a cursor, and what a cursor
 * belongs to: a base address without its scheme, and the tenant where there is one. Below: what the sources share to read answers.
 */
import { createHash } from 'node:crypto';
import type { SourceEvent, SourceRecord } from '../../core/change/change.ts';
import { IdpTrouble } from '../../core/ids/idp-failure.ts';
import { isObject } from '../../core/text/json.ts';
import { deletedGroup, readJson, textIn, type Fields } from '../../formats/reading/reading.ts';
import type { IdpAnswer, IdpApi } from '../ports.ts';

/** What is remembered of a group: that there is one, and a fingerprint of its members where the source compares them. */
export interface GroupMark {
  readonly group: string;
  /** null: there is no such group any more. */
  readonly mark: string | null;
}

export interface Page {
  readonly events: readonly SourceEvent[];
  /** What they were read from; for dead letters. */
  readonly original: Uint8Array;
  /** From where to go on once all of it is written; null: not yet. */
  readonly cursor: string | null;
  /** Only where the source has fingerprints: that there is a group, its events tell. */
  readonly marks: readonly GroupMark[];
  /** There may be more, which is to be asked for at once. */
  readonly hasMore: boolean;
}

/** The cursor is of no use any more: what happened since cannot be listed change by change. */
export interface Lost {
  readonly kind: 'lost';
  readonly reason: string;
}

/** Group → mark, of all that are known. */
export type KnownGroups = ReadonlyMap<string, string>;

/** Rejects with IdpRefusal or IdpTrouble. */
export interface PollSource extends Scope {
  readonly name: 'okta' | 'entra' | 'auth0' | 'scim';
  /** The first cursor. `full`: after every group as a full state, each read to its last page. */
  start(from: 'full' | 'now', known: KnownGroups): AsyncIterable<Page>;
  /** Whether a text has the form of its cursors; what has not is never asked for. */
  isCursor(text: string): boolean;
  /** What came after the cursor. */
  read(cursor: string, known: KnownGroups): Promise<Page | Lost>;
}

const nothing = new Uint8Array();

/** A page of which only some parts matter. */
export const page = (parts: Partial<Page>): Page => ({
  events: [],
  original: nothing,
  cursor: null,
  marks: [],
  hasMore: true,
  ...parts,
});

export const lost = (reason: string): Lost => ({ kind: 'lost', reason });

/** Groups that were known, and are not there any more: a page of them, or none. */
export function goneGroups(known: KnownGroups, present: ReadonlySet<string>): readonly Page[] {
  const gone = [...known.keys()].filter((group) => !present.has(group));
  return gone.length === 0 ? [] : [page({ events: gone.map((group) => deletedGroup({ group })) })];
}

export interface Scope {
  readonly scope: string;
  /** The name in former versions, which left the base path out, so that all sources of one host shared it; null: the same. */
  readonly formerScope: string | null;
}

export interface ScopeParts {
  /** The base path of nearly all sources of this kind; it is left out, as in former versions. */
  readonly usualPath?: string;
  readonly tenantId?: string;
}

export function scopeOf(
  { host, basePath }: Pick<IdpApi, 'host' | 'basePath'>,
  { usualPath = '', tenantId }: ScopeParts = {},
): Scope {
  const below = (address: string): string => (tenantId === undefined ? address : `${address}/${tenantId}`);
  if (basePath === usualPath) return { scope: below(host), formerScope: null };
  return { scope: below(`${host}${inKey(basePath === '' ? '/' : basePath)}`), formerScope: below(host) };
}

/**
 * Marks of groups lie below `<scope>/group/`, where no other scope may lie. Quotes and bars would break the command that
 * deletes a cursor.
 */
const inKey = (path: string): string =>
  path.replaceAll(/['|]|(?<=\/)g(?=roup(\/|$))/g, (char) => `%${char.charCodeAt(0).toString(16)}`);

/*
 * Answers of identity providers → JSON and links; server-sent events: bytes → messages. Pure.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

/** The object in an answer that must be a good one; any other must never pass for an empty one. @throws IdpTrouble */
export function fieldsOf(answer: IdpAnswer, what: string): Fields {
  const json = jsonOf(answer, what);
  if (!isObject(json)) throw new IdpTrouble(`${what}: the answer is no object`);
  return json;
}

/** @throws IdpTrouble */
export function listOf(answer: IdpAnswer, what: string): readonly unknown[] {
  const json = jsonOf(answer, what);
  if (!Array.isArray(json)) throw new IdpTrouble(`${what}: the answer is no list`);
  return json;
}

function jsonOf(answer: IdpAnswer, what: string): unknown {
  if (answer.status !== 200) throw new IdpTrouble(`${what}: the answer has the status ${answer.status}`);
  const read = readJson(answer.body);
  // Of the answer itself nothing is repeated.
  if (!read.ok) throw new IdpTrouble(`${what}: the answer is no JSON`);
  return read.json;
}

/** A list that a page must have. @throws IdpTrouble */
export function listField(fields: Fields, name: string, what: string): readonly Fields[] {
  const value = fields[name];
  if (!Array.isArray(value) || !value.every(isObject))
    throw new IdpTrouble(`${what}: \`${name}\` is no list of objects`);
  return value;
}

/** The id that each entry must have. @throws IdpTrouble */
export function idOf(fields: Fields, what: string): string {
  const id = textIn(fields['id']);
  if (id === null) throw new IdpTrouble(`${what}: an entry has no \`id\``);
  return id;
}

/** More than any directory has: 200 entries a page come to 10 million. */
const PAGES_MAX = 50_000;
/** Some providers answer with empty pages now and then. */
const EMPTY_PAGES_MAX = 500;
const BYTES_MAX = 4 * 1024 * 1024 * 1024;

/** Pages that were read one after the other: a list that leads back to an earlier page, or has no end, is not read for ever. */
export class PagesRead {
  readonly #what: string;
  readonly #pages = new Set<string>();
  #emptyInARow = 0;
  #bytes = 0;

  constructor(what: string) {
    this.#what = what;
  }

  /** @throws IdpTrouble where this page was read before, or too many were */
  note(name: string): void {
    if (this.#pages.has(digestOf(name)))
      throw new IdpTrouble(`${this.#what}: a page leads back to one that was read before`);
    if (this.#pages.size >= PAGES_MAX) throw new IdpTrouble(`${this.#what}: there is no end after ${PAGES_MAX} pages`);
    this.#pages.add(digestOf(name));
  }

  /** What the page held. @throws IdpTrouble where the pages hold nothing, or far too much */
  holds({ entries, bytes }: { readonly entries: number; readonly bytes: number }): void {
    this.#emptyInARow = entries === 0 ? this.#emptyInARow + 1 : 0;
    this.#bytes += bytes;
    if (this.#emptyInARow > EMPTY_PAGES_MAX)
      throw new IdpTrouble(`${this.#what}: ${EMPTY_PAGES_MAX} pages in a row are empty, and still there is a next one`);
    if (this.#bytes > BYTES_MAX) throw new IdpTrouble(`${this.#what}: there is no end after ${BYTES_MAX} bytes`);
  }
}

/** Links may be long. */
const digestOf = (name: string): string => createHash('sha256').update(name).digest('base64');

/** The target of the link of this relation (RFC 8288). */
export function linkOf({ header }: IdpAnswer, relation: string): string | null {
  for (const [, target, parameters = ''] of (header('link') ?? '').matchAll(/<([^>]*)>((?:\s*;[^,<]*)*)/g)) {
    if (target !== undefined && new RegExp(`;\\s*rel="?${relation}"?\\s*(?:;|$)`, 'i').test(parameters)) return target;
  }
  return null;
}

/** As a format reads it. */
export const recordOf = (value: Uint8Array): SourceRecord => ({ key: null, value, headers: [] });

export interface Message {
  readonly event: string;
  readonly data: string;
  /** null: the message has none. */
  readonly id: string | null;
}

export class MessageReader {
  readonly #decoder = new TextDecoder();
  #rest = '';

  /** What is held of a message that is not complete yet, in UTF-16 units. */
  get pendingLength(): number {
    return this.#rest.length;
  }

  /** Messages that these bytes complete. */
  read(bytes: Uint8Array): readonly Message[] {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    // A carriage return at the end may be half of a line end.
    const parts = text.replace(/\r\n/g, '\n').split('\n\n');
    this.#rest = parts.pop() ?? '';
    return parts.flatMap((part) => messageIn(part) ?? []);
  }
}

function messageIn(part: string): Message | null {
  let event = 'message';
  let id: string | null = null;
  const data: string[] = [];
  for (const line of part.split('\n')) {
    const [, field, value = ''] = /^([^:]+):? ?(.*)$/s.exec(line) ?? [];
    if (field === 'event') event = value;
    if (field === 'id') id = value;
    if (field === 'data') data.push(value);
  }
  return data.length === 0 ? null : { event, data: data.join('\n'), id };
}
