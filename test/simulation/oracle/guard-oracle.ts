/**
 * Watches the removal guard (protocol.md 11): no removal that had to be held takes effect unless an operator has approved
 * exactly the set that was held, or a part that it belongs to. Limits and digests are reckoned here once more, without any code
 * of `src`.
 */
import { createHash } from 'node:crypto';
import { isAlwaysHeld, recordIdOf } from '../../oracle/full-states.ts';
import { placeText } from '../../oracle/places.ts';
import type { WantedIntent } from '../../oracle/intents.ts';
import type { LiveIntent, TopicRecord } from '../../oracle/live-records.ts';
import { headerOf, textOf } from '../../oracle/live-records.ts';
import { operationOf, type Report, type SaidDecision } from '../../oracle/reports.ts';
import type { GuardSettings } from '../settings.ts';
import { Violation } from '../violation.ts';
import type { Knowledge } from './knowledge.ts';
import { seatOf } from './knowledge.ts';
import type { LiveView } from './live-view.ts';
import type { RemovalOracle } from './removal-oracle.ts';

/** The header of a request that no operator has made. */
export const FORGED = 'simulation-forged';

interface World {
  readonly knowledge: Knowledge;
  readonly guard: GuardSettings;
  readonly members: (group: string) => ReadonlySet<string>;
  /** By partition. */
  readonly live: readonly LiveView[];
  /** An operator has woken it. */
  readonly isWoken: (id: string) => boolean;
  readonly window: RemovalOracle;
}

interface HeldSet {
  readonly digest: string;
  readonly partition: number;
  readonly group: string;
  readonly ids: ReadonlySet<string>;
  /** It is all that the live record of its group holds now. */
  isShown: boolean;
  /** The live record of its group holds all of it now, and maybe more. */
  isHeld: boolean;
  /** Requests that no owner has answered, by key. */
  readonly asked: Map<string, Asked>;
  /** What an operator has asked for while, or before, it was shown; of a part: held. */
  readonly granted: Set<string>;
  /** A live record has said that it is approved. */
  isTaken: boolean;
  /** Its approval was answered `gone`, and no live record has said that it is approved: it lets nothing pass. */
  isGone: boolean;
  /** Of each decision that was asked for: kind and reason. */
  readonly reasons: Set<string>;
}

interface Asked {
  readonly kind: string;
  readonly offset: bigint;
  readonly isPart: boolean;
}

const placeOf = (partition: number, group: string): string => `${partition} ${group}`;

/** The value of a request to decide. */
interface Decision {
  readonly digest: string;
  readonly reason?: string;
  readonly part?: {
    readonly group: string;
    readonly pending: readonly { readonly member: string; readonly offset: string }[];
  };
}

export const idIn = (partition: number, { place, name }: Pick<LiveIntent, 'place' | 'name'>): string =>
  `source/${partition}/${placeText(place)}/${name}`;

export class GuardOracle {
  readonly #world: World;
  /** By digest. */
  readonly #sets = new Map<string, HeldSet>();
  /** By partition and group: those that were held, and parts that were asked about. */
  readonly #ofPlace = new Map<string, HeldSet[]>();
  /** By partition and group: what is held now. */
  readonly #held = new Map<string, readonly LiveIntent[]>();
  /** What a replay names: where its newest request lies. */
  readonly #replayed = new Map<string, bigint>();

  constructor(world: World) {
    this.#world = world;
  }

  /** What the live record of a group says now. */
  recorded(partition: number, group: string, intents: readonly LiveIntent[]): void {
    const idOf = (intent: LiveIntent): string => idIn(partition, intent);
    // What was refused keeps why it was held, in case it is woken.
    const held = intents.filter((intent) => intent.held !== null && intent.dead === null);
    const digest = held.length === 0 ? null : digestOf(partition, group, held);
    const wrong = held.find((intent) => intent.held?.digest !== digest);
    if (wrong !== undefined) fail(`${idOf(wrong)} is held under another digest than that of what is held`);
    this.#show(partition, group, held);
    for (const intent of intents) {
      if (intent.approval !== null) this.#checkDecided(idOf(intent), intent.approval, 'approve').isTaken = true;
      if (intent.dead?.reason === 'refused') this.#checkDecided(idOf(intent), intent.dead.refusal, 'reject');
    }
  }

