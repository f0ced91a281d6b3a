/** Everything that a history takes place in, and what each of its events does there. */
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import type { Commit, LogRecord } from '../../src/ports.ts';
import type { SourceRecord } from '../oracle/intents.ts';
import { SaltedRandom } from '../support/random.ts';
import { Counter } from './engine/counter.ts';
import { Host } from './engine/host.ts';
import { IdTable } from './engine/id-table.ts';
import { Receiver } from './engine/receiver.ts';
import { Target } from './engine/target.ts';
import { Timeline } from './engine/timeline.ts';
import { noFaults } from './engine/fault-model.ts';
import type { Baseline } from './expectations.ts';
import type { Instance, Dependencies } from './instance.ts';
import { startInstance, topics } from './instance.ts';
import { Knowledge } from './oracle/knowledge.ts';
import { damageOf } from './damaged-batches.ts';
import { MembershipHistory } from './oracle/membership-history.ts';
import type { SourceFacts } from './oracle/source-oracle.ts';
import { SourceOracle } from './oracle/source-oracle.ts';
import { TargetOracle } from './oracle/target-oracle.ts';
import { TopicOracle } from './oracle/topic-oracle.ts';
import type { Event } from './script.ts';
import type { Settings } from './settings.ts';
import { fixed } from './settings.ts';
import { Violation } from './violation.ts';

export interface NarratedLine {
  readonly at: number;
  readonly line: string;
}

export class World {
  readonly settings: Settings;
  readonly timeline: Timeline;
  readonly broker: MemoryBroker;
  readonly target: Target;
  readonly ids = new IdTable(() => this.timeline.now);
  readonly counter = new Counter();
  readonly faults = noFaults();
  readonly random: SaltedRandom;
  readonly knowledge = new Knowledge();
  readonly topicOracle: TopicOracle;
  readonly targetOracle: TargetOracle;
  readonly sourceOracle = new SourceOracle();
  readonly memberships = new MembershipHistory();
  readonly narration: NarratedLine[] = [];
  /** Replay requests that were sent. */
  readonly replays: (() => void)[] = [];
  /** By number; null: not running. */
  readonly instances: (Instance | null)[];
  readonly #around: Dependencies;
  readonly #spelling: SaltedRandom;
  readonly #narrates: boolean;
  readonly #positions = new Map<string, bigint>();
  readonly #committed: { offset: bigint | null; metadata: string }[];
  /** By partition: all commits, one after the other. */
  readonly commits: Commit[][];
  /** All source records that there ever were. */
  readonly produced: SourceRecord[] = [];
  /** What `expect_unchanged` has seen first. */
  baseline: Baseline | null = null;
  /** How often the log cleaner has run. */
  cleanings = 0;
  /** By the keys of source records. */
  readonly #partitions = new Map<string, number>();
  /** Partitions whose committed offset has gone back. */
  readonly #wentBack = new Set<number>();
  #hasNews = false;
  #sourceGrewAt = 0;
  /** What an instance was seen to do; thrown in a turn of its own. */
  #accusation: Violation | null = null;
  #starts = 0;

