/**
 * Room lab/sandbox: an emulator of Genesys Cloud.
 * Not here: anything else of src: it shares nothing with the client that it tests.
 *
 * OAuth, SCIM groups and users: a server of its own with state of its own. What the vendor's documents leave open is a switch
 * (behaviour.ts); what goes wrong is set by rules (faults.ts).
 */
import type { Behaviour } from './behaviour.ts';
import type { Controls } from './control.ts';
import type { FaultRule, RuleCount } from './faults.ts';
import {
  Signals,
  type JournalEntry,
  type PausePoint,
  type PausedRequests,
  type Phase,
  type RequestListener,
  type RequestPredicate,
  type SandboxStats,
} from './journal.ts';
import type { Group, NewGroup, NewUser } from './directory.ts';
import type { Denial } from './access.ts';
import { SandboxServer, type DownMode } from './server.ts';
import { createState, type SandboxOptions, type SandboxState } from './state.ts';

/** Starts a sandbox. Throws a SeedError or ZodError for options that make no sense. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const state = createState(options);
  const sandbox = new Sandbox(state);
  await sandbox.listen(options);
  return sandbox;
}

export class Sandbox implements Controls {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly #state: SandboxState;
  readonly #server: SandboxServer;
  readonly #signals: Signals;

  /** Use startSandbox. */
  constructor(state: SandboxState) {
    this.clientId = state.clientId;
    this.clientSecret = state.clientSecret;
    this.#state = state;
    this.#signals = new Signals(state.journal);
    this.#server = new SandboxServer(state, this);
  }

  async listen(options: SandboxOptions): Promise<void> {
    const { host = '127.0.0.1', port = 0, publicUrl } = options;
    const address = await this.#server.listen(host, port);
    this.#state.listensAt(publicUrl?.replace(/\/$/, '') ?? `http://${nameOf(host)}:${address.port}`);
  }

  /** Base URL of the API and of the login host, without a slash at the end. */
  get url(): string {
    return this.#state.url;
  }

  get stats(): SandboxStats {
    return this.#state.journal.stats();
  }

  get behaviour(): Behaviour {
    return this.#state.behaviour;
  }

  behave(changes: Partial<Behaviour>): void {
    this.#state.behave(changes);
  }

  findGroup(id: string): Group | null {
    return this.#state.groups.find(id);
  }

  /** In the order they were added. Throws if there is no such group. */
  members(group: string): readonly string[] {
    return [...this.#group(group).members];
  }

  /** Throws if there is no such group. */
  version(group: string): number {
    return this.#group(group).version;
  }

  /** Creates or recreates the group; what is left out stays as it was. Its members need not be users. */
  putGroup(group: NewGroup): void {
    this.#state.groups.put(group, this.#state.world.now());
  }

  /** As another writer would: the version moves. Throws if there is no such group. */
  setMembers(group: string, members: readonly string[]): void {
    this.#state.groups.overwrite(this.#group(group), new Set(members), this.#state.world.now());
  }

  deleteGroup(id: string): void {
    this.#state.groups.remove(id);
  }

  putUser(user: NewUser): void {
    this.#state.users.put(user);
  }

  /** From now on no user has this id; groups keep it as a member. */
  deleteUser(id: string): void {
    this.#state.users.remove(id);
  }

  /** Returns the rule's id. Throws a ZodError if the rule makes no sense. */
  addRule(rule: FaultRule): string {
    return this.#state.rules.add(rule);
  }

  removeRule(id: string): void {
    this.#state.rules.remove(id);
  }

  clearRules(): void {
    this.#state.rules.clear();
  }

  ruleCounts(): readonly RuleCount[] {
    return this.#state.rules.counts();
  }

  /** API requests (of one group, or all) get 403 missing.permissions, or what is asked. */
  deny(denial: Denial = {}): void {
    this.#state.denials.deny(denial);
  }

  /** Takes denials back: those of this group, or all. */
  allow(group?: string): void {
    this.#state.denials.allow(group);
  }

  /** Every token handed out so far gets 401. */
  revokeTokens(): void {
    this.#state.tokens.revokeAll();
    this.#state.limits.forget();
  }

  /** No new token: 400 invalid_client with this description; null: as usual again. */
  refuseClient(description: string | null = 'authentication failed'): void {
    this.#state.tokens.refuseClient(description);
  }

  /** Drops all connections, and what was not yet applied, and takes no more. */
  goDown(mode: DownMode = 'reset'): Promise<void> {
    return this.#server.goDown(mode);
  }

  goUp(): Promise<void> {
    return this.#server.goUp();
  }

  /** Tells every phase of every request until the returned function is called. */
  onRequest(listener: RequestListener): () => void {
    return this.#state.journal.listen(listener);
  }

  /** The next request, from now on, that comes into the phase (default: ended) and matches. */
  nextRequest(predicate: RequestPredicate = () => true, phase: Phase = 'ended'): Promise<JournalEntry> {
    return this.#signals.next(predicate, phase);
  }

  /** Resolves as soon as the condition holds; looked at after every event of a request. */
  until(condition: () => boolean): Promise<void> {
    return this.#signals.until(condition);
  }

  /** Holds matching requests before (default) or after they are applied, until released. */
  pauseAt(predicate: RequestPredicate = () => true, point: PausePoint = 'before'): PausedRequests {
    return this.#state.gates.pauseAt(predicate, point);
  }

  /** Resets all connections; waits that did not come true reject, timers go, nothing more is applied. */
  async stop(): Promise<void> {
    this.#state.timers.stop();
    await this.#server.stop();
    this.#state.gates.releaseAll();
    this.#signals.stop();
  }

  #group(id: string): Group {
    const group = this.findGroup(id);
    if (!group) throw new Error(`the sandbox has no group ${JSON.stringify(id)}`);
    return group;
  }
}

function nameOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