  /** An approval or a refusal lies in the retry topic. */
  requested(record: TopicRecord): void {
    const kind = headerOf(record, 'rollcall-type');
    if (record.value === null || (kind !== 'approve' && kind !== 'reject')) return;
    // No decision of an operator.
    if (headerOf(record, FORGED) !== '') return;
    const { digest, reason, part } = JSON.parse(textOf(record.value)) as Decision;
    const set = this.#sets.get(digest) ?? (part && this.#newPart(record.partition, digest, part));
    if (set === undefined) return;
    const asked = { kind, offset: record.offset, isPart: part !== undefined };
    set.asked.set(textOf(record.key), asked);
    set.reasons.add(reasonKey(kind, reason));
    if (isThere(set, asked) || this.#isHeldAgain(set, asked)) grant(set, kind);
  }

  #newPart(partition: number, digest: string, { group, pending }: NonNullable<Decision['part']>): HeldSet {
    const ids = pending.map(({ member, offset }) => `source/${partition}/${offset}/${member}`);
    const set = this.#newSet({ partition, group, digest, ids: new Set(ids) });
    set.isHeld = this.#isHeldNow(set);
    return set;
  }

  /** A replay lies in the retry topic. */
  replayed(id: string, offset: bigint): void {
    this.#replayed.set(id, offset);
  }

