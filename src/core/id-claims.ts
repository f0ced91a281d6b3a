/**
 * A table topic → what it says now. The newest record of a key is all that the key says; a tombstone takes it back, and
 * so does a record that cannot be read, since after compaction it is all that is left of its key. Two keys that give one
 * source id different targets make it ambiguous, and so does a target that two groups have: which of two partitions is
 * read first must not decide.
 */
import { idKey, isSameId } from './id-key.ts';
import { GroupTargets, isSameEntry, readRow, type IdEntry } from './id-table.ts';
import type { IdKind, SureResolution } from './resolution.ts';

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
