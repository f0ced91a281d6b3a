/** Watches the topics and the commits: after each step what they say must be safe, and true. */
import type { MemoryBroker } from '../../../src/adapters/memory-log/memory-broker.ts';
import type { LiveIntent, TopicRecord } from '../../oracle/live-records.ts';
import { headerOf, textOf } from '../../oracle/live-records.ts';
import { recordIdOf } from '../../oracle/full-states.ts';
import type { WantedIntent } from '../../oracle/intents.ts';
import { offsetOf, placeText, readPlace } from '../../oracle/places.ts';
import type { Report } from '../../oracle/reports.ts';
import { isFailure, namedIn, operationOf } from '../../oracle/reports.ts';
import { EPOCH_MS } from '../engine/host.ts';
import type { Settings } from '../settings.ts';
import { guardOf } from '../settings.ts';
import type { Invariant } from '../violation.ts';
import { Violation } from '../violation.ts';
import type { Knowledge } from './knowledge.ts';
import { isSuccess, seatOf } from './knowledge.ts';
import { completedOffsets, epochOf } from './completed.ts';
import { AdditionsOracle } from './additions-oracle.ts';
import { GuardOracle } from './guard-oracle.ts';
import { LiveView } from './live-view.ts';
import type { MembershipHistory } from './membership-history.ts';
import { NoticeOracle } from './notice-oracle.ts';
import { ComparedOracle } from './compared-oracle.ts';
import { PauseOracle } from './pause-oracle.ts';
import { RemovalOracle } from './removal-oracle.ts';
import { replacing } from './replaced.ts';
import { WholeOracle } from './whole-oracle.ts';

const DENIED_MS = 30_000;
/** Of one report, or dead letter. */
const COPIES_MAX = 40;

const outcomes = new Set(['applied', 'recovered', 'already_synced', 'superseded', 'failed', 'permanent_failure']);

interface World {
  readonly knowledge: Knowledge;
  readonly broker: MemoryBroker;
  readonly memberships: MembershipHistory;
  readonly members: (group: string) => ReadonlySet<string>;
  /** It was no user of the target at first. */
  readonly isUnknown: (member: string) => boolean;
  /** It shares a group of the target with another, or has done so just before. */
  readonly wasShared: (group: string) => boolean;
  readonly partitionOf: (group: string) => number | null;
  readonly now: () => number;
}

interface Named {
  readonly member: string | null;
  readonly offset: string;
}

export class TopicOracle {
  readonly live: LiveView[];
  readonly wholes: WholeOracle;
  readonly guard: GuardOracle;
  readonly additions: AdditionsOracle;
  readonly pauses: PauseOracle;
  readonly compared: ComparedOracle;
  readonly notices: NoticeOracle;
  readonly reports: Report[] = [];
  readonly #world: World;
  readonly #window: RemovalOracle;
  /** Positions of which there is one. */
  readonly #deadLetters = new Set<string>();
  readonly #copies = new Map<string, number>();
  /** Committed, and not final yet: ids by partition. */
  readonly #owed: readonly Set<string>[];
  readonly #settings: Settings;
  /** The highest offset that was ever committed. */
  readonly #committed: bigint[];
  /** What the last commit says: everything below is complete, and these beyond. */
  readonly #complete: { offset: bigint; beyond: ReadonlySet<bigint> }[];
  /** Of members that were refused, by operation. */
  readonly #waits = new Map<string, { readonly attempt: number; readonly until: number }>();
  /** What replay requests have named, by id. */
  readonly #named = new Set<string>();

