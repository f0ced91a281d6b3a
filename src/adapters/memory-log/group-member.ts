/**
 * One instance in its consumer group. Within a generation: joining → assigned → heartbeat (the first names the generation)
 * → records and more heartbeats, until a heartbeat says that the group rebalances (join again, the member id stays) or
 * does not know this member any more (lost, then join as a new one).
 *
 *   out ──join──▶ entering ──▶ joining ──▶ member ──▶ joining …        rejoin: any ──▶ entering; leave, crash: any ──▶ out
 */
import type { ChangeLogHandler, Commit, InputTopic, Instant } from '../../ports.ts';
import type { ConsumerGroup, JoinAnswer, Link } from './memory-broker.ts';
import type { InputTopics } from './partition-feed.ts';
import { PartitionFeed } from './partition-feed.ts';

export interface MemberOptions {
  readonly clientId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
}

type State =
  | { readonly kind: 'out' }
  | { readonly kind: 'entering' }
  /** Under the generation before, until it has the answer. */
  | {
      readonly kind: 'joining';
      readonly memberId: string;
      readonly generation: number;
      /** Which of its requests: the answer to one that it has given up comes to nothing. */
      readonly request: object;
      readonly answer: JoinAnswer | null;
    }
  | MemberState;

interface MemberState {
  readonly kind: 'member';
  readonly memberId: string;
  readonly generation: number;
}

/** Of a member that has not been in any. */
const noGeneration = -1;

export class GroupMember {
  readonly #link: Link;
  readonly #group: ConsumerGroup;
  readonly #topics: InputTopics;
  readonly #options: MemberOptions;
  readonly #handler: ChangeLogHandler;
  #feed: PartitionFeed;
  #state: State = { kind: 'out' };
  #isFrozen = false;
  /** Of the next heartbeat, or of the next try to join. */
  #cancelTimer = (): void => {};

  constructor(
    dependencies: { link: Link; group: ConsumerGroup; topics: InputTopics },
    options: MemberOptions,
    handler: ChangeLogHandler,
  ) {
    this.#link = dependencies.link;
    this.#group = dependencies.group;
    this.#topics = dependencies.topics;
    this.#options = options;
    this.#handler = handler;
    this.#feed = this.#newFeed();
  }

  get feed(): Pick<PartitionFeed, 'seek' | 'pause' | 'resume'> {
    return this.#feed;
  }

  /** When it returns nothing is owned and `lost` has been called. A new consumer follows: nothing of it is paused. */
  rejoin(reason: string): void {
    if (this.#state.kind === 'out') return;
    this.leave();
    this.#feed = this.#newFeed();
    this.enter();
    this.#call(() => this.#handler.lost(reason));
  }

  /** Neither heartbeats nor batches until `thaw`; the group waits until the session has expired. */
  freeze(): void {
    this.#isFrozen = true;
    this.#feed.close();
  }

  /** As a process that wakes up, it handles what it had before it finds out that it may have been dropped. */
  thaw(): void {
    this.#isFrozen = false;
    const state = this.#state;
    if (state.kind === 'entering') this.enter();
    if (state.kind === 'joining' && state.answer !== null) this.#synced(state.request, state.answer);
    if (state.kind === 'member') {
      this.#feed.open();
      this.#heartbeat(state);
    }
  }

  /** Stores commits under the present generation; throws when they were not stored. */
  get commit(): (commits: readonly Commit[]) => void {
    const state = this.#state;
    return (commits) => {
      if (state.kind === 'out' || state.kind === 'entering') throw new Error('UNKNOWN_MEMBER_ID: not in the group');
      this.#group.commit(state, commits);
    };
  }

  /** Joins in a turn of its own, never on the stack of the handler. */
  enter(): void {
    const state: State = { kind: 'entering' };
    this.#state = state;
    this.#link.later(() => {
      if (this.#state === state && !this.#isFrozen) this.#join(null);
    });
  }

