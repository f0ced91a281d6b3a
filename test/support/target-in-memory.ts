/** A target in memory: groups appear when they are first asked for; a test may answer in its place. Counts requests. */
import type { HttpAnswer, ResponseAnswer } from '../../src/core/target/refusals.ts';
import type { Clock, GetGroupRequest, GroupApi, PatchGroupRequest } from '../../src/ports.ts';
import { CountingGate } from './counting-gate.ts';

export const respond = (status: number, more: Partial<ResponseAnswer> = {}): ResponseAnswer => ({
  kind: 'response',
  status,
  etag: null,
  retryAfterMs: null,
  body: undefined,
  empty: true,
  correlationId: null,
  sentAt: 0,
  durationMs: 1,
  ...more,
});

export const timedOut = (durationMs: number): HttpAnswer => ({
  kind: 'no_response',
  code: 'ETIMEDOUT',
  message: 'no answer',
  sent: true,
  sentAt: 0,
  durationMs,
});

export interface SeenRequest {
  readonly method: 'GET' | 'PATCH';
  readonly group: string;
  /** Of a PATCH. */
  readonly members: readonly string[];
  /** Monotonic ms. */
  readonly at: number;
}

/** null: as a working target does. */
export type Fault = (request: SeenRequest) => { readonly answer: HttpAnswer; readonly afterMs?: number } | null;

interface Stored {
  version: number;
  readonly members: Set<string>;
}

export class TargetInMemory implements GroupApi {
  readonly gate = new CountingGate();
  readonly requests: SeenRequest[] = [];
  fault: Fault = () => null;
  /** Awaited before a request is written to its socket. */
  beforeStart: () => Promise<void> = async () => undefined;
  tokens = 0;
  renewalMs = 0;
  readonly #groups = new Map<string, Stored>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  members(id: string): readonly string[] {
    return [...this.#of(id).members];
  }

  /** As another client, or a request whose answer is lost. */
  add(id: string, member: string): void {
    const stored = this.#of(id);
    stored.members.add(member);
    stored.version += 1;
  }

  async getGroup({ group, ifNoneMatch, mayStart }: GetGroupRequest): Promise<HttpAnswer> {
    const faulty = await this.#begin({ method: 'GET', group, members: [] }, mayStart);
    if (faulty !== null) return faulty;
    return ifNoneMatch === `"${this.#of(group).version}"` ? respond(304) : this.#body(group);
  }

  async patchGroup({ group, ifMatch, body, mayStart }: PatchGroupRequest): Promise<HttpAnswer> {
    const adds = body.Operations.flatMap(({ value }) => value?.map((each) => each.value) ?? []);
    const removes = body.Operations.flatMap(({ op, path }) => (op === 'remove' ? [removed(path)] : []));
    const faulty = await this.#begin({ method: 'PATCH', group, members: [...adds, ...removes] }, mayStart);
    if (faulty !== null) return faulty;
    const stored = this.#of(group);
    if (ifMatch !== `"${stored.version}"`) return respond(412);
    for (const member of adds) stored.members.add(member);
    for (const member of removes) stored.members.delete(member);
    stored.version += 1;
    return this.#body(group);
  }

  async search(): Promise<HttpAnswer> {
    return respond(404);
  }

  async ensureToken(): Promise<null> {
    this.tokens += 1;
    if (this.renewalMs > 0) await this.#pause(this.renewalMs);
    return null;
  }

  async close(): Promise<void> {}

  async #begin(request: Omit<SeenRequest, 'at'>, mayStart: () => boolean): Promise<HttpAnswer | null> {
    await this.beforeStart();
    if (!mayStart()) return { kind: 'not_started' };
    this.gate.used();
    const seen = { ...request, at: this.#clock.now().monotonic };
    this.requests.push(seen);
    const fault = this.fault(seen);
    await this.#pause(fault?.afterMs ?? 10);
    return fault?.answer ?? null;
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#clock.schedule(delayMs, resolve));
  }

  #of(id: string): Stored {
    const stored = this.#groups.get(id) ?? { version: 1, members: new Set<string>() };
    this.#groups.set(id, stored);
    return stored;
  }

  #body(id: string): ResponseAnswer {
    const { version, members } = this.#of(id);
    const body = { id, meta: { version: `"${version}"` }, members: [...members].map((value) => ({ value })) };
    return respond(200, { etag: `"${version}"`, empty: false, body });
  }
}

const removed = (path: string): string => String(JSON.parse(path.slice('members[value eq '.length, -1)));
