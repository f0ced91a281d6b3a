/**
 * The log as one instance uses it: a process can be struck between the steps of its work, the broker can refuse one kind
 * of write alone, a pause comes too late for what was fetched already, and the oracle sees what the instance does.
 */
import type { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import type { MemoryLogOptions } from '../../src/adapters/memory-log/memory-log.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import type { Ahead } from '../../src/core/log/commit-metadata.ts';
import type { Batch, ChangeLogHandler, Commit, InputTopic, OutRecord, SendOutcome } from '../../src/ports.ts';
import { asFetched } from './damaged-batches.ts';
import type { BrokerLink } from './engine/broker-link.ts';
import type { SaltedRandom } from '../support/random.ts';
import type { Counter } from './engine/counter.ts';
import type { Host } from './engine/host.ts';
import type { Refusable, FaultModel } from './engine/fault-model.ts';
import type { OwnerOracle } from './oracle/owner-oracle.ts';

interface Around {
  readonly host: Host;
  readonly link: BrokerLink;
  readonly random: SaltedRandom;
  readonly counter: Counter;
  readonly faults: FaultModel;
  readonly oracle: OwnerOracle;
}

const LATE_MS = 30;

export class WatchedLog extends MemoryLog {
  readonly #around: Around;
  readonly #broker: MemoryBroker;
  readonly #sourceTopic: string;
  readonly #retryTopic: string;
  /** Whether this client fetches ahead: what it has is delivered after a pause. */
  readonly #fetchesAhead: boolean;
  /** Within a call of the handler: what it has paused. */
  #pausing: [InputTopic, number][] | null = null;
  #late = new Set<string>();

  constructor(broker: MemoryBroker, options: MemoryLogOptions, around: Around) {
    super(broker, { ...options, link: around.link });
    this.#around = around;
    this.#broker = broker;
    this.#sourceTopic = options.topics.source;
    this.#retryTopic = options.topics.retry;
    this.#fetchesAhead = around.random.fork(`fetches ${around.host.name}`).happens(0.3);
  }

  override join(handler: ChangeLogHandler): Promise<void> {
    const { host, oracle } = this.#around;
    return super.join({
      ...handler,
      joining: () => {
        handler.joining();
        host.reach('join');
      },
      assigned: (assignment) => {
        this.#late.clear();
        oracle.assigned(assignment.partitions);
        handler.assigned(assignment);
      },
      lost: (reason) => {
        oracle.assigned([]);
        handler.lost(reason);
      },
      records: (batch) => this.#records(handler, batch),
    });
  }

  override async send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    this.#around.oracle.sends(records);
    const { faults } = this.#around;
    const what = records[0]?.topic === this.#retryTopic ? 'record' : 'report';
    return this.#act(what, () => (faults.refuses.has(`${what} part`) ? this.#sendPart(records) : super.send(records)));
  }

  override async commit(commits: readonly Commit[]): Promise<void> {
    this.#around.oracle.commits(commits);
    return this.#act('commit', () => super.commit(commits));
  }

  /** For figures only: without a fate of its own, so that recorded histories stay what they are. */
  override async lookAhead(from: ReadonlyMap<number, bigint>): Promise<ReadonlyMap<number, Ahead>> {
    return this.#broker.topic(this.#sourceTopic).ahead(from);
  }

  override pause(topic: InputTopic, partition: number): void {
    if (this.#pausing !== null) this.#pausing.push([topic, partition]);
    else super.pause(topic, partition);
  }

  override resume(topic: InputTopic, partition: number): void {
    this.#late.delete(`${topic}/${partition}`);
    this.#pausing = this.#pausing?.filter(([other, number]) => other !== topic || number !== partition) ?? null;
    super.resume(topic, partition);
  }

  /** As kafkajs: some partitions have it, one has not, and the answer is an error. */
  #sendPart(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    const { random, counter, link } = this.#around;
    const fates = new Map<string, boolean>();
    const isWritten = ({ topic, partition, key }: OutRecord): boolean => {
      const place = `${topic}/${partition ?? (key === null ? 0 : this.#broker.topic(topic).partitionOf(key))}`;
      const fate = fates.get(place) ?? random.happens(0.5);
      fates.set(place, fate);
      return fate;
    };
    const part = records.filter(isWritten);
    if (part.length === records.length) return super.send(records);
    counter.count(part.length === 0 ? 'broker: nothing written' : 'broker: partly written');
    return link.call(() => {
      this.#broker.append(part);
      return refuse();
    });
  }

  #records(handler: ChangeLogHandler, read: Batch): 'taken' | 'declined' {
    const batch = read.topic === 'source' ? { ...read, records: asFetched(read.records) } : read;
    this.#pausing = [];
    const answer = handler.records(batch);
    const paused = this.#pausing;
    this.#pausing = null;
    for (const [topic, partition] of paused) {
      if (answer === 'taken' && this.#fetchesAhead) this.#pauseLate(topic, partition);
      else super.pause(topic, partition);
    }
    if (answer === 'taken') this.#around.oracle.takes(batch);
    return answer;
  }

  #pauseLate(topic: InputTopic, partition: number): void {
    const name = `${topic}/${partition}`;
    this.#late.add(name);
    this.#around.counter.count('broker: paused late');
    this.#around.host.schedule(LATE_MS, () => {
      if (this.#late.delete(name)) super.pause(topic, partition);
    });
  }

  async #act<T>(what: 'report' | 'record' | 'commit', act: () => Promise<T>): Promise<T> {
    const { host, link, faults, counter } = this.#around;
    host.reach(what);
    // No event is delivered any more.
    if (host.state === 'gone') return new Promise(() => {});
    const answer: Refusable | null = what === 'commit' ? null : `${what} answer`;
    if (faults.refuses.has(what)) {
      counter.count(`broker: refused ${what}`);
      return link.call(refuse);
    }
    if (answer === null || !faults.refuses.has(answer)) return act();
    counter.count(`broker: lost ${answer}`);
    await act();
    return refuse();
  }
}

function refuse(): never {
  throw new Error('NOT_ENOUGH_REPLICAS: it may have been done, or not');
}
