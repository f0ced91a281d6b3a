/**
 * Watches the removal guard (protocol.md 11): no removal that had to be held takes effect unless an operator has approved
 * exactly the set that was held. Limits and digests are reckoned here once more, without any code of `src`.
 */
import { createHash } from 'node:crypto';
import { isAlwaysHeld, recordIdOf } from '../../oracle/full-states.ts';
import { placeText } from '../../oracle/places.ts';
import type { WantedIntent } from '../../oracle/intents.ts';
import type { LiveIntent, TopicRecord } from '../../oracle/live-records.ts';
import { headerOf, textOf } from '../../oracle/live-records.ts';
import { operationOf, type Report } from '../../oracle/reports.ts';
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
  readonly ids: ReadonlySet<string>;
  /** The live record of its group says so now. */
  isShown: boolean;
  /** Requests that no owner has answered, by key. */
  readonly asked: Map<string, Asked>;
  /** What an operator has asked for while, or before, it was shown. */
  readonly granted: Set<string>;
}

interface Asked {
  readonly kind: string;
  readonly offset: bigint;
}

export class GuardOracle {
  readonly #world: World;
  /** By digest. */
  readonly #sets = new Map<string, HeldSet>();
  /** By partition and group: the digest of what is held now. */
  readonly #shown = new Map<string, HeldSet>();
  /** What a replay names: where its newest request lies. */
  readonly #replayed = new Map<string, bigint>();

  constructor(world: World) {
    this.#world = world;
  }

  /** What the live record of a group says now. */
  recorded(partition: number, group: string, intents: readonly LiveIntent[]): void {
    const idOf = ({ place, name }: LiveIntent): string => `source/${partition}/${placeText(place)}/${name}`;
    // What was refused keeps why it was held, in case it is woken.
    const held = intents.filter((intent) => intent.held !== null && intent.dead === null);
    const digest = held.length === 0 ? null : digestOf(group, held, idOf);
    const wrong = held.find((intent) => intent.held?.digest !== digest);
    if (wrong !== undefined) fail(`${idOf(wrong)} is held under another digest than that of what is held`);
    this.#show(`${partition} ${group}`, digest, held.map(idOf));
    for (const intent of intents)
      if (intent.approval !== null) this.#checkReleased(idOf(intent), intent.approval.digest, 'approve');
  }

  /** An approval or a refusal lies in the retry topic. */
  requested(record: TopicRecord): void {
    const kind = headerOf(record, 'rollcall-type');
    if (record.value === null || (kind !== 'approve' && kind !== 'reject')) return;
    // No decision of an operator.
    if (headerOf(record, FORGED) !== '') return;
    const { digest } = JSON.parse(textOf(record.value)) as { digest: string };
    const set = this.#sets.get(digest);
    set?.asked.set(textOf(record.key), { kind, offset: record.offset });
    if (set !== undefined && (set.isShown || this.#isHeldAgain(set))) set.granted.add(kind);
  }

  /** A replay lies in the retry topic. */
  replayed(id: string, offset: bigint): void {
    this.#replayed.set(id, offset);
  }

  /**
   * What was refused, and is named by replays that lie before this request. Its owner takes up both in their order, maybe
   * before any live record shows the set again under its digest, which is the same.
   */
  #isHeldAgain({ ids }: HeldSet): boolean {
    return [...ids].every((id) => this.#replayed.has(id));
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
    if (verdict === 'rejected' && asked !== undefined) this.#endReplays(set?.ids ?? new Set(), asked.offset);
    // What a replay has woken may be held again.
    const isDone = verdict === 'approved' || verdict === 'rejected';
    if (!isDone || set === undefined || [...set.ids].some(this.#world.isWoken)) return;
    if (set.isShown) fail(`an operator gets the answer ${verdict} for ${digest}, and the live record still holds it`);
  }

  /** A refusal has ended what was named before it. */
  #endReplays(ids: ReadonlySet<string>, offset: bigint): void {
    for (const id of ids) if ((this.#replayed.get(id) ?? offset) < offset) this.#replayed.delete(id);
  }

  reported(report: Report): void {
    const { reason, approval } = report;
    const id = operationOf(report);
    if (approval) this.#checkReleased(id, approval.digest, 'approve');
    if (report.outcome === 'held') this.#checkNeeded(id);
    if (report.outcome === 'held' && reason?.code === 'window_count') this.#world.window.heldForWindow(id);
    if (report.final && report.op === 'remove') this.#noteRemoved(report);
    const isRefused = reason?.code === 'refused';
    if (isRefused && ![...this.#sets.values()].some(({ ids, granted }) => ids.has(id) && granted.has('reject')))
      fail(`${id} is reported as refused, and no operator has refused just what is held`);
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
    return [...this.#sets.values()].some(({ ids, granted }) => ids.has(id) && granted.has('approve'));
  }

  #checkReleased(id: string, digest: string, kind: string): void {
    const set = this.#sets.get(digest);
    if (set === undefined || !set.ids.has(id)) fail(`${id} is released by an approval of what it was not held with`);
    if (!set.granted.has(kind)) fail(`${id} is released by an approval, and something else was held by then`);
  }

  #show(place: string, digest: string | null, ids: readonly string[]): void {
    const before = this.#shown.get(place);
    if (before !== undefined) before.isShown = false;
    this.#shown.delete(place);
    if (digest === null) return;
    const set = this.#sets.get(digest) ?? { ids: new Set(ids), isShown: true, asked: new Map(), granted: new Set() };
    this.#sets.set(digest, set);
    this.#shown.set(place, set);
    set.isShown = true;
    for (const { kind } of set.asked.values()) set.granted.add(kind);
  }
}

/** A member, or a group, that has another name at the target stands with that beside its id. */
export function digestOf(group: string, intents: readonly LiveIntent[], idOf: (intent: LiveIntent) => string): string {
  const entries = intents
    .map((intent) => ({ id: idOf(intent), member: intent.member, held: intent.held }))
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
