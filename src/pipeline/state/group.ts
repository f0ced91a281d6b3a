/**
 * A group of one source partition: its members, what it is at the target, what its requests have left in doubt or
 * unconfirmed, and what its live record is known to hold.
 *
 *   idle ──due──▶ lingering ──▶ ready ──slot──▶ in flight ──▶ idle | lingering | waiting (parked, held)
 */
import assert from 'node:assert/strict';
import { WHOLE_GROUP, comparePositions, isSamePosition, type Intent, type Position } from '../../core/change/change.ts';
import { countedFrom, isHeld, waitingForTarget } from '../../core/change/pending.ts';
import type { Trouble } from '../../core/log/wire-intent.ts';
import {
  afterEnd,
  afterNoAnswer,
  afterRead,
  type Acceptance,
  type Doubt,
  type OldRead,
  type UnansweredRequest,
} from '../../core/target/doubt.ts';
import type { Failure } from '../../core/target/refusals.ts';
import { Aliases } from './aliases.ts';
import type { GroupRun } from './group-run.ts';
import type { Member } from './member.ts';
import { Members } from './members.ts';
import type { PartitionOf } from './partition.ts';
import { RecordLimit } from './records-to-write.ts';
import { UnconfirmedChanges } from './unconfirmed-changes.ts';

/** A source partition with its groups. */
export type Partition = PartitionOf<Group>;

/** A group in flight. */
export type Run = GroupRun<Group>;

/** A full state that was worked out, and is not accounted for by what it came to yet. */
export interface Expansion {
  readonly state: Intent;
  /** All that it came to is pending; until then none of that is recorded. */
  readonly isEntered: boolean;
  /** Something that it came to is in the acknowledged live record, or its report is acknowledged. */
  readonly isRecorded: boolean;
}

/** What waits for the end of the doubt, or for the next look (monotonic ms). */
interface WaitForDoubt {
  readonly untilMs: number;
  readonly intents: ReadonlySet<Intent>;
}

export class Group {
  /** As the source names it, by `idKey`; the key of its live record. */
  readonly id: string;
  readonly partition: Partition;
  /** By the source's name; a full state stands under WHOLE_GROUP. */
  readonly members: Members;
  #target: string | null;
  #targetName: string | null = null;
  #expansions: readonly Expansion[] = [];
  #aliases: Aliases | null = null;
  #run: Run | null = null;
  #suspects: ReadonlySet<string> | null = null;
  #doubt: Doubt | null;
  #unconfirmed: UnconfirmedChanges | null = null;
  #waitForDoubt: WaitForDoubt | null = null;
  #trouble: Trouble | null = null;
  #recordLimit: RecordLimit | null = null;
  #omitsMarks = false;
  #isRecordUnknown = false;

  /** @param target what the target calls it; null: not resolved. */
  constructor(id: string, partition: Partition, target: string | null) {
    this.id = id;
    this.partition = partition;
    this.members = new Members(partition.tally);
    this.#target = target;
    this.#doubt = partition.takeoverDoubt;
  }

  /** What the target calls it; null: not resolved. */
  get target(): string | null {
    return this.#target;
  }

  /** The name that its look-up returned with the target; null: there is none to compare answers with. */
  get targetName(): string | null {
    return this.#targetName;
  }

  resolve(target: string, name: string | null): void {
    this.#target = target;
    this.#targetName = name;
  }

