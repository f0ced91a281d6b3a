/**
 * What was released last of each (group, member), in any spelling, so that an older change that comes late does not overwrite it. Pure.
 *
 * The rule, where the later one wants something else than the earlier one did:
 * - older, and both say when they happened: it is superseded, and must not go on;
 * - older by the time of its record only: the order is unknown, so the order of arrival stands (`uncertain`);
 * - of the very same time, from another partition: likewise.
 * A full state covers every member of its group, and is superseded by any later change of the group.
 */
import type { Delta, FullState, Op } from '../../core/change/change.ts';
import { idKey } from '../../core/change/id-key.ts';
import type { EventTime } from './reorder.ts';

export interface Occurrence extends EventTime {
  readonly partition: number;
}

interface Mark extends Occurrence {
  readonly wants: Op | 'state';
}

export interface Judgement {
  /** What may go on; null: nothing. */
  readonly event: Delta | FullState | null;
  /** Members whose change is superseded; of a full state, the group itself. */
  readonly superseded: readonly string[];
  /** Epoch µs of the newest that they are superseded by. */
  readonly newestAt: number | null;
  /** Changes whose order is unknown. */
  readonly uncertainCount: number;
}

type Verdict = 'newer' | 'same' | 'superseded' | 'uncertain';

export class LastReleased {
  readonly #countMax: number;
  /** In two generations: to look for the oldest of one map costs more, the more of it was replaced. */
  #young = new Map<string, Mark>();
  #old: ReadonlyMap<string, Mark> = new Map();

  /** @param countMax marks that are remembered at the least, the latest ones, and at most twice that; about 200 bytes each. */
  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }

  /** Judges an event, and remembers what of it goes on. */
  judge(event: Delta | FullState, occurrence: Occurrence): Judgement {
    return event.kind === 'state' ? this.#judgeState(event, occurrence) : this.#judgeDelta(event, occurrence);
  }

  #judgeDelta(event: Delta, occurrence: Occurrence): Judgement {
    const superseded: string[] = [];
    let newestAt: number | null = null;
    let uncertainCount = 0;
    const removed = new Set(event.remove.map(idKey));
    for (const member of new Set([...event.remove, ...event.add])) {
      const mark: Mark = { ...occurrence, wants: removed.has(idKey(member)) ? 'remove' : 'add' };
      const [verdict, by] = this.#verdict([stateKey(event.group), memberKey(event.group, member)], mark);
      if (verdict === 'uncertain') uncertainCount += 1;
      if (verdict === 'superseded') {
        superseded.push(member);
        newestAt = Math.max(newestAt ?? -Infinity, by);
      } else if (verdict !== 'same') {
        this.#remember(memberKey(event.group, member), after(mark, verdict, by));
        this.#rememberNewest(event.group, mark);
      }
    }
    if (superseded.length === 0) return { event, superseded, newestAt, uncertainCount };
    const dropped = new Set(superseded);
    const [add, remove] = [event.add, event.remove].map((list) => list.filter((member) => !dropped.has(member)));
    const isEmpty = add?.length === 0 && remove?.length === 0;
    return {
      event: isEmpty ? null : { ...event, add: add ?? [], remove: remove ?? [] },
      superseded,
      newestAt,
      uncertainCount,
    };
  }

  #judgeState(event: FullState, occurrence: Occurrence): Judgement {
    const mark: Mark = { ...occurrence, wants: 'state' };
    const [verdict, by] = this.#verdict([newestKey(event.group)], mark);
    if (verdict === 'superseded') return { event: null, superseded: [event.group], newestAt: by, uncertainCount: 0 };
    this.#remember(stateKey(event.group), after(mark, verdict, by));
    this.#rememberNewest(event.group, mark);
    return { event, superseded: [], newestAt: null, uncertainCount: verdict === 'uncertain' ? 1 : 0 };
  }

  /** By the one that counts most against it. */
  #verdict(keys: readonly string[], mark: Mark): readonly [verdict: Verdict, by: number] {
    const former = keys.flatMap((key) => this.#markOf(key) ?? []);
    const [newest] = former.toSorted((a, b) => b.at - a.at);
    return newest === undefined ? ['newer', -Infinity] : [compare(newest, mark), newest.at];
  }

  #rememberNewest(group: string, mark: Mark): void {
    const newest = this.#markOf(newestKey(group));
    if (newest === undefined || newest.at <= mark.at) this.#remember(newestKey(group), mark);
  }

  #remember(key: string, mark: Mark): void {
    this.#young.set(key, mark);
    if (this.#young.size < this.#countMax) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  #markOf(key: string): Mark | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }
}

function compare(former: Mark, mark: Mark): Verdict {
  if (mark.at > former.at) return 'newer';
  // To want the same again changes nothing, but must not make the former look older.
  if (mark.wants === former.wants && mark.wants !== 'state') return mark.at === former.at ? 'newer' : 'same';
  if (mark.at === former.at) return mark.partition === former.partition ? 'newer' : 'uncertain';
  return mark.isCertain && former.isCertain ? 'superseded' : 'uncertain';
}

/** What goes on without a sure place in the order leaves none to judge by. */
const after = (mark: Mark, verdict: Verdict, by: number): Mark =>
  verdict === 'uncertain' ? { ...mark, at: Math.max(mark.at, by), isCertain: false } : mark;

// No id holds a control character, so that no two of these keys are equal.
const memberKey = (group: string, member: string): string => `${idKey(group)}\n${idKey(member)}`;
const stateKey = (group: string): string => `${idKey(group)}\n\nstate`;
const newestKey = (group: string): string => `${idKey(group)}\n\nnewest`;