  /**
   * What was refused, and is named by replays that lie before this request, with what is held beside it. Its owner takes up both in
   * their order, maybe before any live record shows the set again under its digest, which is the same.
   */
  #isHeldAgain({ partition, group, ids }: HeldSet, { isPart }: Asked): boolean {
    const held = (this.#held.get(placeOf(partition, group)) ?? []).map((intent) => idIn(partition, intent));
    const isAll = [...ids].every((id) => this.#replayed.has(id) || held.includes(id));
    return isAll && [...ids].some((id) => this.#replayed.has(id)) && (isPart || held.every((id) => ids.has(id)));
  }

  /** An operator has asked to approve something of the group, and no owner has answered yet. */
  isAsked(partition: number, group: string): boolean {
    const sets = this.#ofPlace.get(placeOf(partition, group)) ?? [];
    return sets.some(({ asked }) => [...asked.values()].some(({ kind }) => kind === 'approve'));
  }

  /** An owner has answered an operator: what is decided must not be held by an owner that restores it now. */
  answered(record: TopicRecord): void {
    const result = headerOf(record, 'rollcall-result');
    const kind = headerOf(record, 'rollcall-type');
    if (result === '' || (kind !== 'approve' && kind !== 'reject')) return;
    const [{ digest, result: verdict }] = JSON.parse(result) as [{ digest: string; result: string }];
    const set = this.#sets.get(digest);
    const asked = set?.asked.get(textOf(record.key));
    // An answer ends the request: what is held later needs another one.
    set?.asked.delete(textOf(record.key));
    if (verdict === 'gone' && kind === 'approve' && set?.isTaken === false)
      set.isGone = ![...set.asked.values()].some((each) => each.kind === 'approve');
    if (verdict === 'rejected' && asked !== undefined) this.#endReplays(set?.ids ?? new Set(), asked.offset);
    // What a replay has woken may be held again.
    const isDone = verdict === 'approved' || verdict === 'rejected';
    if (!isDone || set === undefined || [...set.ids].some(this.#world.isWoken)) return;
    if (set.isShown || set.isHeld)
      fail(`an operator gets the answer ${verdict} for ${digest}, and the live record still holds it`);
  }

  /** A refusal has ended what was named before it. */
  #endReplays(ids: ReadonlySet<string>, offset: bigint): void {
    for (const id of ids) if ((this.#replayed.get(id) ?? offset) < offset) this.#replayed.delete(id);
  }

  reported(report: Report): void {
    const { reason, approval, refusal } = report;
    const id = operationOf(report);
    if (approval) this.#checkDecided(id, approval, 'approve');
    if (report.outcome === 'held') this.#checkNeeded(id);
    if (report.outcome === 'held' && reason?.code === 'window_count') this.#world.window.heldForWindow(id);
    if (report.final && report.op === 'remove') this.#noteRemoved(report);
    if (reason?.code === 'refused') this.#checkDecided(id, refusal, 'reject');
  }

  #noteRemoved(report: Report): void {
    const intent = this.#world.knowledge.find(report.id);
    if (intent !== undefined) this.#world.window.reported(intent.partition, report, intent);
  }

  /** It counts what would be removed, and holds nothing else. */
  #checkNeeded(id: string): void {
    const { knowledge, members } = this.#world;
    const intent = knowledge.find(id);
    if (intent === undefined || members(intent.group).has(intent.member)) return;
    const absentSince = knowledge.absentSince.get(seatOf(intent)) ?? 0;
    if (absentSince < (knowledge.producedAt.get(recordIdOf(id)) ?? knowledge.producedAt.get(id) ?? 0))
      fail(`${id} is held, and the member was not there`);
  }

  /** A request has removed members from a group that was so large. */
  removed(group: string, size: number, members: readonly string[]): void {
    const { groupCount, groupFloor, groupPercent } = this.#world.guard;
    const counted: string[] = [];
    let partition = 0;
    for (const member of members) {
      const causes = this.#world.knowledge.causesOf(seatOf({ group, member }), 'remove');
      if (causes.length === 0 || causes.some(({ id }) => this.isApproved(id))) continue;
      counted.push(member);
      partition = causes[0]?.partition ?? 0;
      const text = `the removal of ${member} from ${group} takes effect without an approval`;
      if (causes.every(isAlwaysHeld)) fail(`${text}, by an empty full state (${causes[0]?.id})`);
      if (causes.every((cause) => this.#rests(cause))) fail(`${text}, although ${causes[0]?.id} is held`);
    }
    const count = counted.length;
    if (count > groupCount) fail(`${count} removals from ${group} take effect at once, more than ${groupCount}`);
    if (size >= groupFloor && count * 100 > groupPercent * size)
      fail(`${count} of ${size} members of ${group} are removed at once, more than ${groupPercent} %`);
    if (count > 0) this.#world.window.removed(partition, group, { members: counted, size });
  }

  #rests({ id, partition, group, member, place }: WantedIntent): boolean {
    const live = this.#world.live[partition]?.find(group, member);
    return live?.place === place && live.held !== null && live.dead === null && !this.#world.isWoken(id);
  }

  isApproved(id: string): boolean {
    const sets = [...this.#sets.values()];
    return sets.some(({ ids, granted, isGone }) => ids.has(id) && granted.has('approve') && !isGone);
  }

  /** By whom it is said to be decided is an operator who has asked for just that, with that reason. */
  #checkDecided(id: string, decision: SaidDecision | undefined, kind: 'approve' | 'reject'): HeldSet {
    const done = kind === 'approve' ? 'released by an approval' : 'refused by a refusal';
    const set = decision === undefined ? undefined : this.#sets.get(decision.digest);
    if (decision === undefined || set === undefined || !set.ids.has(id))
      fail(`${id} is ${done} of what it was not held with`);
    if (!set.granted.has(kind)) fail(`${id} is ${done}, and something else was held by then`);
    if (!set.reasons.has(reasonKey(kind, decision.reason))) fail(`${id} is ${done} for another reason than was given`);
    return set;
  }

  #show(partition: number, group: string, held: readonly LiveIntent[]): void {
    const place = placeOf(partition, group);
    this.#held.set(place, held);
    const digest = held.length === 0 ? null : digestOf(partition, group, held);
    if (digest !== null && !this.#sets.has(digest))
      this.#newSet({ partition, group, digest, ids: new Set(held.map((intent) => idIn(partition, intent))) });
    for (const set of this.#ofPlace.get(place) ?? []) {
      set.isShown = set.digest === digest;
      set.isHeld = this.#isHeldNow(set);
      for (const asked of set.asked.values()) if (isThere(set, asked)) grant(set, asked.kind);
    }
  }

  #newSet(named: Pick<HeldSet, 'partition' | 'group' | 'digest' | 'ids'>): HeldSet {
    const set: HeldSet = {
      ...named,
      isShown: false,
      isHeld: false,
      isTaken: false,
      isGone: false,
      asked: new Map(),
      granted: new Set(),
      reasons: new Set(),
    };
    const place = placeOf(named.partition, named.group);
    this.#sets.set(set.digest, set);
    this.#ofPlace.set(place, [...(this.#ofPlace.get(place) ?? []), set]);
    return set;
  }

  #isHeldNow({ partition, group, ids, digest }: HeldSet): boolean {
    const held = (this.#held.get(placeOf(partition, group)) ?? []).filter((intent) => ids.has(idIn(partition, intent)));
    return held.length === ids.size && digestOf(partition, group, held) === digest;
  }
}

function grant(set: HeldSet, kind: string): void {
  set.granted.add(kind);
  if (kind === 'approve') set.isGone = false;
}

/** What the request is about can be decided now. */
const isThere = ({ isShown, isHeld }: HeldSet, { isPart }: Asked): boolean => isShown || (isPart && isHeld);

const reasonKey = (kind: string, reason: string | null | undefined): string => `${kind} ${reason ?? ''}`;

/** A member, or a group, that has another name at the target stands with that beside its id. */
export function digestOf(partition: number, group: string, intents: readonly LiveIntent[]): string {
  const entries = intents
    .map((intent) => ({ id: idIn(partition, intent), member: intent.member, held: intent.held }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ id, member, held }) => {
      const { target = member, group_target: groupTarget = group } = held ?? {};
      if (groupTarget !== group) return [id, target, groupTarget];
      return target === member ? id : [id, target];
    });
  return createHash('sha256')
    .update(JSON.stringify([group, ...entries]))
    .digest('hex');
}

function fail(detail: string): never {
  throw new Violation('held', detail);
}
