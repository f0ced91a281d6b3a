/** Answers of identity providers → JSON and links. Pure. */
import { IdpTrouble } from '../../core/idp-failure.ts';
import type { SourceRecord } from '../../core/change.ts';
import { type Fields, isFields, readJson, textIn } from '../../formats/reading.ts';
import type { IdpAnswer } from '../ports.ts';

/** The object in an answer that must be a good one; whatever is not must never pass for an empty one. @throws IdpTrouble */
export function fieldsOf(answer: IdpAnswer, what: string): Fields {
  const json = jsonOf(answer, what);
  if (!isFields(json)) throw new IdpTrouble(`${what}: the answer is no object`);
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
  if (!Array.isArray(value) || !value.every(isFields))
    throw new IdpTrouble(`${what}: \`${name}\` is no list of objects`);
  return value;
}

/** The id that each entry must have. @throws IdpTrouble */
export function idOf(fields: Fields, what: string): string {
  const id = textIn(fields['id']);
  if (id === null) throw new IdpTrouble(`${what}: an entry has no \`id\``);
  return id;
}

/** Pages of one list that were read, so that one that leads back to an earlier one is not read for ever. */
export class PagesRead {
  readonly #pages = new Set<string>();

  /** @throws IdpTrouble where this page was read before */
  note(page: string): void {
    if (this.#pages.has(page)) throw new IdpTrouble('list: a page leads back to one that was read before');
    this.#pages.add(page);
  }
}

/** The target of the link of this relation (RFC 8288). */
export function linkOf({ header }: IdpAnswer, relation: string): string | null {
  for (const [, target, parameters = ''] of (header('link') ?? '').matchAll(/<([^>]*)>((?:\s*;[^,<]*)*)/g)) {
    if (target !== undefined && new RegExp(`;\\s*rel="?${relation}"?\\s*(?:;|$)`, 'i').test(parameters)) return target;
  }
  return null;
}

/** As a format reads it. */
export const recordOf = (value: Uint8Array): SourceRecord => ({ key: null, value, headers: [] });
