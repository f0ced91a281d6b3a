/** An id map whose users only the target knows: one look-up each, and no answer while it is down. */
import type { IdMap, Resolution } from '../../src/ports.ts';
import { respond } from './target-in-memory.ts';

export class LookedUp implements IdMap {
  readonly asked: string[] = [];
  isDown = true;
  /** Ids that it fails at even while it is not down. */
  readonly failing = new Set<string>();
  /** Of its answers while it is down. */
  status = 503;
  /** Awaited before a look-up is sent. */
  beforeStart: () => Promise<void> = async () => undefined;
  /** Awaited before it is answered. */
  beforeAnswer: () => Promise<void> = async () => undefined;
  readonly #known = new Set<string>();

  known(kind: 'user' | 'group', id: string): Resolution | null {
    return kind === 'group' || this.#known.has(id) ? { kind: 'found', id, isActive: true } : null;
  }

  async lookUp(_kind: 'user' | 'group', id: string, mayStart: () => boolean): Promise<Resolution> {
    await this.beforeStart();
    if (!mayStart()) return { kind: 'unanswered', answer: { kind: 'not_started' } };
    this.asked.push(id);
    await this.beforeAnswer();
    if (this.isDown || this.failing.has(id)) return { kind: 'unanswered', answer: respond(this.status) };
    this.#known.add(id);
    return { kind: 'found', id, isActive: true };
  }

  onChange(): void {}

  async close(): Promise<void> {}
}
