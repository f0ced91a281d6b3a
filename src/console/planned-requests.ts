/**
 * The target, of which a plan lets nothing but its own requests through (`apply --plan`). Each PATCH is compared with the next planned one
 * of its group, byte for byte, and each version that the group shows with those that the plan and its requests have made; a group that
 * has moved is refused from then on. No PATCH passes that is not planned.
 *
 *   at(n) ──PATCH n, accepted──▶ at(n + 1)      at(n) ──PATCH n, its answer is lost──▶ in doubt(n)
 *   in doubt(n) ──a read shows the members after it──▶ at(n + 1)      any ──a read shows another version──▶ moved
 */
import { idKey } from '../core/change/change.ts';
import { isSureAnswer } from '../core/target/outcome.ts';
import type { Failure, HttpAnswer } from '../core/target/refusals.ts';
import { readGroupBody, type GroupBody, type Membership } from '../core/target/snapshot.ts';
import { versionForms } from '../core/target/version.ts';
import type { GetGroupRequest, GroupApi, PatchGroupRequest } from '../ports.ts';
import type { PlanGroup } from './plan-file.ts';

/** The code of a change whose group has moved since the plan was made. */
export const MOVED = 'moved';
const NOT_PLANNED = 'not_planned';

const failureOf = (code: string, message: string): Failure => ({
  code,
  message,
  status: null,
  scimType: null,
  advice: 'Make a new plan with `plan --out`, and apply that.',
});

const MOVED_FAILURE = failureOf(
  MOVED,
  'The group has changed since the plan was made, so that nothing more of it is sent.',
);

class PlannedGroup {
  readonly #bodies: readonly string[];
  /** In every form, of versions that the plan or its requests have made. */
  readonly #versions: Set<string>;
  #next = 0;
  /** As an answer has shown them, or as they follow; null: not known. */
  #members: ReadonlySet<string> | null = null;
  /** The request may have landed, and its version is not known. */
  #doubted: number | null = null;
  #hasMoved = false;
  #refusal: string | null = null;

  constructor({ etag, requests, held }: PlanGroup) {
    this.#bodies = [...requests, ...(held?.requests ?? [])].map(({ body }) => JSON.stringify(body));
    this.#versions = new Set(etag === null ? [] : [etag]);
  }

  get hasMoved(): boolean {
    return this.#hasMoved;
  }

  /** Why the PATCH must not be sent; null: it is planned, and comes next. */
  refusalOf({ body, ifMatch }: PatchGroupRequest): Failure | null {
    if (this.#hasMoved) return MOVED_FAILURE;
    // Of a request that the target has refused the next one may follow.
    if (this.#versions.has(ifMatch) && this.#bodies.indexOf(JSON.stringify(body), this.#next) !== -1) return null;
    const why = this.#refusal === null ? '' : ` The target has refused a planned one: ${this.#refusal}`;
    return failureOf(NOT_PLANNED, `What is left needs a request that the plan does not hold.${why}`);
  }

  notePatch({ body }: PatchGroupRequest, answer: HttpAnswer): void {
    const at = this.#bodies.indexOf(JSON.stringify(body), this.#next);
    if (!isSureAnswer(answer)) {
      this.#doubted = at;
      return;
    }
    if (answer.kind !== 'response') return;
    if (answer.status < 200 || answer.status >= 300) {
      if (answer.status !== 412) this.#refusal = `status ${answer.status}`;
      return;
    }
    const shown = readGroupBody(answer.body, answer.etag);
    const tags = shown?.version?.tags ?? { etag: answer.etag, meta: null };
    const forms = versionForms(tags);
    // Its version is read next.
    this.#doubted = forms.length === 0 ? at : null;
    if (forms.length > 0) this.#landed(at, forms);
  }

  /** Answers whether the group is still the one that was planned for. */
  takeRead(group: GroupBody): boolean {
    const forms = versionForms(group.version?.tags ?? { etag: null, meta: null });
    if (forms.length === 0) return !this.#hasMoved;
    if (!forms.some((form) => this.#versions.has(form))) {
      if (this.#doubted === null || !isAsAfter(group.members, this.#after(this.#doubted))) {
        this.#hasMoved = true;
        return false;
      }
      this.#landed(this.#doubted, forms);
      this.#doubted = null;
    }
    // What is shown of an older version, as reads may lag behind, is not what follows.
    if (this.#members === null && this.#next < this.#bodies.length && !group.members.isDoubtful)
      this.#members = new Set(group.members.members);
    for (const form of forms) this.#versions.add(form);
    return !this.#hasMoved;
  }

  #landed(at: number, forms: readonly string[]): void {
    this.#next = at + 1;
    this.#members = this.#next < this.#bodies.length ? this.#after(at) : null;
    for (const form of forms) this.#versions.add(form);
  }

  /** The members once that request has landed; null: they were not shown before. */
  #after(at: number): ReadonlySet<string> | null {
    if (this.#members === null) return null;
    const members = new Set(this.#members);
    const body = JSON.parse(this.#bodies[at] ?? '{}') as Partial<PatchGroupRequest['body']>;
    for (const { op, path, value } of body.Operations ?? []) {
      for (const { value: member } of value ?? []) members.add(idKey(member));
      if (op === 'remove') members.delete(idKey(filteredMember(path)));
    }
    return members;
  }
}

/** The other way of `members[value eq "…"]`. */
const filteredMember = (path: string): string => JSON.parse(path.slice('members[value eq '.length, -1)) as string;

/** Exactly these members. */
const isAsAfter = ({ members, isDoubtful }: Membership, after: ReadonlySet<string> | null): boolean =>
  after !== null && !isDoubtful && members.size === after.size && [...members].every((member) => after.has(member));

export class PlannedRequests implements GroupApi {
  readonly #api: GroupApi;
  /** By the target's name. */
  readonly #groups: ReadonlyMap<string, PlannedGroup>;

  constructor(api: GroupApi, groups: readonly PlanGroup[]) {
    this.#api = api;
    this.#groups = new Map(
      groups.flatMap((group) => (group.target === null ? [] : [[group.target, new PlannedGroup(group)]])),
    );
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