  /** Its target may be another one from now on, of which nothing is tried, accepted or waited for yet. */
  forgetTarget(): void {
    if (this.#target === null) return;
    this.#target = null;
    this.#targetName = null;
    this.#unconfirmed = null;
    this.#waitForDoubt = null;
    for (const member of this.members.values()) member.resumeTries();
  }

  /** The intent waits for the target until `notBefore` (epoch ms), as far as it is still pending. No attempt is used up. */
  postpone(intent: Intent, notBefore: number, waits?: 'group' | 'member'): void {
    const member = this.members.get(intent.member);
    if (member?.pending === intent) member.advance(waitingForTarget(intent, notBefore, waits));
  }

  /** Takes back one failed try of the intent, as far as it still waits for another one. */
  giveAttemptBack(tried: Intent, notBefore: number): void {
    const member = this.members.get(tried.member);
    const pending = member?.pending ?? null;
    if (member === undefined || pending === null || pending.dead !== null || isHeld(pending)) return;
    if (!isSamePosition(pending.source, tried.source)) return;
    // What was tried for the last time has not counted that try yet.
    const attempt = member.exhausted?.intent === pending ? pending.attempt : Math.max(0, pending.attempt - 1);
    member.resumeTries();
    member.advance(countedFrom(waitingForTarget(pending, notBefore), attempt));
    this.partition.toWrite.add(this);
  }

  /** In flight; null: it is not. */
  get run(): Run | null {
    return this.#run;
  }

  beginRun(run: Run): void {
    assert(
      this.#run === null && run.group.id === this.id,
      `group ${this.id} is in flight already, or given another's run`,
    );
    this.#run = run;
  }

  /** Keeps whom its search has narrowed down, and not separated. */
  endRun({ suspects }: Run): void {
    this.#run = null;
    if (suspects.length > 0) this.#suspects = new Set(suspects.map(({ member }) => member));
  }

  /** Of what is due now: those that a run before this one has narrowed down, so that the search goes on where it ended. */
  takeSuspects(due: Iterable<Intent>): readonly Intent[] {
    const names = this.#suspects;
    if (names === null) return [];
    const suspects = [...due].filter(({ member }) => names.has(member));
    if (suspects.length > 0) this.#suspects = null;
    return suspects;
  }

  get doubt(): Doubt | null {
    return this.#doubt;
  }

  /** A read has shown this version. @param oldRead the doubt that it leaves; null: it is not known to be old. */
  noteRead(version: string, oldRead: OldRead | null): void {
    this.#doubt = afterRead(this.#doubt, version, oldRead);
  }

  noteNoAnswer(request: UnansweredRequest, lateApplyMs: number): void {
    this.#doubt = afterNoAnswer(this.#doubt, request, lateApplyMs);
  }

  /** The version has moved by a request of ours, so nothing that was sent before can be applied any more. */
  noteMoved(): void {
    this.#doubt = null;
  }

  /** Its time is over. */
  endDoubt(): void {
    this.#doubt = afterEnd(this.#doubt);
  }

  /** What the target has accepted and not shown yet; null: nothing. */
  get unconfirmed(): UnconfirmedChanges | null {
    return this.#unconfirmed;
  }

  noteAccepted(acceptance: Acceptance, nowMs: number, lateApplyMs: number): void {
    this.#unconfirmed ??= new UnconfirmedChanges();
    this.#unconfirmed.note(acceptance, nowMs, lateApplyMs);
  }

  dropConfirmed(): void {
    if (this.#unconfirmed?.size === 0) this.#unconfirmed = null;
  }

  isWaitingForDoubt(intent: Intent): boolean {
    return this.#waitForDoubt?.intents.has(intent) === true;
  }

  /** When what waits for the end of the doubt goes on, monotonic ms; null: nothing waits. */
  get waitsForDoubtUntilMs(): number | null {
    return this.#waitForDoubt?.untilMs ?? null;
  }

  waitForDoubt(untilMs: number, intents: readonly Intent[]): void {
    this.#waitForDoubt = { untilMs, intents: new Set(intents) };
  }

  endWaitForDoubt(): void {
    this.#waitForDoubt = null;
  }

  /** How many changes wait for the end of the doubt. */
  get waitingForDoubtCount(): number {
    return this.#waitForDoubt?.intents.size ?? 0;
  }

  /**
   * How many ms its doubt or its unconfirmed changes still last. The takeover doubt of its partition does not count: a new object
   * of the group gets it again. @param nowMs monotonic
   */
  rememberedForMs(nowMs: number): number {
    const own = this.#doubt === this.partition.takeoverDoubt ? null : this.#doubt;
    const doubtLeftMs = own === null ? 0 : own.untilMs - nowMs;
    return Math.max(doubtLeftMs, this.#unconfirmed?.leftMs(nowMs) ?? 0);
  }

  /** What failed last, while something is parked; null: nothing. */
  get trouble(): Trouble | null {
    return this.#trouble;
  }

  /** @param now epoch ms. */
  noteFailure({ code, message }: Pick<Failure, 'code' | 'message'>, now: number): void {
    this.#trouble = { code, message, firstFailureAt: this.#trouble?.firstFailureAt ?? now };
  }

  endTrouble(): void {
    this.#trouble = null;
  }

  /** Forgets a member of which nothing is pending, recorded or unfinished. */
  tidyMember(name: string): void {
    if (this.members.get(name)?.isEmpty !== true) return;
    this.members.delete(name);
    this.#aliases?.forget(name);
  }

  /**
   * The acknowledged live record still holds something that an intent of this member, at this position, has replaced; or
   * the full state that it stands on is not complete, and would be worked out without it if only that were read again.
   */
  isOlderRecorded(name: string, position: Position): boolean {
    const { members } = this;
    const isOlder = (each: string): boolean => isBefore(members.get(each)?.recorded?.source, position);
    if (name === WHOLE_GROUP) return hasOlder(members.recorded, position);
    if (isBefore(members.get(WHOLE_GROUP)?.firstUnfinished, position)) return true;
    return isOlder(name) || isOlder(WHOLE_GROUP) || [...(this.#aliases?.replacedBy(name) ?? [])].some(isOlder);
  }

  /** Several names of one member (id map only); null: none were met. */
  get aliases(): Aliases | null {
    return this.#aliases;
  }

  obtainAliases(): Aliases {
    this.#aliases ??= new Aliases(this.members);
    return this.#aliases;
  }

  /** The name of the intent stands for its member of the target. */
  noteAlias(intent: Pick<Intent, 'member' | 'target' | 'op'>): void {
    if (intent.op !== 'state') this.obtainAliases().note(intent);
  }

  /** Other names under which the same member of the target is pending. */
  aliasesPending(intent: Pick<Intent, 'member' | 'target'>): readonly string[] {
    return this.#aliases?.pendingAs(intent) ?? [];
  }

  /** An intent under the name `by` has taken the place of one under another name. */
  noteReplaced(by: string, name: string): void {
    if (this.members.get(name)?.recorded !== null) this.obtainAliases().noteReplaced(by, name);
  }

  get expansions(): readonly Expansion[] {
    return this.#expansions;
  }

  beginExpansion(state: Intent): void {
    this.#expansions = [...this.#expansions, { state, isEntered: false, isRecorded: false }];
  }

  /** All that it came to is pending. */
  noteEntered(state: Intent): void {
    this.#expansions = this.#expansions.map((each) => (each.state === state ? { ...each, isEntered: true } : each));
  }

  /** It came to nothing, was replaced while it was entered, or is accounted for. */
  endExpansion(state: Intent): void {
    this.#expansions = this.#expansions.filter((each) => each.state !== state);
  }

  /** Something that a full state came to is recorded, or reported: then it is accounted for, also when something else takes its place. */
  accountForExpansions(source: Position): void {
    if (!this.#expansions.some(({ state, isRecorded }) => !isRecorded && isSamePosition(state.source, source))) return;
    this.#expansions = this.#expansions.map((each) =>
      isSamePosition(each.state.source, source) ? { ...each, isRecorded: true } : each,
    );
  }

  /** null: the broker takes the live record as it is. */
  get recordLimit(): RecordLimit | null {
    return this.#recordLimit;
  }

  limitRecord(): RecordLimit {
    this.#recordLimit ??= new RecordLimit();
    return this.#recordLimit;
  }

  endRecordLimit(): void {
    this.#recordLimit = null;
  }

  /** The live record has no room for what people were notified of. */
  get omitsMarks(): boolean {
    return this.#omitsMarks && this.members.notifiedCount > 0;
  }

  omitMarks(): void {
    this.#omitsMarks = true;
  }

  /** A live record was sent and not acknowledged: until the next one is, it is unknown what a restore would find. */
  get isRecordUnknown(): boolean {
    return this.#isRecordUnknown;
  }

  noteRecordUnknown(): void {
    this.#isRecordUnknown = true;
  }

  noteRecordKnown(): void {
    this.#isRecordUnknown = false;
  }
}

const isBefore = (one: Position | null | undefined, other: Position): boolean =>
  one !== null && one !== undefined && comparePositions(one, other) < 0;

/** Without a copy: there may be very many. */
function hasOlder(members: Iterable<Member>, position: Position): boolean {
  for (const { recorded } of members) if (isBefore(recorded?.source, position)) return true;
  return false;
}
