/**
 * The target in this process: the emulator's own rules (groups, users, versions, tokens, limits, error shapes) without its
 * server, its timers and its faults; those are drawn in target-network.ts.
 */
import type { SandboxAnswer } from '../../../src/lab/sandbox/answer.ts';
import { credentialRefusal, limitHeaders } from '../../../src/lab/sandbox/access.ts';
import { answerRefusal, handle } from '../../../src/lab/sandbox/exchange.ts';
import { GroupStore, type Group } from '../../../src/lab/sandbox/directory.ts';
import { readPatch, routeOf } from '../../../src/lab/sandbox/request.ts';
import type { SandboxRequest } from '../../../src/lab/sandbox/request.ts';
import { rateRefusal, type Refusal } from '../../../src/lab/sandbox/answer.ts';
import type { SandboxOptions, SandboxState } from '../../../src/lab/sandbox/state.ts';
import { createState } from '../../../src/lab/sandbox/state.ts';
import type { SaltedRandom } from '../../support/random.ts';
import type { Counter } from './counter.ts';
import type { Refused } from '../script.ts';
import type { Settings } from '../settings.ts';
import type { Timeline } from './timeline.ts';

export interface TargetRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** By whom a change is that another client makes. */
export const FOREIGN_WRITER = 'foreign writer';

/** Called for every change of a membership by any writer. */
export type Watch = (change: {
  readonly group: string;
  readonly before: ReadonlySet<string>;
  readonly after: ReadonlySet<string>;
  readonly by: string;
}) => void;

interface TargetWorld {
  readonly timeline: Timeline;
  readonly random: SaltedRandom;
  readonly counter: Counter;
  readonly settings: Pick<Settings, 'readsLagMs'>;
}

export const targetUrl = 'https://api.simulated.test';
export const credentials = { clientId: 'simulated', clientSecret: 'secret-of-the-simulation' };

export class Target {
  readonly state: SandboxState;
  watch: Watch = () => undefined;
  /** Groups that the target fails at, or at their changes; `status` null: no answer. */
  readonly sick = new Map<string, { readonly what: 'all' | 'changes'; readonly status: number | null }>();
  /** Each PATCH that names one of these members is refused, in generic words. */
  readonly refused = new Map<string, Refused>();
  readonly #now: () => number;
  readonly #readsLagMs: number;
  readonly #counter: Counter;
  /** By id, the oldest first. */
  readonly #versions = new Map<string, { readonly at: number; readonly group: Group }[]>();

  constructor(options: SandboxOptions, { timeline, random, counter, settings }: TargetWorld) {
    const ids = random.fork('target');
    this.#now = () => 1_790_000_000_000 + timeline.now;
    const world = { now: this.#now, after: () => () => undefined, newId: () => ids.uuid() };
    this.state = createState({ ...options, ...credentials, world });
    this.state.listensAt(targetUrl);
    this.#readsLagMs = settings.readsLagMs ?? 0;
    this.#counter = counter;
    for (const { id } of this.state.groups.list()) this.#note(id);
  }

  /** The request has arrived and is handled in one piece. */
  handle({ method, path, headers, body }: TargetRequest, by: string): SandboxAnswer {
    const { state } = this;
    const route = routeOf(path);
    const request: SandboxRequest = {
      method,
      route,
      query: new URLSearchParams(),
      authorization: headers['authorization'] ?? null,
      contentType: headers['content-type'] ?? '',
      ifMatch: headers['if-match'] ?? null,
      ifNoneMatch: headers['if-none-match'] ?? null,
      body,
      tooLarge: false,
      patch: method === 'PATCH' ? readPatch(JSON.parse(body)) : null,
    };
    if (route?.endpoint === 'token') return handle(state, request, '').answer;
    const token = state.tokens.check(request.authorization, this.#now());
    if (token.kind === 'refused') return answerRefusal(state, credentialRefusal(token.code), state.world.newId());
    const spent = state.limits.countRequest(token.token, this.#now());
    const refusal = spent.refused ? rateRefusal(spent.resetSeconds) : this.#refusalOf(request);
    const correlationId = state.world.newId();
    const group = route?.id ?? '';
    const before = this.members(group);
    const answer = refusal ? answerRefusal(state, refusal, correlationId) : this.#answer(request, correlationId);
    this.#tell(group, before, by);
    return { ...answer, headers: { ...limitHeaders(spent), 'inin-correlation-id': correlationId, ...answer.headers } };
  }

  /** Fails at this request without an answer. */
  isSilentFor({ method, path }: TargetRequest): boolean {
    const sickness = this.#sicknessOf(method, routeOf(path)?.id ?? null);
    return sickness !== null && sickness.status === null;
  }

  #refusalOf({ method, route, patch }: SandboxRequest): Refusal | null {
    const group = route?.id ?? null;
    const named = patch?.operations.flatMap(({ members }) => members) ?? [];
    const refused = named.map((member) => this.refused.get(member)).find((each) => each !== undefined);
    if (refused !== undefined) return { ...refused, detail: 'The request cannot be processed.' };
    const status = this.#sicknessOf(method, group)?.status ?? null;
    return status === null ? this.state.denials.find(group) : { status, detail: 'The target fails at this group.' };
  }

  #sicknessOf(method: string, group: string | null): { readonly status: number | null } | null {
    const sickness = this.sick.get(group ?? '');
    return sickness === undefined || (sickness.what === 'changes' && method !== 'PATCH') ? null : sickness;
  }

  /** What is done is done now; what is shown may be what was so a while ago. */
  #answer(request: SandboxRequest, correlationId: string): SandboxAnswer {
    const { answer, written } = handle(this.state, request, correlationId);
    const id = request.route?.id ?? '';
    const shown = this.#versions.get(id)?.findLast(({ at }) => at <= this.#now() - this.#readsLagMs)?.group;
    if (written !== null) this.#note(id);
    const present = this.state.groups.find(id);
    if (this.#readsLagMs === 0 || shown === undefined || present === null || shown.version === present.version)
      return answer;
    this.#counter.count('target: lags');
    const groups = new GroupStore();
    groups.put({ ...shown, members: [...shown.members], nested: [...shown.nested] }, shown.lastModifiedAt);
    const past = { ...this.state, groups };
    if (written === null) return request.method === 'GET' ? handle(past, request, correlationId).answer : answer;
    const { body, headers } = handle(past, { ...request, method: 'GET', ifNoneMatch: null }, correlationId).answer;
    const etag = 'etag' in answer.headers && headers['etag'] !== undefined ? { etag: headers['etag'] } : {};
    return answer.body === '' ? answer : { ...answer, body, headers: { ...answer.headers, ...etag } };
  }

  #note(id: string): void {
    const group = this.state.groups.find(id);
    if (group === null) return;
    const versions = this.#versions.get(id) ?? [{ at: -Infinity, group }];
    versions.push({ at: this.#now(), group });
    this.#versions.set(id, versions);
  }

  members(group: string): ReadonlySet<string> {
    return this.state.groups.find(group)?.members ?? new Set();
  }

  /** A foreign writer: each of these members leaves if it is there, else comes. */
  toggle(group: string, members: readonly string[]): void {
    const found = this.state.groups.find(group);
    if (found === null) return;
    const after = new Set(found.members);
    for (const member of members) if (!after.delete(member)) after.add(member);
    this.state.groups.overwrite(found, after, this.#now());
    this.#tell(group, found.members, FOREIGN_WRITER);
  }

  #tell(group: string, before: ReadonlySet<string>, by: string): void {
    const after = this.members(group);
    if (after !== before) this.watch({ group, before, after, by });
  }
}
