/**
 * Which groups are ready, which are to be reviewed when, and which have a slot.
 *
 *   idle ──wakeBy──▶ waiting ──its time──▶ (reviewed) ──ready──▶ ready ──takeReady──▶ locked: in flight ──unlock──▶ idle
 */
import type { Group } from './group.ts';
import { Heap } from './heap.ts';
import { type Readiness, ReadyQueue, type Turn } from './ready-queue.ts';

export class GroupQueue {
  readonly #ready = new ReadyQueue<Group>();
  /** By when they are to be reviewed (epoch ms). */
  readonly #waiting = new Heap<Group>();
  /** Ids of groups with a slot; a lock outlives the loss of its partition. */
  readonly #locked = new Set<string>();

  get readyCount(): number {
    return this.#ready.size;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Groups in flight. */
  get lockedCount(): number {
    return this.#locked.size;
  }

  isLocked({ id }: Pick<Group, 'id'>): boolean {
    return this.#locked.has(id);
  }

  /** It has a slot: what happens meanwhile must not send it a second time. */
  lock({ id }: Pick<Group, 'id'>): void {
    this.#locked.add(id);
  }

  unlock({ id }: Pick<Group, 'id'>): void {
    this.#locked.delete(id);
  }

  /** null: it is not ready. */
  classOf(group: Group): Readiness['class'] | null {
    return this.#ready.classOf(group);
  }

  /** It waits for a slot, and no more for a time. */
  makeReady(group: Group, readiness: Readiness): void {
    this.#waiting.delete(group);
    this.#ready.push(group, readiness);
  }

  get hasReady(): boolean {
    return !this.#ready.isEmpty;
  }

  /** undefined: none is ready. */
  takeReady(turn: Turn<Group>): Group | undefined {
    return this.#ready.pop(turn);
  }

  /** It is not ready any more. */
  withdraw(group: Group): void {
    this.#ready.delete(group);
  }

  /** To be reviewed at `at` (epoch ms) at the latest, unless it is ready. */
  wakeBy(group: Group, at: number): void {
    if (this.#ready.classOf(group) !== null || (this.wakeAt(group) ?? Number.POSITIVE_INFINITY) <= at) return;
    this.wake(group, at);
  }

  /** To be reviewed at `at` (epoch ms), and not before. */
  wake(group: Group, at: number): void {
    this.#waiting.push(group, at);
  }

  /** Epoch ms; undefined: it waits for no time. */
  wakeAt(group: Group): number | undefined {
    return this.#waiting.priorityOf(group);
  }

  /** It waits for no time any more. */
  endWait(group: Group): void {
    this.#waiting.delete(group);
  }

  /** When the next group is to be reviewed, epoch ms; null: none waits. */
  get nextAt(): number | null {
    return this.#waiting.peek()?.priority ?? null;
  }

  /** One whose time has come; undefined: there is none. */
  takeDue(now: number): Group | undefined {
    const next = this.#waiting.peek();
    return next === undefined || next.priority > now ? undefined : this.#waiting.pop();
  }

  /** Nothing of it is left, or its partition is lost. */
  forget(group: Group): void {
    this.#ready.delete(group);
    this.#waiting.delete(group);
  }
}
