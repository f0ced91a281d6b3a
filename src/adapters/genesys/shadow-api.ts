/**
 * The target of a shadow (`SHADOW`): what reads is sent, what changes is not. In place of each PATCH goes a GET of its group, with the
 * same permit; the answer is what the target would have said, and later reads show the change (protocol.md 15.1). It is given no API
 * that could send a PATCH.
 */
import {
  changesOf,
  newerSince,
  shownByTarget,
  shownGroup,
  shownVersion,
  targetGroup,
  undoneBy,
  versionBehind,
  type Listed,
  type Pretended,
  type PretendedMembers,
  type TargetGroup,
} from '../../core/target/pretended.ts';
import type { HttpAnswer, ResponseAnswer } from '../../core/target/refusals.ts';
import type { Clock, GetGroupRequest, GroupApi, Logger, PatchGroupRequest, SearchRequest } from '../../ports.ts';
import { logLasting } from '../lasting-lines.ts';

/** What a shadow may do with the target. */
export interface ReadingApi extends Omit<GroupApi, 'patchGroup'> {
  /** Gets a token and opens a connection, so that the first request waits for neither. What fails, that request reports. */
  prepare(): void;
}

/** Changes that are remembered, each group with changes counted as one more: about 20 MB. */
export const PRETENDED_MAX = 100_000;

interface System {
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

export class ShadowApi implements GroupApi, ReadingApi {
  readonly #target: ReadingApi;
  readonly #groups: PretendedGroups;

  /** @param pretendedMax beyond it the groups whose last change is the oldest are forgotten. */
  constructor(target: ReadingApi, system: System, pretendedMax = PRETENDED_MAX) {
    this.#target = target;
    this.#groups = new PretendedGroups(system, pretendedMax);
  }

  get gate() {
    return this.#target.gate;
  }

  async getGroup({ group, ifNoneMatch, mayStart }: GetGroupRequest): Promise<HttpAnswer> {
    const known = ifNoneMatch === null ? null : versionBehind(ifNoneMatch, this.#groups.of(group));
    const answer = await this.#target.getGroup({ group, ifNoneMatch: known, mayStart });
    if (isGone(answer)) this.#groups.noteGone(group);
    const shown = isSuccess(answer) ? targetGroup(answer.body, answer.etag) : null;
    return shown === null ? answer : { ...answer, ...shownGroup(shown, this.#groups.noteRead(group, shown)) };
  }

  async patchGroup({ group, ifMatch, body, mayStart }: PatchGroupRequest): Promise<HttpAnswer> {
    const answer = await this.#target.getGroup({ group, ifNoneMatch: null, mayStart });
    if (isGone(answer)) this.#groups.noteGone(group);
    if (!isSuccess(answer)) return answer;
    const shown = targetGroup(answer.body, answer.etag);
    if (shown === null) return unreadable(answer);
    const before = this.#groups.noteRead(group, shown);
    if (ifMatch !== shownVersion(shown.version, before)) return conflict(answer);
    const changed = changesOf(before, shown, body);
    const after = changed.size === 0 ? before : this.#groups.change(group, changed, shown);
    return { ...answer, ...shownGroup(shown, after) };
  }

  search(request: SearchRequest) {
    return this.#target.search(request);
  }

  ensureToken() {
    return this.#target.ensureToken();
  }

  prepare() {
    this.#target.prepare();
  }

  close() {
    return this.#target.close();
  }
}

const isSuccess = (answer: HttpAnswer): answer is ResponseAnswer =>
  answer.kind === 'response' && answer.status >= 200 && answer.status < 300;

const isGone = (answer: HttpAnswer): boolean => answer.kind === 'response' && answer.status === 404;

/** A GET that shows no group, or no version: nothing may be taken for accepted. */
const unreadable = (answer: ResponseAnswer): ResponseAnswer => ({ ...answer, body: undefined, empty: false });

const conflict = (answer: ResponseAnswer): ResponseAnswer => ({
  ...answer,
  status: 412,
  etag: null,
  body: { status: 412, message: 'If-Match does not match the current version.' },
});

/** The changes that were never sent, by group. Bounded; in memory alone. */
class PretendedGroups {
  readonly #system: System;
  readonly #max: number;
  /** The one whose last change is the oldest comes first. */
  readonly #groups = new Map<string, PretendedGroup>();
  #size = 0;
  /** Moves of every group that is not known: not below those of one that was forgotten, so that no version goes back. */
  #movesOfOthers = 0;

  constructor(system: System, max: number) {
    this.#system = system;
    this.#max = max;
  }

  of(group: string): Pretended {
    return this.#groups.get(group) ?? new PretendedGroup(this.#movesOfOthers);
  }

  /** As the group is on top of what the target shows now. */
  noteRead(group: string, shown: TargetGroup): Pretended {
    const known = this.#groups.get(group);
    if (known === undefined) return this.of(group);
    this.#resized(known, () => known.noteRead(shown));
    return known;
  }

  /** The target has no such group: what one of the same id has later is its own. */
  noteGone(group: string): void {
    const known = this.#groups.get(group);
    if (known !== undefined) this.#resized(known, () => known.noteGone());
  }

  /** @returns as the group is after the changes. */
  change(group: string, changed: PretendedMembers, shown: TargetGroup): Pretended {
    const known = this.#groups.get(group);
    const changing = known ?? new PretendedGroup(this.#movesOfOthers);
    this.#groups.delete(group);
    this.#groups.set(group, changing);
    if (known === undefined) this.#size += changing.size;
    this.#resized(changing, () => changing.change(changed, shown));
    while (this.#size > this.#max) this.#forgetOldest();
    return changing;
  }

  #resized(group: PretendedGroup, act: () => void): void {
    this.#size -= group.size;
    act();
    this.#size += group.size;
  }

  #forgetOldest(): void {
    const [oldest] = this.#groups;
    if (oldest === undefined) return;
    const [group, { moves, members, size }] = oldest;
    this.#groups.delete(group);
    this.#size -= size;
    // What is shown of it changes, and so its version has to.
    this.#movesOfOthers = Math.max(this.#movesOfOthers, moves + 1);
    const fields = { group, changes: members.size, max: this.#max };
    const message = 'shadow: changes of a group are forgotten, it is shown as Genesys Cloud has it';
    logLasting(this.#system, { level: 'warn', cause: 'shadow', fields, message });
  }
}

/** Those of one group, changed in place: there may be tens of thousands. */
class PretendedGroup implements Pretended {
  readonly #members = new Map<string, Listed | null>();
  #moves: number;
  #since: string | null = null;

  constructor(moves: number) {
    this.#moves = moves;
  }

  get members(): PretendedMembers {
    return this.#members;
  }

  get moves(): number {
    return this.#moves;
  }

  get since(): string | null {
    return this.#since;
  }

  /** In entries. */
  get size(): number {
    return 1 + this.#members.size;
  }

  noteRead(shown: TargetGroup): void {
    for (const key of shownByTarget(this, shown)) this.#members.delete(key);
    this.#since = newerSince(this.#since, shown.version);
  }

  noteGone(): void {
    this.#members.clear();
    this.#since = null;
  }

  change(changed: PretendedMembers, shown: TargetGroup): void {
    const undone = undoneBy(changed, this, shown);
    for (const [key, listed] of changed) this.#members.set(key, listed);
    for (const key of undone) this.#members.delete(key);
    this.#moves += 1;
    this.#since = newerSince(this.#since, shown.version);
  }
}
