/**
 * The target, of which a plan lets nothing but its own requests through (`apply --plan`). Each PATCH is compared, byte for byte, with the
 * planned ones of its group that have not landed, and each version that the group shows with those that the plan and its requests have
 * made; a group that has moved is refused from then on. What the plan holds passes only where `--approve` names it.
 *
 *   left {A, B} ──A is accepted, with a new version──▶ left {B}
 *   left {A, B} ──A may have landed: no answer, or one without a new version──▶ left {A, B}, in doubt {A}
 *   in doubt {A} ──a read shows exactly the members after A──▶ left {B}      in doubt {A} ──another request lands──▶ left {A}
 *   any ──a read shows another version, or an answer what others have changed──▶ moved
 *
 * A planned request that has failed, was refused or called stale (412) is left: it passes again, also after others.
 */
import { idKey } from '../core/change/change.ts';
import { classify, isSureAnswer } from '../core/target/outcome.ts';
import type { Failure, HttpAnswer } from '../core/target/refusals.ts';
import {
  filteredMember,
  readGroupBody,
  type GroupBody,
  type Membership,
  type PatchBody,
} from '../core/target/snapshot.ts';
import { versionForms } from '../core/target/version.ts';
import type { GetGroupRequest, GroupApi, PatchGroupRequest } from '../ports.ts';
import type { PlanGroup } from './plan-file.ts';

/** The code of a change whose group has moved since the plan was made. */
const VERSION_MOVED = 'version_moved';
const NOT_PLANNED = 'not_planned';

const failureOf = (code: string, message: string): Failure => ({
  code,
  message,
  status: null,
  scimType: null,
  advice: 'Make a new plan with `plan --out`, and apply that.',
});

const MOVED_FAILURE = failureOf(
  VERSION_MOVED,
  'The group has changed since the plan was made, so that nothing more of it is sent.',
);

/** What the target has refused for good: what is left of it needs other requests. */
const REFUSALS: ReadonlySet<string> = new Set([
  'rejected',
  'rejected_member',
  'no_target',
  'too_large',
  'not_found',
  'denied',
]);

class PlannedPatches {
  /** Bodies as JSON that have not landed; one that has landed is let go. */
  readonly #left: string[];
  /** In every form, of versions that the plan or its requests have made. */
  readonly #versions: Set<string>;
  /** As an answer has shown them, or as they follow; null: not known. */
  #members: ReadonlySet<string> | null = null;
  /** Of those that are left: may have landed, and no version shows it. */
  readonly #doubted = new Set<string>();
  #hasMoved = false;
  #refusal: Failure | null = null;

  /** @param isApproved what it holds may pass. */
  constructor({ etag, requests, held }: PlanGroup, { isApproved }: { readonly isApproved: boolean }) {
    this.#left = [...requests, ...(isApproved && held !== null ? held.requests : [])].map(({ body }) => body);
    this.#versions = new Set(etag === null ? [] : [etag]);
  }

  get hasMoved(): boolean {
    return this.#hasMoved;
  }

