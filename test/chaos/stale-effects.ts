/**
 * What the target has seen: a passer is added once and removed once, later. Once his removal has taken effect, an
 * addition that still does is an older change over a newer one, even where the end looks right again.
 */
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { isPasser } from './changes.ts';

export class StaleEffects {
  readonly found: string[] = [];
  readonly #left = new Set<string>();
  readonly #stop: () => void;

  constructor(sandbox: Sandbox) {
    this.#stop = sandbox.onRequest(({ phase, entry }) => {
      if (phase !== 'applied') return;
      for (const { effect, members } of entry.operations) {
        for (const member of members.filter(isPasser)) {
          if (effect === 'removeMembers') this.#left.add(member);
          else if (this.#left.has(member)) this.found.push(`${member} was added to ${entry.group} after his removal`);
        }
      }
    });
  }

  /** Passers who were seen to leave. */
  get watched(): number {
    return this.#left.size;
  }

  stop(): void {
    this.#stop();
  }
}
