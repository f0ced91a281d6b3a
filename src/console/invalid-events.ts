/** Events that a plan cannot read: how many, and the first of them. */
import type { Hint, Invalid } from '../core/change/change.ts';
import { visible } from '../core/text/visible.ts';

const NAMED_MAX = 20;

export class InvalidEvents {
  readonly #named: string[] = [];
  count = 0;

  /** @param where such as `line 7`. */
  note(where: string, { code, message }: Pick<Invalid | Hint, 'code' | 'message'>): void {
    this.count += 1;
    if (this.#named.length < NAMED_MAX) this.#named.push(`${where}: ${code}: ${visible(message)}\n`);
  }

  /** A line for each of the first, and how many more there are. */
  get text(): string {
    const left = this.count - this.#named.length;
    return `${this.#named.join('')}${left === 0 ? '' : `… and ${left} more that are not valid\n`}`;
  }
}
