/**
 * What the consumer group grants this instance: its member id, its generation, and the lease within which requests to the
 * target may start (protocol.md 4; spec: lease, halt).
 *
 *   halted ──assigned──▶ granted, while the lease holds ──joining──▶ halted      any ──lost──▶ halted, no member
 *   any ──end──▶ ending: nothing starts any more
 */
import type { Assignment, Clock, Heartbeat, Instant } from '../ports.ts';

export class Lease {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #leaseMs: number;
  #memberId: string | null = null;
  #partitionCount = 0;
  #generation: number | null = null;
  #isHalted = true;
  #joiningAt: Instant | null = null;
  #from: Instant | null = null;
  #isEnding = false;

  /** @param leaseMs after the last good heartbeat. */
  constructor(clock: Pick<Clock, 'now'>, leaseMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  /** null: not a member. */
  get memberId(): string | null {
    return this.#memberId;
  }

  /** Of the source topic. */
  get partitionCount(): number {
    return this.#partitionCount;
  }

  /** Of the consumer group, as the last heartbeat names it; null: there was none since the assignment. */
  get generation(): number | null {
    return this.#generation;
  }

  /** Between the building of a JoinGroup request and the assignment. */
  get isHalted(): boolean {
    return this.#isHalted;
  }

  /** This instance ends: nothing is read and no request starts. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** By the later of both clocks: one stands still while a machine sleeps, the other may be set back (spec: lease). */
  get holds(): boolean {
    return this.#from !== null && elapsedMs(this.#from, this.#clock.now()) <= this.#leaseMs;
  }

  /** May a request to the target start now? Asked in the tick that writes to the socket (spec: lease, halt). */
  get mayAsk(): boolean {
    return !this.#isHalted && !this.#isEnding && this.holds;
  }

  joining(): void {
    this.#isHalted = true;
    this.#joiningAt = this.#clock.now();
  }

  assigned({ memberId, partitionCount }: Assignment): void {
    this.#memberId = memberId;
    this.#partitionCount = partitionCount;
    this.#generation = null;
    this.#isHalted = false;
    this.#from = this.#joiningAt;
  }

  /** It names the generation, proves that we are a member, and is the lease. */
  heartbeat({ generation, sentAt }: Heartbeat): void {
    this.#from = sentAt;
    this.#generation = generation;
  }

  lost(): void {
    this.#isHalted = true;
    this.#from = null;
    this.#memberId = null;
  }

  end(): void {
    this.#isEnding = true;
  }
}

const elapsedMs = (from: Instant, to: Instant): number => Math.max(to.wall - from.wall, to.monotonic - from.monotonic);
