/**
 * A table of ids: what users and groups of the identity provider are called at the target. One row is
 * `{"type","source_id","genesys_id","active"?}`, from a line of a file or a record of a topic. Total.
 */
import { z } from 'zod';
import { ID_LENGTH_MAX, idKey, idProblem, isId, isSameId, type IdProblem } from '../change/change.ts';
import type { IdKind, SureResolution } from './resolution.ts';

export interface IdTableRow {
  readonly kind: IdKind;
  /** By `idKey`. */
  readonly sourceId: string;
  readonly id: string;
  readonly isActive: boolean;
}

export type IdEntry = Pick<IdTableRow, 'id' | 'isActive'>;

export type IdTable = Readonly<Record<IdKind, ReadonlyMap<string, IdEntry>>>;

/** What a table says of one id of the source. */
export interface IdRow {
  /** By `idKey`. */
  readonly sourceId: string;
  readonly target: string;
}

export function* rowsOf(table: ReadonlyMap<string, IdEntry>): Generator<IdRow> {
  for (const [sourceId, { id }] of table) yield { sourceId, target: id };
}

/** Those that have the same target as this id of the source, and those whose target it is. */
export function rowsAbout(rows: () => Iterable<IdRow>, name: string): readonly IdRow[] {
  const key = idKey(name);
  const targets = new Set([key]);
  for (const { sourceId, target } of rows()) if (sourceId === key) targets.add(idKey(target));
  return [...rows()].filter(({ target }) => targets.has(idKey(target)));
}

/**
 * Which groups of the source have which target. Several users of the source may be one user of the target, but two groups
 * that share a target would undo each other's full states, so neither of them is resolved.
 */
export class GroupTargets {
  readonly #sources = new Map<string, Set<string>>();

  /** @param target a Genesys id; its letter case does not matter where it is a UUID. */
  add(target: string, sourceId: string): void {
    const key = idKey(target);
    const sources = this.#sources.get(key);
    if (sources === undefined) this.#sources.set(key, new Set([sourceId]));
    else sources.add(sourceId);
  }

  delete(target: string, sourceId: string): void {
    const key = idKey(target);
    const sources = this.#sources.get(key);
    if (sources?.delete(sourceId) === true && sources.size === 0) this.#sources.delete(key);
  }

  isShared(target: string): boolean {
    return (this.#sources.get(idKey(target))?.size ?? 0) > 1;
  }

  /** Targets that several groups share, each with those groups. */
  *shared(): Iterable<{ readonly target: string; readonly sourceIds: readonly string[] }> {
    for (const [target, sources] of this.#sources) if (sources.size > 1) yield { target, sourceIds: [...sources] };
  }
}

export type ReadRow =
  | { readonly ok: true; readonly row: IdTableRow }
  | { readonly ok: false; readonly problem: string };

/** @returns the row, or what is wrong with it and what would be right. Unknown fields are ignored. */
export function readRow(value: unknown): ReadRow {
  const row = rowShape.safeParse(value);
  if (!row.success) return { ok: false, problem: row.error.issues[0]?.message ?? 'this is no row' };
  const { type: kind, source_id: sourceId, genesys_id: id, active: isActive } = row.data;
  return { ok: true, row: { kind, sourceId: idKey(sourceId), id, isActive } };
}

const ID_PROBLEMS: Readonly<Record<IdProblem, string>> = {
  empty_id: 'is empty',
  id_too_long: `is longer than ${ID_LENGTH_MAX} characters`,
  control_character: 'holds a control character',
  unsafe_id: 'is `.` or `..`, which no path can name',
};

const idShape = (name: string) =>
  z.string(`${name} must be a text`).superRefine((id, { addIssue }) => {
    const problem = idProblem(id);
    if (problem !== null) addIssue(`${name} ${ID_PROBLEMS[problem]}`);
    else if (!isId(id)) addIssue(`${name} is no well-formed text`);
  });

const rowShape = z.object(
  {
    type: z.enum(['user', 'group'], 'type must be user or group'),
    source_id: idShape('source_id'),
    genesys_id: idShape('genesys_id'),
    active: z.boolean('active must be true or false').default(true),
  },
  'a row must be an object with type, source_id and genesys_id',
);

/** Same target, said the same way. */
export const isSameEntry = (one: IdEntry, other: IdEntry): boolean =>
  isSameId(one.id, other.id) && one.isActive === other.isActive;

/*
 * A table topic → what it says now. The newest record of a key is all that the key says; a tombstone takes it back, and
 * so does a record that cannot be read, since after compaction it is all that is left of its key. Two keys that give one
 * source id different targets make it ambiguous, and so does a target that two groups have: which of two partitions is
 * read first must not decide.
 */

interface Claim extends IdEntry {
  readonly key: string;
}

interface Subject {
  readonly kind: IdKind;
  readonly sourceId: string;
}

export class IdClaims {
  readonly #subjects = new Map<string, Subject>();
  readonly #claims: Readonly<Record<IdKind, Map<string, readonly Claim[]>>> = { user: new Map(), group: new Map() };
  readonly #groupTargets = new GroupTargets();

  /** Ids that the table names. */
  get size(): number {
    return this.#claims.user.size + this.#claims.group.size;
  }

  /** Targets that several groups of the source share. */
  get shared(): ReturnType<GroupTargets['shared']> {
    return this.#groupTargets.shared();
  }

  *rows(kind: IdKind): Generator<IdRow> {
    for (const [sourceId, claims] of this.#claims[kind]) for (const { id } of claims) yield { sourceId, target: id };
  }

  /** @returns what is wrong with the record; null: nothing. */
  take(key: Uint8Array | null, value: Uint8Array | null): string | null {
    if (key === null) return 'the record has no key, so that nothing could ever take it back';
    const name = BYTES.decode(key);
    this.#takeBack(name);
    if (value === null) return null;
    const read = readRow(parsed(value));
    if (!read.ok) return read.problem;
    const { kind, sourceId, id, isActive } = read.row;
    this.#subjects.set(name, { kind, sourceId });
    const claims = this.#claims[kind];
    claims.set(sourceId, [...(claims.get(sourceId) ?? []), { key: name, id, isActive }]);
    if (kind === 'group') this.#groupTargets.add(id, sourceId);
    return null;
  }

  resolve(kind: IdKind, sourceId: string): Exclude<SureResolution, { kind: 'missing' }> {
    const [first, ...others] = this.#claims[kind].get(idKey(sourceId)) ?? [];
    if (first === undefined) return { kind: 'unmapped' };
    if (!others.every((other) => isSameEntry(other, first))) return { kind: 'ambiguous' };
    if (kind === 'group' && this.#groupTargets.isShared(first.id)) return { kind: 'shared' };
    return { kind: 'found', id: first.id, isActive: first.isActive };
  }

  #takeBack(key: string): void {
    const subject = this.#subjects.get(key);
    if (subject === undefined) return;
    this.#subjects.delete(key);
    const claims = this.#claims[subject.kind];
    const before = claims.get(subject.sourceId) ?? [];
    const left = before.filter((claim) => claim.key !== key);
    for (const { id } of subject.kind === 'group' ? before : []) {
      if (!left.some((claim) => isSameId(claim.id, id))) this.#groupTargets.delete(id, subject.sourceId);
    }
    if (left.length === 0) claims.delete(subject.sourceId);
    else claims.set(subject.sourceId, left);
  }
}

/** A text per byte string: each byte has a character of its own (https://encoding.spec.whatwg.org/#windows-1252). */
const BYTES = new TextDecoder('windows-1252');

function parsed(value: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch {
    return undefined;
  }
}