  #join(memberId: string | null): void {
    const before = this.#state;
    this.#cancelTimer();
    this.#feed.close();
    this.#call(() => this.#handler.joining());
    if (this.#state !== before) return;
    const request = {};
    const joined = this.#group.join({
      memberId,
      clientId: this.#options.clientId,
      sessionTimeoutMs: this.#options.sessionTimeoutMs,
      rebalanceTimeoutMs: this.#options.rebalanceTimeoutMs,
      partitionCount: this.#topics.source.description.partitionCount,
      synced: (answer) => this.#link.later(() => this.#synced(request, answer)),
    });
    const generation = before.kind === 'member' && before.memberId === joined ? before.generation : noGeneration;
    this.#state = { kind: 'joining', memberId: joined, generation, request, answer: null };
    // Under the same member id: the answer may have been lost, and with it a whole generation.
    if (this.#options.sessionTimeoutMs < Infinity)
      this.#cancelTimer = this.#link.clock.schedule(this.#options.sessionTimeoutMs, () => {
        if (!this.#isFrozen) this.#join(joined);
      });
  }

  #synced(request: object, answer: JoinAnswer): void {
    if (this.#state.kind !== 'joining' || this.#state.request !== request) return;
    if (this.#isFrozen) {
      this.#state = { ...this.#state, answer };
      return;
    }
    const { memberId, generation, partitions } = answer;
    const member: MemberState = { kind: 'member', memberId, generation };
    this.#state = member;
    this.#feed.assign(partitions.flatMap((partition) => this.#startOf(partition)));
    const { partitionCount } = this.#topics.source.description;
    this.#call(() => this.#handler.assigned({ memberId, partitions, partitionCount }));
    if (this.#state === member) this.#link.later(() => this.#heartbeat(member));
  }

  /** Source from the committed offset; nothing of retry is ever committed. */
  #startOf(partition: number): { topic: InputTopic; partition: number; position: bigint }[] {
    const beginning = (topic: InputTopic): bigint => this.#topics[topic].partition(partition).start;
    const committed = this.#group.committed(partition).offset;
    return [
      { topic: 'source', partition, position: committed ?? beginning('source') },
      { topic: 'retry', partition, position: beginning('retry') },
    ];
  }

  #heartbeat(state: MemberState): void {
    if (this.#state !== state || this.#isFrozen) return;
    this.#cancelTimer();
    const sentAt = this.#link.clock.now();
    this.#link
      .call(() => this.#group.heartbeat(state))
      .then(
        (answer) => this.#heartbeatAnswered(state, sentAt, answer),
        () => this.#heartbeatAnswered(state, sentAt, null),
      );
  }

  /** @param answer null: none came. */
  #heartbeatAnswered(state: MemberState, sentAt: Instant, answer: ReturnType<ConsumerGroup['heartbeat']> | null): void {
    if (this.#state !== state || this.#isFrozen) return;
    switch (answer) {
      case 'unknown_member':
        this.#feed.assign([]);
        this.#call(() => this.#handler.lost('the group has dropped this member: its session had expired'));
        if (this.#state === state) this.#join(null);
        return;
      case 'rebalancing':
        this.#join(state.memberId);
        return;
      case 'ok':
        this.#call(() => this.#handler.heartbeat({ generation: state.generation, sentAt }));
        if (this.#state !== state) return;
        this.#feed.open();
        break;
      case null:
    }
    const { heartbeatIntervalMs } = this.#options;
    this.#cancelTimer = this.#link.clock.schedule(heartbeatIntervalMs, () => this.#heartbeat(state));
  }

  #newFeed(): PartitionFeed {
    return new PartitionFeed(this.#topics, this.#link, {
      records: (batch) => this.#call(() => this.#handler.records(batch)) ?? 'declined',
      offsetOutOfRange: (topic, partition) => this.#call(() => this.#handler.offsetOutOfRange(topic, partition)),
      stale: () => {
        if (this.#state.kind === 'member') this.#join(this.#state.memberId);
      },
    });
  }

  /** What the handler throws ends this member. */
  #call<T>(handle: () => T): T | undefined {
    try {
      return handle();
    } catch (error) {
      this.leave();
      this.#handler.failed(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }

  leave(): void {
    const state = this.#state;
    this.crash();
    if (state.kind === 'joining' || state.kind === 'member') this.#group.leave(state.memberId);
  }

  /** Gone without a word; the group finds out by the session timeout. */
  crash(): void {
    this.#state = { kind: 'out' };
    this.#cancelTimer();
    this.#feed.end();
  }
}
