/** Watches the target: what is sent to it, how much at once, and what becomes of memberships. */
import type { SandboxAnswer } from '../../../src/lab/sandbox/answer.ts';
import { FOREIGN_WRITER, type TargetRequest, type Watch } from '../engine/target.ts';
import type { Traffic } from '../engine/target-network.ts';
import { Violation } from '../violation.ts';
import type { AdditionsOracle } from './additions-oracle.ts';
import type { ComparedOracle } from './compared-oracle.ts';
import type { GuardOracle } from './guard-oracle.ts';
import type { Knowledge } from './knowledge.ts';
import { seatOf } from './knowledge.ts';
import type { PauseOracle } from './pause-oracle.ts';
import type { WholeOracle } from './whole-oracle.ts';

interface World {
  readonly knowledge: Knowledge;
  readonly guard: GuardOracle;
  readonly wholes: WholeOracle;
  readonly additions: AdditionsOracle;
  readonly pauses: PauseOracle;
  readonly compared: ComparedOracle;
  readonly concurrency: number;
  readonly membersPerPatchMax: number;
  /** Absent: the version comes as it is. */
  readonly versionTag?: string;
  readonly readsLagMs?: number;
  readonly now: () => number;
  readonly narrate: (line: () => string) => void;
}

interface Active {
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly version: string;
  readonly isComparison: boolean;
  /** Of a PATCH. */
  readonly members: readonly string[];
}

export class TargetOracle implements Traffic {
  requests = 0;
  /**
   * The intake limit was reached before a partition had caught up: then older events may be applied again before newer
   * ones are read, with a warning (protocol.md 4.6).
   */
  mayGoBack = false;
  readonly #world: World;
  readonly #active = new Set<object>();
  /** Requests of comparisons that have no answer yet. */
  readonly #awaited = new Set<object>();
  /** Requests of comparisons that have ended without an answer. */
  unansweredComparisons = 0;
  /** Its request that begins now is one of a comparison; null: none is. */
  #comparingHost: string | null = null;
  /** By host and path: versions that the target has called stale. */
  readonly #stale = new Set<string>();
  /** By host: when a 429 came, and when it lets the host go on, ms of the history. */
  readonly #closed = new Map<string, { readonly at: number; readonly until: number }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The request of this host that begins in this tick is one of a comparison. */
  comparing(host: string): void {
    this.#comparingHost = host;
  }