  /** Why the PATCH must not be sent; null: it is planned, and has not landed. */
  refusalOf({ body, ifMatch }: PatchGroupRequest): Failure | null {
    if (this.#hasMoved) return MOVED_FAILURE;
    if (this.#versions.has(ifMatch) && this.#left.includes(JSON.stringify(body))) return null;
    const why =
      this.#refusal === null
        ? ''
        : ` The target has refused a planned one: ${this.#refusal.message} (${this.#refusal.code})`;
    return failureOf(NOT_PLANNED, `What is left needs a request that the plan does not hold.${why}`);
  }

  notePatch({ body }: PatchGroupRequest, answer: HttpAnswer): void {
    const text = JSON.stringify(body);
    if (!isSureAnswer(answer)) {
      this.#doubted.add(text);
      return;
    }
    if (answer.kind !== 'response') return;
    const outcome = classify(answer, 'PATCH');
    if (outcome.kind !== 'applied') {
      if ('failure' in outcome && REFUSALS.has(outcome.kind)) this.#refusal = outcome.failure;
      return;
    }
    const forms = outcome.version === null ? [] : versionForms(outcome.version.tags);
    // Accepted without a new version: the change is not shown yet, or there was nothing to change.
    if (forms.every((form) => this.#versions.has(form))) this.#doubted.add(text);
    else if (outcome.seen !== null && this.#showsOthers(outcome.seen, body)) this.#hasMoved = true;
    else this.#landed(text, forms);
  }

  /** Answers whether the group is still the one that was planned for. */
  takeRead(group: GroupBody): boolean {
    const forms = versionForms(group.version?.tags ?? { etag: null, meta: null });
    if (this.#hasMoved || forms.length === 0) return !this.#hasMoved;
    if (!forms.some((form) => this.#versions.has(form))) {
      const landed = [...this.#doubted].find((text) => isExactly(group.members, this.#after(bodyOf(text))));
      if (landed === undefined) {
        this.#hasMoved = true;
        return false;
      }
      this.#landed(landed, forms);
    }
    // What is shown of an older version, as reads may lag behind, is not what follows.
    if (this.#members === null && this.#left.length > 0 && !group.members.isDoubtful)
      this.#members = new Set(group.members.members);
    for (const form of forms) this.#versions.add(form);
    return true;
  }

  /** The version has moved by it, so that nothing that was sent before can land any more. */
  #landed(text: string, forms: readonly string[]): void {
    this.#doubted.clear();
    const at = this.#left.indexOf(text);
    if (at !== -1) this.#left.splice(at, 1);
    this.#members = this.#left.length > 0 ? this.#after(bodyOf(text)) : null;
    for (const form of forms) this.#versions.add(form);
  }

  /** The members once that request has landed; null: they were not shown before. */
  #after({ Operations }: Pick<PatchBody, 'Operations'>): ReadonlySet<string> | null {
    if (this.#members === null) return null;
    const members = new Set(this.#members);
    for (const { op, path, value } of Operations) {
      for (const { value: member } of value ?? []) members.add(idKey(member));
      if (op === 'remove') members.delete(idKey(filteredMember(path)));
    }
    return members;
  }

  /** What the request itself changes may be shown later; anything else that differs is the change of another writer. */
  #showsOthers({ members, isDoubtful }: Membership, body: PatchBody): boolean {
    const [before, after] = [this.#members, this.#after(body)];
    if (isDoubtful || before === null || after === null) return false;
    const isNew = [...members].some((member) => !before.has(member) && !after.has(member));
    return isNew || [...after].some((member) => before.has(member) && !members.has(member));
  }
}

const bodyOf = (text: string): PatchBody => JSON.parse(text) as PatchBody;

const isExactly = ({ members, isDoubtful }: Membership, wanted: ReadonlySet<string> | null): boolean =>
  wanted !== null && !isDoubtful && members.size === wanted.size && [...members].every((member) => wanted.has(member));

export class PlannedRequests implements GroupApi {
  readonly #api: GroupApi;
  /** By the target's name. */
  readonly #groups = new Map<string, PlannedPatches>();

  /** @param approve digests, or their beginnings: what the plan holds under them may be sent. */
  constructor(api: GroupApi, groups: readonly PlanGroup[], approve: readonly string[]) {
    this.#api = api;
    const approved = approve.map((digest) => digest.toLowerCase());
    for (const group of groups) {
      if (group.target === null) continue;
      const isApproved = approved.some((digest) => group.held?.digest.startsWith(digest) === true);
      this.#groups.set(group.target, new PlannedPatches(group, { isApproved }));
    }
  }

  get movedGroups(): readonly string[] {
    return [...this.#groups].flatMap(([group, { hasMoved }]) => (hasMoved ? [group] : []));
  }

  get gate() {
    return this.#api.gate;
  }

  async getGroup(request: GetGroupRequest): Promise<HttpAnswer> {
    const planned = this.#groups.get(request.group);
    if (planned === undefined || planned.hasMoved) return this.#withhold(planned === undefined ? null : MOVED_FAILURE);
    const answer = await this.#api.getGroup(request);
    const isShown = answer.kind === 'response' && answer.status >= 200 && answer.status < 300;
    const group = isShown ? readGroupBody(answer.body, answer.etag) : null;
    return group === null || planned.takeRead(group) ? answer : { kind: 'withheld', failure: MOVED_FAILURE };
  }

  async patchGroup(request: PatchGroupRequest): Promise<HttpAnswer> {
    const planned = this.#groups.get(request.group);
    const refusal = planned?.refusalOf(request);
    if (planned === undefined || refusal !== null) return this.#withhold(refusal ?? null);
    const answer = await this.#api.patchGroup(request);
    planned.notePatch(request, answer);
    return answer;
  }

  /** Ids were looked up when the plan was made. */
  async search(): Promise<HttpAnswer> {
    return this.#withhold(null);
  }

  ensureToken() {
    return this.#api.ensureToken();
  }

  close() {
    return this.#api.close();
  }

  /** @param failure null: the plan knows nothing of it. */
  #withhold(failure: Failure | null): HttpAnswer {
    this.#api.gate.giveBack();
    return { kind: 'withheld', failure: failure ?? failureOf(NOT_PLANNED, 'The plan does not hold this request.') };
  }
}
