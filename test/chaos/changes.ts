/** The change events: members who come and go, repetitions, users unknown to the target, and unreadable records. */
import type { OutRecord } from '../../src/ports.ts';
import type { SeededRandom } from '../support/random.ts';

/** Of each group; no event ever names the bystanders. */
export const INITIAL_MEMBERS: readonly string[] = ['m0', 'm1', 'm2', 'bystander-0', 'bystander-1', 'bystander-2'];

/** No directory has them at first; the second half comes to be known later. */
export const UNKNOWN_USERS: readonly string[] = Array.from({ length: 20 }, (_, i) => `unknown-${i}`);

/** Added once and removed once, later: after the removal no addition may take effect. */
export const isPasser = (member: string): boolean => member.startsWith('passer-');

type SourceRecord = Pick<OutRecord, 'key' | 'value'>;

interface Passer {
  readonly group: string;
  readonly member: string;
}

const MEMBERS = 15;
const INVALID_SHARE = 0.004;
const EMPTY_SHARE = 0.003;
const TOMBSTONE_SHARE = 0.002;
const UNKNOWN_SHARE = 0.01;
const PASSER_SHARE = 0.08;

export class Changes {
  readonly #random: SeededRandom;
  readonly #groups: readonly string[];
  /** Passers who may be removed by now. */
  #passers: Passer[] = [];
  #newPassers: Passer[] = [];
  #drawn = 0;

  constructor(random: SeededRandom, groups: readonly string[]) {
    this.#random = random;
    this.#groups = groups;
  }

  /** A member who passes is not removed in the batch that adds him: a batch that is sent twice must not add him again. */
  batch(size: number): readonly SourceRecord[] {
    const batch = Array.from({ length: size }, () => this.#next());
    this.#passers = [...this.#passers, ...this.#newPassers.splice(0)];
    return batch;
  }

  #next(): SourceRecord {
    this.#drawn += 1;
    const random = this.#random;
    const group = random.pick(this.#groups);
    if (random.happens(TOMBSTONE_SHARE)) return { key: group, value: null };
    if (random.happens(INVALID_SHARE)) return this.#invalid(group);
    if (random.happens(EMPTY_SHARE)) return change(group, [], []);
    if (random.happens(UNKNOWN_SHARE)) return change(group, [random.pick(UNKNOWN_USERS), this.#member()], []);
    if (random.happens(PASSER_SHARE)) return this.#passing(group);
    const named = Array.from({ length: 1 + random.below(3) }, () => this.#member());
    return change(
      group,
      named.filter(() => random.happens(0.5)),
      named.filter(() => random.happens(0.5)),
    );
  }

  #member(): string {
    return `m${this.#random.below(MEMBERS)}`;
  }

  #passing(group: string): SourceRecord {
    const leaving = this.#random.happens(0.5) ? this.#passers.shift() : undefined;
    if (leaving !== undefined) return change(leaving.group, [], [leaving.member]);
    const member = `passer-${this.#drawn}`;
    this.#newPassers.push({ group, member });
    return change(group, [member], []);
  }

  #invalid(group: string): SourceRecord {
    return this.#random.pick([
      { key: group, value: `{"group_id":"${group}"` },
      { key: `not-${group}`, value: JSON.stringify({ group_id: group, add_members: ['m1'] }) },
      { key: group, value: JSON.stringify({ group_id: group, add_members: null }) },
      { key: null, value: JSON.stringify({ group_id: group, add_members: ['m1'] }) },
    ]);
  }
}

const change = (group: string, add: readonly string[], remove: readonly string[]): SourceRecord => ({
  key: group,
  value: JSON.stringify({ group_id: group, add_members: add, remove_members: remove }),
});
