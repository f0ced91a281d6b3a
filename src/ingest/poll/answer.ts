/**
 * Answers of identity providers → JSON and links; server-sent events: bytes → messages. Pure.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import { createHash } from 'node:crypto';
import type { SourceRecord } from '../../core/change/change.ts';
import { IdpTrouble } from '../../core/ids/idp-failure.ts';
import { readJson, textIn, type Fields } from '../../formats/reading/reading.ts';
import type { IdpAnswer } from '../ports.ts';
import { isObject } from '../../core/text/json.ts';

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
  note(page: string): void {
    if (this.#pages.has(nameOf(page)))
      throw new IdpTrouble(`${this.#what}: a page leads back to one that was read before`);
    if (this.#pages.size >= PAGES_MAX) throw new IdpTrouble(`${this.#what}: there is no end after ${PAGES_MAX} pages`);
    this.#pages.add(nameOf(page));
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
const nameOf = (page: string): string => createHash('sha256').update(page).digest('base64');

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
