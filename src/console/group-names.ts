/**
 * The names of a group and of its members, by the source and by Genesys Cloud: by the id map, and by reports, which say what a
 * name meant when they were written. Without an id map both sides have one name.
 */
import { idKey } from '../core/change/change.ts';
import { UNCHANGING } from '../core/explain/evidence.ts';
import { KnownNames, type NamesOf } from '../core/explain/names.ts';
import { unresolvedFailure, type IdKind } from '../core/ids/resolution.ts';
import { quotedForShell, visible } from '../core/text/visible.ts';
import type { Resolution } from '../ports.ts';
import type { Question, Sources } from './group-topics.ts';

export class GroupNames {
  readonly #sources: Sources;
  readonly #members = new KnownNames();
  readonly #groups = new KnownNames();
  #group: NamesOf;
  #whyNoGroup = 'the id map has no such group';
  /** The table of ids gives several groups the one target; null: it does not. */
  #sharedReason: string | null = null;

  /** With an id map the reports of the group are read for the names in them. @throws ExitError where they cannot be read */
  static async read(question: Question, sources: Sources): Promise<GroupNames> {
    const names = new GroupNames(question, sources);
    if (sources.ids !== null) await names.#learn(question);
    return names;
  }

  private constructor({ group }: Question, sources: Sources) {
    this.#sources = sources;
    this.#group = sameNames(group);
  }

  get group(): NamesOf {
    return this.#group;
  }

  /** The target may call another group of the source as the source calls this one. @param source by the source */
  isOther(source: string): boolean {
    const { target, sources } = this.#group;
    return this.#sources.ids !== null && target !== null && !sources.has(idKey(source));
  }

  /** Where the target's name of the group is not known. */
  get whyNoGroup(): string {
    return this.#whyNoGroup;
  }

  /** @param name by the source or by the target. */
  member(name: string): NamesOf {
    if (this.#sources.ids === null) return sameNames(name);
    this.#noteMapped(name);
    const { target } = this.#members.namesOf(name);
    // The source may mean another member by it.
    if (target !== null) this.#noteMapped(target);
    return this.#members.namesOf(name);
  }

  #noteMapped(name: string): void {
    const mapped = this.#members.targetOf(name) === null ? this.#mapped(name) : null;
    if (mapped !== null) this.#members.note(name, mapped, MAP);
  }

  /** Whether a name means this member. */
  isNameOf(name: string, { all, target }: NamesOf): boolean {
    if (all.has(name)) return true;
    const mapped = this.#mapped(name);
    return mapped !== null && (target === null ? all.has(idKey(mapped)) : idKey(target) === idKey(mapped));
  }

  /** As above; where the id map alone says so, that is kept. */
  means(name: string, of: NamesOf): boolean {
    if (of.all.has(name)) return true;
    if (!this.isNameOf(name, of)) return false;
    const mapped = this.#mapped(name);
    if (mapped !== null) this.#members.note(name, mapped, MAP);
    return true;
  }

