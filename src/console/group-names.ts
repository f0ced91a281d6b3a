/**
 * The names of a group and of its members, by the source and by Genesys Cloud: by the id map, and by reports, which say what a
 * name meant when they were written. Without an id map both sides have one name.
 */
import { idKey } from '../core/change/change.ts';
import { KnownNames, type NamesOf } from '../core/explain/names.ts';
import type { IdKind } from '../core/ids/resolution.ts';
import { visible } from '../core/text/visible.ts';
import type { Question, Sources } from './group-topics.ts';

export class GroupNames {
  readonly #sources: Sources;
  readonly #members = new KnownNames();
  readonly #groups = new KnownNames();
  #group: NamesOf;

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

  /** @param name by the source or by the target. */
  member(name: string): NamesOf {
    const { ids } = this.#sources;
    if (ids === null) return sameNames(name);
    const known = this.#members.targetOf(name) === null ? ids.known('user', name) : null;
    if (known?.kind === 'found') this.#members.note(name, known.id, MAP);
    return this.#members.namesOf(name);
  }

  /** Whether a name means this member. */
  isNameOf(name: string, { all }: NamesOf): boolean {
    const mapped = this.#mapped(name);
    return all.has(name) || (mapped !== null && all.has(idKey(mapped)));
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

  /** What is not known, each as a sentence. */
  doubtsOf({ group, member }: Question): readonly string[] {
    const unknown = [
      ...(this.#group.target === null ? [`the group ${visible(group)}`] : []),
      ...(member !== null && this.member(member).target === null ? [visible(member)] : []),
    ];
    return unknown.map((name) => `neither the id map nor a report says what Genesys Cloud calls ${name}`);
  }

  async #learn(question: Question): Promise<void> {
    const { group, member } = question;
    await this.#lookUp('group', group);
    await this.#readReports(group, question);
    const sources = this.#groups.namesOf(group);
    // By the target's name: reports from before it was resolved are under the source's.
    for (const source of sources.sources) if (source !== idKey(group)) await this.#readReports(source, question);
    for (const source of sources.sources) await this.#lookUp('group', source);
    this.#group = this.#groups.namesOf(group);
    if (member !== null) for (const name of this.#members.namesOf(member).sources) await this.#lookUp('user', name);
  }

  async #readReports(group: string, { allPartitions }: Question): Promise<void> {
    const wanted = { groups: [idKey(group)], member: 'names', allPartitions } as const;
    await this.#sources.records.readReports(wanted, ({ record, key }) => {
      // Its names are by other reports, or by the id map as it was then.
      if (record.outcome === 'drift') return;
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
  }
}

/** What the map says now stands before what reports said then. */
const MAP = Infinity;

const sameNames = (name: string): NamesOf => ({
  sources: new Set([idKey(name)]),
  all: new Set([idKey(name)]),
  // As `run` sends it.
  target: idKey(name),
});