  begun(request: TargetRequest, host: string, askedAt: number): object {
    const { concurrency, now, narrate } = this.#world;
    const isComparison = this.#comparingHost === host;
    this.#comparingHost = null;
    const { method, path } = request;
    this.requests += 1;
    narrate(() => `${host} sends ${method} ${path} ${request.headers['if-match'] ?? ''} ${request.body}`);
    const ofHost = [...this.#active].map((active) => active as Active).filter((active) => active.host === host);
    if (isComparison && (ofHost.length > 0 || method !== 'GET'))
      throw new Violation('compares', `${host} compares by ${method} with ${ofHost.length} requests in flight`);
    // One of a comparison takes no slot, and its group may come to be due meanwhile.
    const own = ofHost.filter((active) => !active.isComparison);
    if (own.length >= concurrency)
      throw new Violation('one-in-flight', `${host} has ${own.length} requests in flight already`);
    if (own.some((active) => active.path === path))
      throw new Violation('one-in-flight', `${host} has a request for ${path} in flight`);
    const closed = this.#closed.get(host);
    const closedForMs = (closed?.until ?? 0) - now();
    // What had its permit already may wait for its connection.
    if (closed !== undefined && askedAt > closed.at && closedForMs > 1)
      throw new Violation('one-in-flight', `${host} was asked to wait ${closedForMs} ms more`);
    this.#checkDialect(request);
    this.#world.pauses.sent(groupIn(path), `${method} ${path}`);
    if (method === 'PATCH') this.#world.additions.sent(path.slice(path.lastIndexOf('/') + 1), namedIn(request.body));
    // Where it is changed on the way, every form of it may have to be tried more than once.
    if (this.#world.versionTag === undefined) this.#checkVersion(host, request);
    const active: Active = {
      host,
      path,
      method,
      version: versionOf(request),
      isComparison,
      members: membersOf(request),
    };
    this.#active.add(active);
    if (!isComparison) return active;
    this.#awaited.add(active);
    this.#world.compared.asked(groupIn(path) ?? '', now());
    return active;
  }

  answered(token: object, answer: SandboxAnswer): void {
    const { status, headers } = answer;
    const { host, method, path, version, members } = token as Active;
    this.#awaited.delete(token);
    const [member] = members;
    if (status >= 400 && member !== undefined && members.length === 1)
      this.#world.knowledge.refusedAlone.add(seatOf({ group: path.slice(path.lastIndexOf('/') + 1), member }));
    if (isConflict(answer)) this.#stale.add(`${host} ${path} ${version}`);
    this.#world.narrate(() => `${host} is answered ${status} to ${method} ${path}`);
    if (status === 403) this.#world.knowledge.denied.set(path.slice(path.lastIndexOf('/') + 1), this.#world.now());
    const seconds = Number(headers['retry-after']);
    if (status !== 429 || Number.isNaN(seconds)) return;
    const at = this.#world.now();
    this.#closed.set(host, { at, until: Math.max(at + seconds * 1_000, this.#closed.get(host)?.until ?? 0) });
  }

  over(token: object): void {
    this.#active.delete(token);
    if (this.#awaited.delete(token)) this.unansweredComparisons += 1;
  }

  /** A process that is gone has nothing in flight any more. */
  gone(host: string): void {
    for (const active of this.#active) if ((active as Active).host === host) this.#active.delete(active);
  }

  readonly watch: Watch = ({ group, before, after, by }) => {
    const { knowledge, now, narrate } = this.#world;
    const changed = [...new Set([...before, ...after])].filter((member) => before.has(member) !== after.has(member));
    for (const member of changed) {
      const op = after.has(member) ? 'add' : 'remove';
      narrate(() => `${by}: ${op} of ${member} in ${group} takes effect`);
      const seat = seatOf({ group, member });
      if (op === 'remove') knowledge.absentSince.set(seat, now());
      else this.#world.additions.landed(seat);
      if (by === FOREIGN_WRITER) knowledge.foreign.set(seat, now());
      else this.#checkEffect(seat, op);
    }
    if (by === FOREIGN_WRITER) return;
    const removed = changed.filter((member) => before.has(member));
    this.#world.guard.removed(group, before.size, removed);
    if (!this.mayGoBack) this.#world.additions.removed(group, removed);
  };

  #checkEffect(seat: string, op: 'add' | 'remove'): void {
    const { knowledge } = this.#world;
    const wanted = knowledge.line(seat);
    const text = `${op} of ${seat.replace('\n', '/')}`;
    if (!wanted.some((intent) => intent.op === op))
      throw new Violation('safe-dialect', `no change asks for the ${text}`);
    if (!this.mayGoBack) this.#world.wholes.landed(seat, op);
    const final = wanted.findLast((intent) => knowledge.isDone(intent));
    if (final === undefined || final.op === op || this.mayGoBack) return;
    if (wanted.some((intent) => intent.op === op && intent.place > final.place)) return;
    throw new Violation('no-stale-effect', `${text} takes effect although ${final.id} (${final.op}) is final`);
  }

  /** A version only ever moves on: what was refused for it once is refused again. */
  #checkVersion(host: string, request: TargetRequest): void {
    // It cannot learn what it is not shown.
    if (this.#world.readsLagMs !== undefined) return;
    const version = versionOf(request);
    if (this.#stale.has(`${host} ${request.path} ${version}`))
      throw new Violation('learns', `${host} sends ${request.path} for version ${version} again`);
  }

  #checkDialect({ method, path, headers, body }: TargetRequest): void {
    const wrong = method === 'PATCH' ? wrongPatch(headers, body, this.#world.membersPerPatchMax) : null;
    if (wrong !== null) throw new Violation('safe-dialect', `PATCH ${path} ${wrong}: ${body}`);
    if (method !== 'PATCH' && method !== 'GET') throw new Violation('safe-dialect', `${method} is sent`);
  }
}

const groupIn = (path: string): string => {
  const [name = ''] = path.slice(path.lastIndexOf('/') + 1).split('?');
  return decodeURIComponent(name);
};

const versionOf = ({ headers }: TargetRequest): string => headers['if-match'] ?? '';

const isConflict = ({ status, body }: SandboxAnswer): boolean =>
  (status === 409 && !/"uniqueness"/.test(body)) || status === 412 || (status === 400 && /does not match/.test(body));

interface Operation {
  readonly op: string;
  readonly path?: string;
  readonly value?: readonly { readonly value?: string }[];
}

function membersOf({ method, body }: TargetRequest): readonly string[] {
  if (method !== 'PATCH') return [];
  const { Operations: operations } = JSON.parse(body) as { Operations: readonly Operation[] };
  return operations.flatMap(({ path, value }) => {
    const removed = /^members\[value eq "(.*)"\]$/.exec(path ?? '')?.[1];
    return removed === undefined ? (value ?? []).flatMap((one) => one.value ?? []) : [removed];
  });
}

function namedIn(body: string): { readonly adds: readonly string[]; readonly removes: readonly string[] } {
  const { Operations: operations } = JSON.parse(body) as { Operations: readonly Operation[] };
  return {
    adds: operations.flatMap(({ value }) => value?.flatMap((each) => each.value ?? []) ?? []),
    removes: operations.flatMap(({ op, path }) => (op === 'remove' ? (path?.split('"')[1] ?? []) : [])),
  };
}

function wrongPatch(headers: TargetRequest['headers'], body: string, membersMax: number): string | null {
  if (!/^(W\/)?".+"$/.test(headers['if-match'] ?? '')) return 'has no If-Match';
  const { Operations: operations } = JSON.parse(body) as { Operations: readonly Operation[] };
  let members = 0;
  for (const { op, path, value } of operations) {
    const isAdd =
      op === 'add' && path === 'members' && Array.isArray(value) && value.every((one) => Boolean(one.value));
    const isRemove = op === 'remove' && /^members\[value eq "[^"]+"\]$/.test(path ?? '') && value === undefined;
    if (!isAdd && !isRemove) return `has an unsafe ${op} of ${path}`;
    members += isAdd ? value.length : 1;
  }
  return members > membersMax ? `names ${members} members` : null;
}
