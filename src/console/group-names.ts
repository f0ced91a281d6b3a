/**
 * The names of a group and of its members, by the source and by Genesys Cloud: by the id map, and by reports, which say what a
 * name meant when they were written. Without an id map both sides have one name.
 */
import { idKey } from '../core/change/change.ts';
import { UNCHANGING } from '../core/explain/evidence.ts';
import { KnownNames, type NamesOf } from '../core/explain/names.ts';
import { unresolvedFailure, type IdKind } from '../core/ids/resolution.ts';
import { classify, type Outcome } from '../core/target/outcome.ts';
import { shownName } from '../core/target/snapshot.ts';
import { quotedForShell, visible } from '../core/text/visible.ts';
import type { Resolution } from '../ports.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { unlessStopped } from './command-context.ts';
import type { Question, Sources } from './group-topics.ts';
import { getGroupWithRetries, whyNoGroup } from './target.ts';

/** Why it is not known what Genesys Cloud calls a group, or a member. */
export interface NoTarget {
  readonly why: string;
  /** Of the answer to the look-up, where it cannot be used; null: there is no such name, or it was not looked up. */
  readonly outcome: Outcome['kind'] | null;
}

export class GroupNames {
  readonly #sources: Sources;
  readonly #asked: string;
  readonly #members = new KnownNames();
  readonly #groups = new KnownNames();
  #group: NamesOf;
  /** By kind and name, what was looked up and not found. */
  readonly #notFound = new Map<string, NoTarget>();
  /** Look-ups do not find it, and Genesys Cloud shows a group of this id. */
  #isAtTarget = false;
  /** The table of ids gives several groups the one target; null: it does not. */
  #sharedReason: string | null = null;

  /** With an id map the reports of the group are read for the names in them. @throws ExitError where they cannot be read, or the id is one of several groups */
  static async read(question: Question, sources: Sources): Promise<GroupNames> {
    const names = new GroupNames(question, sources);
    if (sources.ids !== null) await names.#learn(question);
    return names;
  }

