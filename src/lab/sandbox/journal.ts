// What happened: a bounded list of requests, counts, what is in flight, and the signals tests wait for.
import type { PatchOperation } from './patch.ts';
import type { Endpoint } from './request.ts';

export type JournalEntry = Readonly<{
  /** Order of arrival, from 1. */
  seq: number;
  /** Epoch ms of arrival. */
  at: number;
  method: string;
  path: string;
  endpoint: Endpoint | null;
  group: string | null;
  /** Of a list, as it was sent. */
  filter: string | null;
  ifMatch: string | null;
  ifNoneMatch: string | null;
  /** Which of the tokens handed out it carried, counted from 1; null: none that holds. */
  token: number | null;
  operations: readonly PatchOperation[];
  dangerous: boolean;
  /** What was sent back; null as long as nothing was, and for ever where nothing is. */
  status: number | null;
  /** Epoch ms at which a write took effect (a write that changed nothing counts); null if it did not. */
  appliedAt: number | null;
  /** The group's version after that. */
  appliedVersion: number | null;
  /** The kinds of the faults it met, in the order of the rules, joined by +. */
  faulted: string | null;
  correlationId: string;
  /** Answered, cut, or given up by the client. */
  ended: boolean;
}>;

/**
 * `arrived`: read in full, nothing done yet. `applied`: a write took effect. `ended`: answered or cut, or the client hung up.
 * `lapsed`: a late write found another version, or was refused.
 */
export type Phase = 'arrived' | 'applied' | 'ended' | 'lapsed';
export type RequestListener = (event: Readonly<{ phase: Phase; entry: JournalEntry }>) => void;
export type RequestPredicate = (entry: JournalEntry) => boolean;

export type SandboxStats = Readonly<{
  /** By method, then by status; `none` where nothing was sent back. */
  requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
  inFlight: number;
  inFlightMax: number;
  inFlightMaxByGroup: Readonly<Record<string, number>>;
  /** Requests that asked for members to go that they did not name: bare remove, replace, PUT. */
  dangerous: number;
  /** Writes that took effect. */
  applied: number;
  /** Tokens handed out. */
  tokens: number;
  /** Lists that were asked for, with any answer: look-ups. */
  lists: Readonly<{ users: number; groups: number }>;
  /** The most recent requests, oldest first. */
  journal: readonly JournalEntry[];
}>;

export type LiveEntry = { -readonly [Key in keyof JournalEntry]: JournalEntry[Key] };

export class Journal {
  readonly #keepMax: number;
  readonly #listeners = new Set<RequestListener>();
  readonly #requests = new Map<string, Map<string, number>>();
  readonly #inFlightByGroup = new Map<string, number>();
  readonly #inFlightMaxByGroup = new Map<string, number>();
  #entries: LiveEntry[] = [];
  #seq = 0;
  #inFlight = 0;
  #inFlightMax = 0;
  #dangerous = 0;
  #applied = 0;
  #tokens = 0;
  readonly #lists = { users: 0, groups: 0 };

  constructor(options: { keepMax: number }) {
    this.#keepMax = options.keepMax;
  }

  /** A request whose headers have come in; from here on it is in flight. */
  open(
    request: Pick<
      JournalEntry,
      'at' | 'method' | 'path' | 'endpoint' | 'group' | 'filter' | 'ifMatch' | 'ifNoneMatch' | 'token' | 'correlationId'
    >,
  ): LiveEntry {
    this.#seq += 1;
    const entry = {
      ...request,
      seq: this.#seq,
      operations: [],
      dangerous: false,
      status: null,
      appliedAt: null,
      appliedVersion: null,
      faulted: null,
      ended: false,
    };
    this.#entries.push(entry);
    if (this.#entries.length >= 2 * this.#keepMax) this.#entries = this.#entries.slice(-this.#keepMax);
    this.#enter(entry.group);
    return entry;
  }

  arrived(entry: LiveEntry): void {
    if (entry.dangerous) this.#dangerous += 1;
    this.#tell('arrived', entry);
  }

  applied(entry: LiveEntry, version: number, now: number): void {
    entry.appliedAt = now;
    entry.appliedVersion = version;
    this.#applied += 1;
    this.#tell('applied', entry);
  }

  lapsed(entry: LiveEntry): void {
    this.#tell('lapsed', entry);
  }

  /** Call before the answer's last byte leaves, so that a client's next request never finds this one in flight. */
  ended(entry: LiveEntry, status: number | null): void {
    if (entry.ended) return;
    entry.ended = true;
    entry.status = status;
    if (entry.endpoint === 'token' && status === 200) this.#tokens += 1;
    if (entry.endpoint === 'users' || entry.endpoint === 'groups') this.#lists[entry.endpoint] += 1;
    const byStatus = this.#requests.get(entry.method) ?? new Map<string, number>();
    const key = status === null ? 'none' : String(status);
    this.#requests.set(entry.method, byStatus.set(key, (byStatus.get(key) ?? 0) + 1));
    this.#leave(entry.group);
    this.#tell('ended', entry);
  }

  listen(listener: RequestListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stats(): SandboxStats {
    return {
      requests: Object.fromEntries([...this.#requests].map(([method, counts]) => [method, Object.fromEntries(counts)])),
      inFlight: this.#inFlight,
      inFlightMax: this.#inFlightMax,
      inFlightMaxByGroup: Object.fromEntries(this.#inFlightMaxByGroup),
      dangerous: this.#dangerous,
      applied: this.#applied,
      tokens: this.#tokens,
      lists: { ...this.#lists },
      journal: this.#entries.slice(-this.#keepMax),
    };
  }

  #tell(phase: Phase, entry: LiveEntry): void {
    for (const listener of this.#listeners) listener({ phase, entry });
  }

  #enter(group: string | null): void {
    this.#inFlight += 1;
    this.#inFlightMax = Math.max(this.#inFlightMax, this.#inFlight);
    if (group === null) return;
    const inFlight = (this.#inFlightByGroup.get(group) ?? 0) + 1;
    this.#inFlightByGroup.set(group, inFlight);
    this.#inFlightMaxByGroup.set(group, Math.max(this.#inFlightMaxByGroup.get(group) ?? 0, inFlight));
  }

  #leave(group: string | null): void {
    this.#inFlight -= 1;
    if (group === null) return;
    this.#inFlightByGroup.set(group, (this.#inFlightByGroup.get(group) ?? 1) - 1);
  }
}