  constructor(settings: Settings, world: World) {
    this.#world = world;
    this.#settings = settings;
    this.live = Array.from({ length: settings.partitions }, () => new LiveView());
    const { live } = this;
    this.wholes = new WholeOracle({ ...world, live, isDoubtful: settings.memberList !== undefined });
    const isWoken = (id: string): boolean => this.#named.has(id);
    const guard = guardOf(settings);
    const { attemptsMax } = settings;
    this.#window = new RemovalOracle({
      ...world,
      live,
      guard,
      attemptsMax,
      knowsParked: settings.knowsParked === true,
    });
    this.guard = new GuardOracle({ ...world, live, guard, isWoken, window: this.#window });
    this.pauses = new PauseOracle(world);
    this.compared = new ComparedOracle({ ...world, live });
    this.notices = new NoticeOracle(live);
    this.additions = new AdditionsOracle({ ...world, isApproved: (id) => this.guard.isApproved(id) });
    this.#complete = this.live.map(() => ({ offset: 0n, beyond: new Set() }));
    this.#owed = this.live.map(() => new Set());
    this.#committed = this.live.map(() => 0n);
  }

  reported(record: TopicRecord): void {
    const report = JSON.parse(textOf(record.value)) as Report;
    if (report.outcome === 'paused' || report.outcome === 'resumed') return this.pauses.reported(report);
    if (report.outcome === 'drift') return this.compared.reported(report);
    this.reports.push(report);
    this.#countCopies(`${say(report)} ${report.reported_at}`);
    const { knowledge } = this.#world;
    const { events, states } = knowledge;
    if (states.has(recordIdOf(report.id)) && report.member !== null) knowledge.workedOut.add(recordIdOf(report.id));
    if (report.outcome === 'retry_scheduled' && states.has(operationOf(report)))
      knowledge.toldToWait.add(operationOf(report));
    this.guard.reported(report);
    const { partition } = states.get(recordIdOf(report.id)) ?? {};
    // Where a record has no room, what an operator has accepted may be forgotten.
    const isRemembered = this.#settings.retryRecordMaxBytes >= 1_000_000;
    if (partition !== undefined && isRemembered && !this.#isFenced(partition, report)) this.additions.reported(report);
    if (report.reason?.code === 'group_ambiguous' && !this.#world.wasShared(namedIn(report).group ?? ''))
      this.#fail('one-true-report', `${say(report)} as ambiguous, and its group shares no target`);
    if (this.#settings.ownWaits) this.#checkWait(report);
    if (!report.final) return;
    const isGivenUp = isFailure(report.outcome) || report.outcome === 'invalid';
    if (isGivenUp && !this.#deadLetters.has(recordIdOf(report.id)))
      this.#fail('one-true-report', `${say(report)}, and its dead letter is not written yet`);
    const known = knowledge.finals.get(report.id);
    knowledge.reported(report, this.#reportedAt(report));
    // Sent again since its answer was lost: it speaks of the same instant.
    if (known !== undefined && isRepeat(report, known)) return;
    const event = events.get(report.id);
    const intent = knowledge.find(report.id);
    const state = states.get(report.id);
    if (state !== undefined && !this.#isFenced(state.partition, report)) this.wholes.checkReport(report, state);
    if (state !== undefined) return;
    if (event !== undefined && event.outcome !== report.outcome) this.#fail('one-true-report', say(report));
    if (event !== undefined) return;
    if (intent === undefined) this.#fail('one-true-report', `${say(report)}, which no change asked for`);
    else if (!this.#isFenced(intent.partition, report)) this.#checkTruth(report, intent);
  }

  /** While its answers are lost it is written again, with growing pauses; never on and on. */
  #countCopies(what: string): void {
    const count = (this.#copies.get(what) ?? 0) + 1;
    this.#copies.set(what, count);
    if (count > COPIES_MAX) this.#fail('bounded', `for the ${count}th time the same is written: ${what}`);
  }

  deadLettered(record: TopicRecord): void {
    const { value, headers } = record;
    const place = ['topic', 'partition', 'offset'].map((name) => headerOf(record, `rollcall-original-${name}`));
    this.#deadLetters.add(place.join('/'));
    this.#countCopies(`${textOf(value)} ${headers.map(([, content]) => textOf(content)).join(' ')}`);
  }

  /** A member that was refused is tried again at the time that its report names, whatever becomes of its group. */
  #checkWait(report: Report): void {
    const { id, final, outcome, attempt = 0, reported_at } = report;
    const operation = operationOf(report);
    const wait = this.#waits.get(operation);
    const isTried = outcome === 'retry_scheduled' || isFailure(outcome);
    if (wait !== undefined && isTried && attempt > wait.attempt && Date.parse(reported_at) < wait.until)
      this.#fail('one-true-report', `${id} is tried again before ${new Date(wait.until).toISOString()}`);
    if (!final && isAboutMember(report) && typeof report.next_attempt_at === 'string')
      this.#waits.set(operation, { attempt, until: Date.parse(report.next_attempt_at) });
  }

  /** Its sender is not the owner any more. */
  #isFenced(partition: number, { epoch }: Report): boolean {
    return epoch < (this.live[partition]?.fenceEpoch ?? 0);
  }

  #checkTruth(report: Report, intent: WantedIntent): void {
    const { knowledge, members } = this.#world;
    const seat = seatOf(intent);
    const isNewest = knowledge.newest(seat)?.place === intent.place;
    if (report.op !== intent.op) this.#fail('one-true-report', say(report));
    if (this.#settings.outagesOnly && report.outcome === 'permanent_failure')
      this.#fail('one-true-report', `${say(report)}, and only the target as a whole was away`);
    if (!outcomes.has(report.outcome)) this.#fail('one-true-report', say(report));
    if (this.#settings.isolates) this.#checkIsolated(report, seat);
    if (!isNewest) return;
    if (report.outcome === 'superseded') this.#fail('one-true-report', `${say(report)}, and nothing is newer`);
    if (knowledge.wasTouched(intent)) return;
    // Who may not read a group cannot see how it is; a 403 to the last look confirms a giving-up (protocol.md 7.8).
    const wasDenied = (knowledge.denied.get(intent.group) ?? -Infinity) > this.#reportedAt(report) - DENIED_MS;
    if (!isSuccess(report.outcome) && wasDenied) return;
    // Which group of the target it means is not known, so its state cannot be seen.
    if (report.reason?.code === 'group_ambiguous') return;
    // An operator has refused it.
    if (report.reason?.code === 'refused') return;
    const isRefused = this.#settings.isolates ?? this.#world.isUnknown(intent.member);
    if (!isSuccess(report.outcome) && isAboutMember(report) && !isRefused) {
      this.#fail('one-true-report', `${say(report)}, and the target knows the member`);
    }
    const isSatisfied = members(intent.group).has(intent.member) === (intent.op === 'add');
    // Where no read shows the member, a last look cannot tell; then it is called a failure, never the other way round.
    if (isSatisfied && this.#settings.memberList !== undefined) return;
    if (isSatisfied !== isSuccess(report.outcome)) {
      this.#fail('one-true-report', `${say(report)}, and it is ${isSatisfied ? '' : 'not '}so at the target`);
    }
  }

  /** Not when it is written: the topic may have taken no report for a while. */
  #reportedAt({ reported_at }: Report): number {
    const { knowledge, now } = this.#world;
    return Math.min(now(), Date.parse(reported_at) - EPOCH_MS - knowledge.clockSkewMs);
  }

  #checkIsolated(report: Report, seat: string): void {
    // What was not answered at all is about no member.
    if (!isFailure(report.outcome) || typeof report.reason?.status !== 'number') return;
    if (!this.#world.knowledge.refusedAlone.has(seat))
      this.#fail('isolates', `${say(report)}, and it was refused together with others only`);
  }

  /** A record of the retry topic. */
  retried(record: TopicRecord): void {
    this.#noteRequest(record);
    this.notices.written(record.partition, headerOf(record, 'rollcall-epoch'));
    this.guard.requested(record);
    this.#noteAsked(record);
    this.pauses.requested(record);
    if (!this.#isVoid(record)) {
      this.guard.answered(record);
      this.pauses.answered(record);
      this.#window.recorded(record);
    }
    const view = this.live[record.partition];
    const before = view?.groups.get(textOf(record.key))?.intents;
    const changed = view?.read(record) ?? null;
    if (changed === null) return;
    const { knowledge } = this.#world;
    this.guard.recorded(record.partition, textOf(record.key), [...changed.values()]);
    this.notices.recorded(record.partition, textOf(record.key), [...changed.values()]);
    this.additions.recorded(record.partition, textOf(record.key), [...changed.values()]);
    this.#noteAsked(record);
    for (const [member, { place, dead, name }] of changed) {
      const id = this.#idOf(record.partition, place, name);
      const known = before?.get(member);
      if (dead === null && known?.place === place && known.dead !== null && !this.#named.has(id)) {
        this.#fail('dead-mark', `${id} was dead, and no request asked to wake it`);
      }
      if (dead !== null && !knowledge.isFinal(id)) this.#fail('dead-mark', `${id} is marked dead and not reported`);
    }
    this.#checkOwed(record.partition);
  }

  /** Before and after each of its records, while an operator asks about a group. */
  #noteAsked({ partition }: TopicRecord): void {
    for (const [group, { intents }] of this.live[partition]?.groups ?? [])
      if (this.guard.isAsked(partition, group)) this.additions.asked(partition, group, intents.values());
  }

  #isVoid(record: TopicRecord): boolean {
    return Number(headerOf(record, 'rollcall-epoch')) < (this.live[record.partition]?.fenceEpoch ?? 0);
  }

  #noteRequest(record: TopicRecord): void {
    const { value, partition } = record;
    if (value === null || headerOf(record, 'rollcall-type') !== 'replay') return;
    const { pending } = JSON.parse(textOf(value)) as { pending: readonly Named[] };
    for (const { member, offset } of pending) {
      const id = this.#idOf(partition, readPlace(offset), member ?? '');
      this.#named.add(id);
      this.guard.replayed(id, record.offset);
      this.notices.replayed(partition);
    }
  }

  /** What lies in the retry topic after the cleaner. */
  cleaned(records: readonly TopicRecord[]): void {
    this.#window.cleaned();
    for (const partition of this.live.keys()) {
      const view = new LiveView();
      for (const record of records) {
        if (record.partition !== partition) continue;
        view.read(record);
        if (Number(headerOf(record, 'rollcall-epoch')) >= view.fenceEpoch) this.#window.recorded(record);
      }
      this.live[partition] = view;
      for (const [group, { intents }] of view.groups) this.guard.recorded(partition, group, [...intents.values()]);
      this.#checkOwed(partition);
    }
  }

  isParked(id: string): boolean {
    const { intents, states } = this.#world.knowledge;
    const intent = intents.get(id);
    const state = states.get(id);
    return (intent !== undefined && this.#isLive(intent)) || (state !== undefined && this.wholes.isAccounted(state));
  }

  /** Everything is final; what the guard holds rests. */
  get isAllOver(): boolean {
    const { open, intents, states } = this.#world.knowledge;
    return [...open].every((id) => {
      const state = states.get(id);
      const intent = intents.get(id);
      if (state !== undefined) return this.wholes.isOver(state);
      return intent !== undefined && this.#isLive(intent) && this.#find(intent)?.held !== null;
    });
  }

  committed(partition: number, offset: bigint, metadata: string): void {
    this.#complete[partition] = { offset, beyond: new Set(completedOffsets(offset, metadata)) };
    const { knowledge } = this.#world;
    const { records } = knowledge;
    const owed = this.#owed[partition];
    const from = this.#committed[partition] ?? 0n;
    for (let at = from; at < offset; at++) for (const id of records.get(`${partition}/${at}`) ?? []) owed?.add(id);
    for (const at of completedOffsets(offset, metadata)) {
      for (const id of records.get(`${partition}/${at}`) ?? []) owed?.add(id);
    }
    if (offset > from) this.#committed[partition] = offset;
    this.#window.committed(partition, epochOf(metadata), (id) => {
      // Its offset may have been complete before it was sent.
      if (this.isParked(id)) return false;
      const found = knowledge.find(id);
      const at = found === undefined ? offset : offsetOf(found.place);
      return at < offset || (this.#complete[partition]?.beyond.has(at) ?? false);
    });
    this.#checkOwed(partition);
  }

  #checkOwed(partition: number): void {
    const { knowledge } = this.#world;
    const owed = this.#owed[partition] ?? new Set();
    for (const id of owed) {
      if (knowledge.lost.has(id)) continue;
      const state = knowledge.states.get(id);
      if (state !== undefined) {
        this.wholes.checkCommitted(state);
        if (this.wholes.isOver(state)) owed.delete(id);
        continue;
      }
      const intent = knowledge.intents.get(id);
      const isLive = intent !== undefined && this.#isLive(intent);
      if (!knowledge.isFinal(id) && !isLive)
        this.#fail('commit-safe', `${id} is committed, and neither reported nor parked`);
      if (!knowledge.isFinal(id)) continue;
      owed.delete(id);
      if (intent !== undefined && !isLive) this.#checkKept(intent);
    }
    for (const older of this.live[partition]?.all ?? []) this.#checkNothingNewer(partition, older);
  }

  /** What has failed stays where a replay finds it, until something newer takes its place. */
  #checkKept(intent: WantedIntent): void {
    const { knowledge } = this.#world;
    const { deadKeepCount, deadKeepMs, retryRecordMaxBytes } = this.#settings;
    if (deadKeepCount < 100 || deadKeepMs < 1_000_000 || retryRecordMaxBytes < 1_000_000) return;
    if (!isFailure(knowledge.finals.get(intent.id)?.outcome ?? '')) return;
    if (knowledge.newest(seatOf(intent))?.id === intent.id)
      this.#fail('commit-safe', `${intent.id} is committed as failed, and no replay can find it`);
  }

  /** A restore would bring it back, and what has replaced it is not read again. */
  #checkNothingNewer(partition: number, older: LiveIntent): void {
    const { offset, beyond } = this.#complete[partition] ?? { offset: 0n, beyond: new Set() };
    const isCommitted = (place: bigint): boolean =>
      place > older.place && (offsetOf(place) < offset || beyond.has(offsetOf(place)));
    const { knowledge } = this.#world;
    const newer = replacing(older, { knowledge, view: this.live[partition], isCommitted });
    if (newer !== undefined && !knowledge.lost.has(newer.id))
      this.#fail(
        'commit-safe',
        `${newer.id} is committed, and the live record still holds ${older.op} of ${placeText(older.place)}`,
      );
  }

  #isLive(intent: WantedIntent): boolean {
    return this.#find(intent)?.place === intent.place;
  }

  #find({ partition, group, member }: WantedIntent): LiveIntent | undefined {
    return this.live[partition]?.find(group, member);
  }

  #idOf(partition: number, place: bigint, member: string): string {
    const id = `source/${partition}/${placeText(place)}`;
    return member === '' ? id : `${id}/${member}`;
  }

  #fail(invariant: Invariant, detail: string): never {
    throw new Violation(invariant, detail);
  }
}

/** Of all failures only one that every change of the member meets is about it. */
const isAboutMember = ({ reason }: Report): boolean => reason?.status === 404 || reason?.code === 'invalidValue';

const say = ({ id, op, outcome, epoch }: Report): string =>
  `${id} (${op}) is reported as ${outcome} under epoch ${epoch}`;

const isRepeat = (report: Report, known: Report): boolean =>
  report.epoch === known.epoch && report.outcome === known.outcome && report.reported_at === known.reported_at;