  /** By the id map as it is; null: it does not say. */
  #mapped(name: string): string | null {
    const known = this.#sources.ids?.known('user', name) ?? null;
    return known?.kind === 'found' ? known.id : null;
  }

  /** What is not known, and which of two meanings was taken, each as a sentence. */
  doubtsOf({ group, member }: Question): readonly string[] {
    const unknown = [
      ...(this.#group.target === null && this.#sharedReason === null ? [`the group ${visible(group)}`] : []),
      ...(member !== null && this.member(member).target === null ? [visible(member)] : []),
    ];
    return [
      ...(this.#sharedReason === null
        ? []
        : [`${this.#sharedReason}: none of their changes is sent until one row is left`]),
      ...unknown.map((name) => `neither the id map nor a report says what Genesys Cloud calls ${name}`),
      ...this.#meaningOf('group', group),
      ...(member === null ? [] : this.#meaningOf('member', member)),
    ];
  }

  /** A name that the source and the target have given to two. */
  #meaningOf(kind: 'group' | 'member', name: string): readonly string[] {
    const { target } = kind === 'group' ? this.#group : this.member(name);
    const [other] = (kind === 'group' ? this.#groups : this.#members).otherMeaningOf(name);
    if (other === undefined || target === null) return [];
    const meant = `${visible(name)} is taken for the id of the identity provider, which Genesys Cloud calls ${visible(target)}`;
    return [
      `${meant}; what Genesys Cloud calls ${visible(name)} is another ${kind}: ask with --${kind} ${visible(quotedForShell(other))}`,
    ];
  }

  async #learn(question: Question): Promise<void> {
    const { group, member } = question;
    this.#noteRows(group, member);
    await this.#lookUp('group', group);
    await this.#readReports(group, question);
    const sources = this.#groups.namesOf(group);
    // By the target's name: reports from before it was resolved are under the source's.
    for (const source of sources.sources) if (source !== idKey(group)) await this.#readReports(source, question);
    for (const source of sources.sources) await this.#lookUp('group', source);
    this.#group = this.#groups.namesOf(group);
    if (this.#sharedReason !== null) this.#group = { ...this.#group, target: null };
    if (member !== null) for (const name of this.#members.namesOf(member).sources) await this.#lookUp('user', name);
  }

  async #readReports(group: string, { allPartitions }: Question): Promise<void> {
    const wanted = { groups: [idKey(group)], member: 'names', allPartitions } as const;
    await this.#sources.records.readReports(wanted, ({ record, key }) => {
      // Of drift the names are by other reports, or by the id map as it was then; of a pause the name is the operator's.
      if (UNCHANGING.has(record.outcome) && record.outcome !== 'no_changes') return;
      const source = record.source_group ?? key;
      const at = Date.parse(record.reported_at);
      if (source !== null && record.group !== null) this.#groups.note(source, record.group, at);
      const { source_member: name = null, member: target } = record;
      if (name !== null && target !== null) this.#members.note(name, target, at);
    });
  }

  async #lookUp(kind: IdKind, name: string): Promise<void> {
    const { ids, context } = this.#sources;
    const found =
      ids === null ? null : (ids.known(kind, name) ?? (await ids.lookUp(kind, name, () => !context.stop.aborted)));
    if (found?.kind === 'found') (kind === 'group' ? this.#groups : this.#members).note(name, found.id, MAP);
    else if (kind === 'group' && found !== null) this.#whyNoGroup = whyUnresolved(found) ?? this.#whyNoGroup;
  }

  /** Of a table: also where the name that was asked for is the target's. */
  #noteRows(group: string, member: string | null): void {
    const { ids } = this.#sources;
    for (const { sourceId } of ids?.rowsAbout?.('group', group) ?? []) {
      const known = ids?.known('group', sourceId);
      if (known?.kind === 'found') this.#groups.note(sourceId, known.id, MAP);
    }
    for (const { sourceId } of (member === null ? null : ids?.rowsAbout?.('user', member)) ?? []) this.member(sourceId);
    this.#noteShared(group);
  }

  #noteShared(group: string): void {
    const rows = this.#sources.ids?.rowsAbout?.('group', group) ?? [];
    // As the source's name it comes before the target's.
    const own = rows.find(({ sourceId }) => sourceId === idKey(group));
    const target = own?.target ?? group;
    const sharing = rows.filter((row) => idKey(row.target) === idKey(target)).map(({ sourceId }) => visible(sourceId));
    const names = [...new Set(sharing)].toSorted();
    if (names.length < 2) return;
    this.#sharedReason = `the id map gives ${visible(target)} to ${names.join(' and ')}`;
    this.#whyNoGroup = this.#sharedReason;
  }
}

/** null: the id map does not name it, or the target has none. */
function whyUnresolved(found: Exclude<Resolution, { readonly kind: 'found' }>): string | null {
  if (found.kind === 'unmapped' || found.kind === 'missing' || found.kind === 'unanswered') return null;
  return unresolvedFailure('group', found).message.replace(/\.$/, '');
}

/** What the map says now stands before what reports said then. */
const MAP = Infinity;

const sameNames = (name: string): NamesOf => ({
  sources: new Set([idKey(name)]),
  all: new Set([idKey(name)]),
  // As `run` sends it.
  target: idKey(name),
});