  private constructor({ group }: Question, sources: Sources) {
    this.#sources = sources;
    this.#asked = group;
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
  get whyNoGroup(): NoTarget {
    return this.#sharedReason === null
      ? this.#whyNone('group', this.#asked)
      : { why: this.#sharedReason, outcome: null };
  }

  /** Where the target's name of the member is not known: then the source has one name for it. */
  whyNoMember({ sources: [name = ''] }: { readonly sources: Iterable<string> }): NoTarget {
    return this.#whyNone('user', name);
  }

  /** Members are looked up where one is asked for, and only then. */
  #whyNone(kind: IdKind, name: string): NoTarget {
    const known = this.#notFound.get(keyOf(kind, name));
    if (known !== undefined) return known;
    const mapped = this.#sources.ids?.known(kind, name) ?? null;
    return mapped === null || mapped.kind === 'found' ? NOT_LOOKED_UP : noTarget(kind, mapped);
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

  /** What is not known, and which of two meanings was taken, each as a sentence. @param listed whether the group lists the name */
  doubtsOf({ group, member }: Question, listed: ListedMember): readonly string[] {
    return [
      ...(this.#sharedReason === null
        ? this.#nameDoubts('group', group)
        : [`${this.#sharedReason}: none of their changes is sent until one row is left`]),
      ...(member === null
        ? []
        : listed === 'alone'
          ? [noSourceName(visible(member))]
          : this.#nameDoubts('user', member)),
      ...this.#meaningOf('group', group, this.#isAtTarget),
      ...(member === null ? [] : this.#meaningOf('member', member, listed === 'too')),
    ];
  }

  #nameDoubts(kind: IdKind, name: string): readonly string[] {
    if (kind === 'group' && this.#isUnnamed(name))
      return [`${noSourceName(`the group ${visible(name)}`)}: events under another name are not shown`];
    const { target, sources } = kind === 'group' ? this.#group : this.member(name);
    const labelOf = (each: string): string => `${kind === 'group' ? 'the group ' : ''}${visible(each)}`;
    const known = target === null ? 'no report says' : 'reports alone say';
    const failed = [...sources].flatMap((each) => {
      const { why, outcome } = this.#whyNone(kind, each);
      return outcome === null ? [] : [`${known} what Genesys Cloud calls ${labelOf(each)}: ${visible(why)}`];
    });
    if (target !== null || failed.length > 0) return failed;
    return [`neither the id map nor a report says what Genesys Cloud calls ${labelOf(name)}`];
  }

  /** A name that the source and the target have given to two. @param isAtTarget the target shows one of this id */
  #meaningOf(kind: 'group' | 'member', name: string, isAtTarget: boolean): readonly string[] {
    const { target } = kind === 'group' ? this.#group : this.member(name);
    const [other] = (kind === 'group' ? this.#groups : this.#members).otherMeaningOf(name);
    if (target === null || idKey(target) === idKey(name) || (other === undefined && !isAtTarget)) return [];
    const meant = `${visible(name)} is taken for the id of the identity provider, which Genesys Cloud calls ${visible(target)}`;
    const how = other === undefined ? '' : `: ask with --${kind} ${visible(quotedForShell(other))}`;
    return [`${meant}; what Genesys Cloud calls ${visible(name)} is another ${kind}${how}`];
  }

  /** Found at the target alone: which group of the source it is, is not known. */
  #isUnnamed = (group: string): boolean => this.#isAtTarget && this.#groups.namesOf(group).target === null;

  async #learn(question: Question): Promise<void> {
    const { group, member } = question;
    this.#noteRows(group, member);
    const found = await this.#lookUp('group', group);
    await this.#readReports(group, question);
    if (found?.kind === 'found' || found?.kind === 'missing') await this.#lookAtTarget(group);
    const sources = this.#groups.namesOf(group);
    // By the target's name: reports from before it was resolved are under the source's.
    for (const source of sources.sources) {
      if (source === idKey(group)) continue;
      await this.#readReports(source, question);
      await this.#lookUp('group', source);
    }
    this.#group = this.#isUnnamed(group) ? { ...sameNames(group), target: group } : this.#groups.namesOf(group);
    if (this.#sharedReason !== null) this.#group = { ...this.#group, target: null };
    if (member !== null) for (const name of this.#members.namesOf(member).sources) await this.#lookUp('user', name);
  }

  /**
   * Where ids are looked up, a name may be the target's own, which no look-up finds; the group says by which name it is found,
   * also for a time that is over.
   */
  async #lookAtTarget(group: string): Promise<void> {
    const { ids, api, context } = this.#sources;
    const { target } = this.#groups.namesOf(group);
    const isKnown =
      (target !== null && idKey(target) === idKey(group)) || this.#groups.otherMeaningOf(group).length > 0;
    if (ids === null || ids.rowsAbout !== undefined || isKnown) return;
    const { answer, outcome } = await unlessStopped(context, getGroupWithRetries(api, group, context));
    if (outcome.kind !== 'applied') {
      if (target === null)
        this.#notFound.set(
          keyOf('group', group),
          whyNoGroup(outcome, group) === null ? unansweredLookUp(outcome) : NO_SUCH_GROUP,
        );
      return;
    }
    this.#isAtTarget = true;
    const name = answer.kind === 'response' ? shownName(answer.body) : null;
    if (name !== null) await this.#lookUp('group', name);
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

  async #lookUp(kind: IdKind, name: string): Promise<Resolution | null> {
    const { ids, context } = this.#sources;
    if (ids === null) return null;
    const lookedUp = async (): Promise<Resolution> =>
      unlessStopped(
        context,
        ids.lookUp(kind, name, () => !context.stop.aborted),
      );
    const found = ids.known(kind, name) ?? (await lookedUp());
    if (found.kind !== 'found') this.#notFound.set(keyOf(kind, name), noTarget(kind, found));
    else {
      this.#notFound.delete(keyOf(kind, name));
      (kind === 'group' ? this.#groups : this.#members).note(name, found.id, MAP);
    }
    return found;
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
    // Each has changes of its own.
    if (own === undefined)
      throw new ExitError(EXIT.usage, `explain: ${this.#sharedReason}; ask with --group by one of them`);
  }
}

/** Whether the group lists a name that was asked for: as the only thing that knows it, or beside another meaning of it. */
export type ListedMember = 'alone' | 'too' | null;

const noSourceName = (label: string): string =>
  `neither the id map nor a report says what the identity provider calls ${label}`;

const keyOf = (kind: IdKind, name: string): string => `${kind}/${idKey(name)}`;

const NOT_LOOKED_UP: NoTarget = { why: 'what Genesys Cloud calls it was not looked up', outcome: null };

const NO_SUCH_GROUP: NoTarget = { why: 'neither the id map nor Genesys Cloud has such a group', outcome: null };

function noTarget(kind: IdKind, found: Exclude<Resolution, { readonly kind: 'found' }>): NoTarget {
  switch (found.kind) {
    case 'unmapped':
    case 'missing':
      return { why: `the id map has no such ${kind === 'group' ? 'group' : 'member'}`, outcome: null };
    case 'unanswered':
      return unansweredLookUp(classify(found.answer, 'GET'));
    case 'ambiguous':
    case 'shared':
    case 'renamed':
      return { why: withoutStop(unresolvedFailure(kind, found).message), outcome: null };
  }
}

function unansweredLookUp(outcome: Outcome): NoTarget {
  const why = 'failure' in outcome ? withoutStop(outcome.failure.message) : 'the answer is none to a look-up';
  return { why: `the look-up failed (${why})`, outcome: outcome.kind };
}

const withoutStop = (sentence: string): string => sentence.replace(/\.$/, '');

/** What the map says now stands before what reports said then. */
const MAP = Infinity;

const sameNames = (name: string): NamesOf => ({
  sources: new Set([idKey(name)]),
  all: new Set([idKey(name)]),
  // As `run` sends it.
  target: idKey(name),
});