  constructor(seed: number, settings: Settings, narrates: boolean) {
    this.settings = settings;
    this.#narrates = narrates;
    this.random = new SaltedRandom(seed, 'world');
    this.#spelling = this.random.fork('spelling');
    this.timeline = new Timeline(this.random);
    this.broker = new MemoryBroker(new Host('broker', this.timeline), this.random.fork('broker'));
    this.#createTopics();
    for (let i = 0; i < settings.groups; i++) this.ids.setGroup(groupName(i), groupName(i));
    this.target = new Target(this.#targetOptions(seed), this);
    const { knowledge } = this;
    const now = (): number => this.timeline.now;
    const narrate = (line: () => string): void => this.narrate(line);
    const members = (group: string): ReadonlySet<string> => this.target.members(group);
    const unknown = this.#unknownMembers();
    const isUnknown = (member: string): boolean => unknown.includes(member);
    const wasShared = (group: string): boolean => this.ids.wasShared(group);
    const partitionOf = (group: string): number | null => this.#partitions.get(group) ?? null;
    const { broker, memberships } = this;
    const judged = { knowledge, broker, memberships, members };
    this.topicOracle = new TopicOracle(settings, { ...judged, isUnknown, wasShared, partitionOf, now });
    this.targetOracle = new TargetOracle({ ...settings, ...this.#oracles(), now, narrate });
    this.target.watch = (effect) => {
      this.memberships.note(effect, { at: now(), reportCount: this.topicOracle.reports.length });
      this.targetOracle.watch(effect);
    };
    this.instances = Array.from({ length: settings.instances }, () => null);
    this.#committed = Array.from({ length: settings.partitions }, () => ({ offset: null, metadata: '' }));
    this.commits = this.#committed.map(() => []);
    this.#around = {
      timeline: this.timeline,
      random: this.random,
      faults: this.faults,
      counter: this.counter,
      broker: this.broker,
      target: this.target,
      ids: this.ids,
      receiver: this.#receiver(),
      traffic: this.targetOracle,
      latestMs: fixed.latestMs,
      narrate,
      knowledge,
      topicOracle: this.topicOracle,
      targetOracle: this.targetOracle,
      accuse: (violation) => (this.#accusation ??= violation),
      heard: (message) => {
        if (message === 'dispatching before the partition has caught up') this.targetOracle.mayGoBack = true;
      },
    };
  }

  narrate(line: () => string): void {
    if (this.#narrates) this.narration.push({ at: this.timeline.now, line: line() });
  }

  start(number: number): void {
    if (this.instances[number]) return;
    const instance = startInstance(`i${number}.${++this.#starts}`, this.settings, this.#around);
    this.instances[number] = instance;
    this.counter.count('process: started');
  }

  kill(number: number): void {
    const instance = this.instances[number];
    if (!instance) return;
    const way = instance.ended === 'drained' ? 'drained' : 'killed';
    this.narrate(() => `${instance.host.name} is ${way}`);
    this.counter.count(`process: ${way}`);
    instance.host.kill();
    this.targetOracle.gone(instance.host.name);
    this.instances[number] = null;
  }

  /** What the target calls a member. */
  nameOf(number: number): string {
    return this.settings.letterCase === 'either' && number >= 0 ? uuidName(number) : memberName(number);
  }

  /** What the source calls a member, this time. */
  spell(number: number): string {
    const name = this.nameOf(number);
    return number >= 0 && this.settings.letterCase === 'either' && this.#spelling.happens(0.5)
      ? name.toUpperCase()
      : name;
  }

  #receiver(): Receiver {
    const { timeline, random, faults, counter } = this;
    const { notices } = this.topicOracle;
    const onSent = (body: string, isBreakerOpen: boolean): void => {
      this.#accusation ??= notices.sent(body, isBreakerOpen);
    };
    const onReceived = (body: string): void => {
      this.narrate(() => `people are notified: ${body}`);
      notices.received(body);
    };
    const onFailed = (body: string): void => notices.failed(body);
    return new Receiver({ timeline, random, faults, counter, onSent, onReceived, onFailed });
  }

  /** Reads what is new in the topics and the commits, and tells the oracle. */
  look(): void {
    if (this.#accusation !== null) throw this.#accusation;
    if (this.sourceOracle.isOther) this.sourceOracle.check(this.#sourceFacts());
    else this.#lookAtTopics();
    for (const [number, instance] of this.instances.entries()) if (instance) this.#lookAt(number, instance);
  }

  #lookAtTopics(): void {
    if (this.#hasNews) {
      this.#hasNews = false;
      // As they are acknowledged: a report before what relies on it.
      const { partitions } = this.settings;
      this.#readNew(topics.source, (record) => {
        const judged = { ...record, damaged: damageOf(record) };
        this.produced.push(judged);
        this.#partitions.set(textOf(record.key), record.partition);
        this.#sourceGrewAt = this.timeline.now;
        this.knowledge.produced(topics.source, judged, { partitions, now: this.timeline.now });
      });
      this.#readNew(topics.deadLetter, (record) => this.topicOracle.deadLettered(record));
      this.#readNew(topics.report, (record) => this.topicOracle.reported(record));
      this.#readNew(topics.retry, (record) => this.topicOracle.retried(record));
    }
    for (const [partition, known] of this.#committed.entries()) {
      const { offset, metadata } = this.broker.group('rollcall').committed(partition);
      if (offset === known.offset && metadata === known.metadata) continue;
      if ((offset ?? 0n) < (known.offset ?? 0n)) this.#wentBack.add(partition);
      this.#committed[partition] = { offset, metadata };
      if (offset !== null) this.commits[partition]?.push({ partition, offset, metadata });
      this.narrate(() => `partition ${partition} is committed to ${offset} ${metadata}`);
      if (offset !== null) this.topicOracle.committed(partition, offset, metadata);
    }
  }

  /** Retention takes records from `from` to `to` that are not committed: what is not final of them may be lost. */
  lose(partition: number, from: bigint, to: bigint): void {
    this.targetOracle.mayGoBack = true;
    for (let offset = from; offset < to; offset++) this.knowledge.lose(`${partition}/${offset}`, this.timeline.now);
  }

  /** With as many records as were committed, and `grow` more. Of one partition, and only at rest unless it is busy. */
  replaceSource({ way, cut, grow, isBusy }: Extract<Event, { readonly kind: 'source_other' }>): void {
    this.look();
    const committed = this.committed(0);
    const isAtRest = this.topicOracle.isAllOver && committed === this.sourceEnd(0);
    if (this.settings.partitions > 1 || committed === 0n || !(isAtRest || isBusy)) return;
    // Its owner has not read what came last, or nothing is lost.
    if (isBusy && cut === 0 && (this.timeline.now - this.#sourceGrewAt < READ_MS || committed === this.sourceEnd(0)))
      return;
    if (isBusy) this.sourceOracle.becomesOtherUnderWay(this.sourceEnd(0));
    else this.sourceOracle.becomesOther(this.#sourceFacts());
    if (way === 'recreated') this.broker.recreateTopic(topics.source);
    else this.broker.truncate(topics.source, 0, committed > BigInt(cut) ? committed - BigInt(cut) : 0n);
    const missing = Number(committed - this.sourceEnd(0)) + grow;
    const value = JSON.stringify({
      group_id: groupName(0),
      add_members: [isBusy ? STRANGER : memberName(0)],
      remove_members: isBusy ? [] : [memberName(1)],
    });
    const record = { topic: topics.source, partition: 0, key: groupName(0), value, headers: [] };
    for (let i = 0; i < missing; i++) this.broker.append([record]);
  }

  #sourceFacts(): SourceFacts {
    return {
      requests: this.targetOracle.requests,
      reports: this.broker.topic(topics.report).partition(0).end,
      areStrangersReported: () => this.records(topics.report).some(({ value }) => textOf(value).includes(STRANGER)),
      committed: this.broker.group('rollcall').committed(0).offset,
    };
  }

  /** The log cleaner runs: what it leaves is all that a restore will find. */
  clean(): void {
    this.look();
    this.cleanings += 1;
    this.broker.compact(topics.retry);
    this.topicOracle.cleaned(this.records(topics.retry));
  }

  /**
   * A commit that its sender had given up may arrive after a newer one. It stays so until something more is committed;
   * then offsets would be read again, and nothing else.
   */
  committed(partition: number): bigint {
    return this.#wentBack.has(partition) ? this.sourceEnd(partition) : (this.#committed[partition]?.offset ?? 0n);
  }

  sourceEnd(partition: number): bigint {
    return this.broker.topic(topics.source).partition(partition).end;
  }

  records(topic: string): readonly (LogRecord & { readonly partition: number })[] {
    return Array.from({ length: this.settings.partitions }, (_, partition) =>
      this.broker
        .topic(topic)
        .partition(partition)
        .read(0n, Number.MAX_SAFE_INTEGER)
        .records.map((record) => ({ ...record, partition })),
    ).flat();
  }

  #lookAt(number: number, { ended, host, pipeline }: Instance): void {
    if (ended === 'drained') this.kill(number);
    else if (ended !== null) throw new Violation('runs-on', `${host.name} has ended: ${ended.stack}`);
    if (this.timeline.steps % 64 !== 0) return;
    const { pending } = pipeline.stats();
    const parked = this.topicOracle.live.reduce((sum, { all }) => sum + all.length, 0);
    const { pendingIntentsMax, members, partitions } = this.settings;
    const limit = pendingIntentsMax + parked + 2 * members * 500 * partitions;
    if (pending > limit) throw new Violation('bounded', `${host.name} holds ${pending} intents, more than ${limit}`);
  }

  #readNew(topic: string, read: (record: LogRecord & { readonly partition: number }) => void): void {
    for (let partition = 0; partition < this.settings.partitions; partition++) {
      const key = `${topic}/${partition}`;
      const log = this.broker.topic(topic).partition(partition);
      const from = this.#positions.get(key) ?? 0n;
      if (from >= log.end) continue;
      const { records, nextOffset } = log.read(from, Number.MAX_SAFE_INTEGER);
      this.#positions.set(key, nextOffset);
      for (const record of records) {
        this.narrate(() => `${key}/${record.offset}: ${said(record)}`);
        read({ ...record, partition });
      }
    }
  }

  #createTopics(): void {
    const { partitions: partitionCount, retryRecordMaxBytes } = this.settings;
    const retry = {
      'cleanup.policy': 'compact',
      'max.message.bytes': String(retryRecordMaxBytes),
      'min.compaction.lag.ms': String(fixed.compactionLagMs),
      'delete.retention.ms': String(fixed.compactionLagMs),
    };
    const { deadLetterMaxBytes } = this.settings;
    const deadLetter: Record<string, string> =
      deadLetterMaxBytes === undefined ? {} : { 'max.message.bytes': String(deadLetterMaxBytes) };
    for (const topic of Object.values(topics)) {
      const settings = topic === topics.retry ? retry : topic === topics.deadLetter ? deadLetter : {};
      this.broker.createTopic({ topic, partitionCount, replicationFactor: 1, settings });
      this.broker.topic(topic).onAppend(() => {
        this.#hasNews = true;
      });
    }
  }

  #oracles() {
    const { guard, wholes, additions, pauses, compared } = this.topicOracle;
    return { knowledge: this.knowledge, guard, wholes, additions, pauses, compared };
  }

  #unknownMembers(): readonly string[] {
    const { members, unknownMembers } = this.settings;
    return Array.from({ length: unknownMembers }, (_, i) => this.nameOf(members - 1 - i));
  }

