// What happened: a bounded list of requests, counts, what is in flight; the gates that hold requests; and signals, which are waited
// for instead of sleeping.
import type { Endpoint, PatchOperation } from './request.ts';

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

  /** Read in full, with what its rules say. */
  arrived(entry: LiveEntry, read: Pick<JournalEntry, 'operations' | 'dangerous' | 'faulted'>): void {
    Object.assign(entry, read);
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

// Gates hold matching requests inside the server, before or after they are applied, until they are released.

export type PausePoint = 'before' | 'after';

export type PausedRequests = Readonly<{
  /** The first request that came to the gate. Never settles if none does. */
  arrived: Promise<JournalEntry>;
  /** Resolves when so many have come to the gate. */
  arrivals: (count: number) => Promise<void>;
  /** Those held, in the order they came. */
  paused: readonly JournalEntry[];
  /** Lets all go and takes the gate away. */
  release: () => void;
}>;

type Gate = {
  predicate: RequestPredicate;
  point: PausePoint;
  paused: JournalEntry[];
  opened: Promise<void>;
  waiting: { count: number; resolve: () => void }[];
};

export class Gates {
  readonly #gates = new Map<Gate, () => void>();

  pauseAt(predicate: RequestPredicate, point: PausePoint): PausedRequests {
    const opening = signal();
    const gate: Gate = { predicate, point, paused: [], opened: opening.promise, waiting: [] };
    const release = (): void => {
      this.#gates.delete(gate);
      opening.resolve();
    };
    this.#gates.set(gate, release);
    const arrivals = (count: number): Promise<void> => {
      const coming = signal();
      if (gate.paused.length >= count) coming.resolve();
      else gate.waiting.push({ count, resolve: coming.resolve });
      return coming.promise;
    };
    const arrived = arrivals(1).then(() => first(gate.paused));
    return { arrived, arrivals, paused: gate.paused, release };
  }

  /** Waits at every gate that matches; null where there is none, so that the usual request does not wait a tick. */
  pass(entry: JournalEntry, point: PausePoint): Promise<unknown> | null {
    const matching = [...this.#gates.keys()].filter((gate) => gate.point === point && gate.predicate(entry));
    if (matching.length === 0) return null;
    for (const gate of matching) {
      gate.paused.push(entry);
      for (const waiter of gate.waiting) if (gate.paused.length >= waiter.count) waiter.resolve();
    }
    return Promise.all(matching.map((gate) => gate.opened));
  }

  releaseAll(): void {
    for (const release of this.#gates.values()) release();
  }
}

function first(entries: readonly JournalEntry[]): JournalEntry {
  const entry = entries[0];
  if (!entry) throw new Error('a gate announced an arrival without one');
  return entry;
}

function signal(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

export class Signals {
  readonly #journal: Journal;
  readonly #rejections = new Set<(reason: Error) => void>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The next request, from now on, that comes into this phase and matches. Rejects when the sandbox stops first. */
  next(predicate: RequestPredicate, phase: Phase): Promise<JournalEntry> {
    return this.#wait((resolve) =>
      this.#journal.listen((event) => {
        if (event.phase === phase && predicate(event.entry)) resolve(event.entry);
      }),
    );
  }

  /** Resolves as soon as the condition holds: looked at now and after every event. Rejects when the sandbox stops first. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return this.#wait((resolve) =>
      this.#journal.listen(() => {
        if (condition()) resolve();
      }),
    );
  }

  stop(): void {
    for (const reject of this.#rejections) reject(new Error('the sandbox stopped'));
  }

  #wait<T>(listen: (resolve: (value: T) => void) => () => void): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      const settle = (finish: () => void): void => {
        stopListening();
        this.#rejections.delete(fail);
        finish();
      };
      const fail = (reason: Error): void => settle(() => reject(reason));
      const stopListening = listen((value) => settle(() => resolve(value)));
      this.#rejections.add(fail);
    });
    // A waiting caller sees the rejection; a signal without one must not end the process.
    promise.catch(() => {});
    return promise;
  }
}
