/**
 * The target of a shadow (`SHADOW`): what reads is sent, what changes is not. In place of each PATCH goes a GET of its group, with the
 * same permit; the answer is what the target would have said, and later reads show the change (protocol.md 15.1). It is given no API
 * that could send a PATCH.
 */
import {
  afterPretending,
  shownGroup,
  shownVersion,
  targetGroup,
  versionBehind,
  withoutShown,
  type Pretended,
  type TargetGroup,
} from '../../core/target/pretended.ts';
import type { HttpAnswer, ResponseAnswer } from '../../core/target/refusals.ts';
import type { Clock, GetGroupRequest, GroupApi, Logger, PatchGroupRequest, SearchRequest } from '../../ports.ts';
import { logLasting } from '../lasting-lines.ts';

/** What a shadow may do with the target. */
export type ReadingApi = Omit<GroupApi, 'patchGroup'>;

/** Groups with such changes and the changes themselves, together: about 20 MB. */
export const PRETENDED_MAX = 100_000;

interface System {
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

export class ShadowApi implements GroupApi {
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
    const shown = isSuccess(answer) ? targetGroup(answer.body, answer.etag) : null;
    return shown === null ? answer : { ...answer, ...shownGroup(shown, this.#groups.noteRead(group, shown)) };
  }

  async patchGroup({ group, ifMatch, body, mayStart }: PatchGroupRequest): Promise<HttpAnswer> {
    const answer = await this.#target.getGroup({ group, ifNoneMatch: null, mayStart });
    if (!isSuccess(answer)) return answer;
    const shown = targetGroup(answer.body, answer.etag);
    if (shown === null) return unreadable(answer);
    const before = this.#groups.noteRead(group, shown);
    if (ifMatch !== shownVersion(shown.version, before)) return conflict(answer);
    const after = afterPretending(before, shown, body);
    if (after !== before) this.#groups.change(group, after);
    return { ...answer, ...shownGroup(shown, after) };
  }

  search(request: SearchRequest) {
    return this.#target.search(request);
  }

  ensureToken() {
    return this.#target.ensureToken();
  }

  close() {
    return this.#target.close();
  }
}

const isSuccess = (answer: HttpAnswer): answer is ResponseAnswer =>
  answer.kind === 'response' && answer.status >= 200 && answer.status < 300;

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
  readonly #groups = new Map<string, Pretended>();
  #size = 0;
  /** Moves of every group that is not known: not below those of one that was forgotten, so that no version goes back. */
  #movesOfOthers = 0;

  constructor(system: System, max: number) {
    this.#system = system;
    this.#max = max;
  }

  of(group: string): Pretended {
    return this.#groups.get(group) ?? { members: NO_MEMBERS, moves: this.#movesOfOthers, since: null };
  }

  /** As the group is on top of what the target shows now. */
  noteRead(group: string, shown: TargetGroup): Pretended {
    const before = this.of(group);
    const after = withoutShown(before, shown);
    if (after !== before) this.#set(group, after);
    return after;
  }

  change(group: string, after: Pretended): void {
    this.#drop(group);
    this.#set(group, after);
    while (this.#size > this.#max) this.#forgetOldest();
  }

  #set(group: string, after: Pretended): void {
    this.#size += sizeOf(after) - sizeOf(this.#groups.get(group));
    this.#groups.set(group, after);
  }

  #drop(group: string): void {
    this.#size -= sizeOf(this.#groups.get(group));
    this.#groups.delete(group);
  }

  #forgetOldest(): void {
    const [oldest] = this.#groups;
    if (oldest === undefined) return;
    const [group, { moves, members }] = oldest;
    this.#drop(group);
    // What is shown of it changes, and so its version has to.
    this.#movesOfOthers = Math.max(this.#movesOfOthers, moves + 1);
    const fields = { group, changes: members.size, max: this.#max };
    const message = 'shadow: changes of a group are forgotten, it is shown as Genesys Cloud has it';
    logLasting(this.#system, { level: 'warn', cause: 'shadow', fields, message });
  }
}

const NO_MEMBERS: Pretended['members'] = new Map();

/** In entries. */
const sizeOf = (pretended: Pretended | undefined): number => (pretended === undefined ? 0 : 1 + pretended.members.size);