  #targetOptions(randomSeed: number): ConstructorParameters<typeof Target>[0] {
    const { settings } = this;
    const groups = Array.from({ length: settings.groups }, (_, i) => ({
      id: groupName(i),
      members: ['bystander-1', 'bystander-2'],
      version: 1,
    }));
    const { conflict, unknownMember, removeAbsent, patchAnswer, versionOnNoop, errorShape } = settings;
    const { memberList = 'whole', versionTag = 'strong' } = settings;
    return {
      randomSeed,
      seed: { groups },
      users: 'any',
      unknownUsers: this.#unknownMembers(),
      tokenLifetimeSeconds: settings.tokenLifetimeSeconds,
      limits: { allowed: settings.rateAllowed },
      behaviour: {
        conflict,
        unknownMember,
        removeAbsent,
        patchAnswer,
        versionOnNoop,
        errorShape,
        memberList,
        versionTag,
      },
    };
  }
}

export const groupName = (number: number): string => `g${number}`;

/** Within which an owner has read what is produced, ms. */
const READ_MS = 300;

/** Only another source names it. */
const STRANGER = 'stranger';

const memberName = (number: number): string => (number < 0 ? `bystander${number}` : `m${number}`);

const uuidName = (number: number): string => `abcdef${String(number).padStart(2, '0')}-aaaa-4aaa-8aaa-abcdefabcdef`;

const textOf = (bytes: Uint8Array | null): string => (bytes === null ? 'null' : Buffer.from(bytes).toString());

function said({ key, value, headers }: LogRecord): string {
  const shown = headers.filter(([name]) => /-(type|owner|epoch|seq)$/.test(name)).map(([, content]) => textOf(content));
  return `${textOf(key)} = ${textOf(value)} ${shown.join(' ')}`;
}
