/**
 * Owns the breaker: what its failures have used up, whom it probes, and when. What is decided stands in core/target/breaker.ts.
 *
 *   closed ──opens──▶ pausing ──1 s … 30 s──▶ probe due ──a group, or an id──▶ probing ──decided──▶ closed | pausing
 */
import type { Intent } from '../../core/change/change.ts';
import {
  afterUndecidedProbe,
  closedBreaker,
  isOfTarget,
  isSuccess,
  observe,
  signOf,
  type Breaker,
  type BreakerReason,
  type Observation,
  type RequestKind,
} from '../../core/target/breaker.ts';
import type { Outcome } from '../../core/target/outcome.ts';
import { ADVICE } from '../../core/target/refusals.ts';
import { probeDelayMs } from '../../core/target/retry.ts';
import { RepeatedCauses, leftOutField } from '../../core/text/repeated-causes.ts';
import type { Clock, Logger } from '../../ports.ts';
import type { Group } from './group.ts';
import type { Subject } from './look-ups.ts';
import type { Partitions } from './partitions.ts';
import { LoneFailures } from './target-history.ts';

export interface Observed {
  readonly request: RequestKind;
  /** What `outcome` was made of. */
  readonly answer: { readonly kind: string };
  readonly outcome: Outcome;
  readonly groups: readonly Group[];
  /** What the request was sent for. */
  readonly subject: Subject;
}

interface Failing {
  /** Of its last failure, among those of all groups. */
  at: number;
  /** Requests that have failed, and have not succeeded since, each with what was looked up; null: the group itself was asked for. */
  readonly requests: Map<RequestKind, string | null>;
  /** How often it had to wait for the target meanwhile. */
  waits: number;
}

interface Try {
  readonly group: Group;
  readonly intent: Intent;
}

interface Owed {
  readonly intents: Intent[];
  readonly notBefore: number;
}

export const advices = { target: ADVICE.target, auth: ADVICE.client, permission: ADVICE.permission } as const;

/** An open one, as operators see it. Instants in epoch ms. */
export interface ShownBreaker {
  readonly reason: BreakerReason;
  readonly since: number;
  /** The failure that opened it, or gave it its present reason. */
  readonly problem: string;
  readonly failed: RequestKind;
  /** null: now, or as soon as there is something to ask for. */
  readonly nextProbeAt: number | null;
}

/** What the breaker is among. */
interface Dependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Failures in a row of several groups that open it. */
  readonly failuresMax: number;
  /** How many groups have something to ask the target for. */
  readonly pendingGroupCount: () => number;
  readonly partitions: Partitions;
  /** Something is to be recorded. */
  readonly settle: () => void;
  /** A probe is due. */
  readonly onProbeDue: () => void;
  readonly onOpened: (shown: ShownBreaker) => void;
  readonly onClosed: () => void;
}

/** Without a token nothing was asked, and what was withheld says nothing of the target. */
const isAsked = ({ kind }: Observed['answer']): boolean => kind !== 'no_token' && !isWithheld({ kind });

const isWithheld = ({ kind }: Observed['answer']): boolean => kind === 'withheld';

function isFailure(seen: Observation): boolean {
  const sign = signOf(seen);
  return isOfTarget(sign) || sign === 'alone';
}

const problemOf = (outcome: Outcome): string => ('failure' in outcome ? outcome.failure.message : outcome.kind);

export class TargetBreaker {
  #breaker: Breaker = closedBreaker;
  #isProbeDue = false;
  #probe: { readonly subject: Subject; isAnswered: boolean } | null = null;
  #cancelProbe: () => void = () => undefined;
  #nextProbeAt: number | null = null;
  #failures = 0;
  #problem = '';
  readonly #causes = new RepeatedCauses();
  readonly #failing = new WeakMap<Group, Failing>();
  readonly #lone = new LoneFailures();
  /** Attempts that each failed request has used up. */
  readonly #tries = new WeakMap<Observation, Try[]>();
  /** To be given back once the group is no longer in flight: what it has sent may still land. */
  readonly #owed = new Map<Group, Owed>();
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  get isClosed(): boolean {
    return this.#breaker.kind === 'closed';
  }

  /** null: closed. */
  get open(): ShownBreaker | null {
    if (this.#breaker.kind === 'closed') return null;
    const { reason, since, pauses } = this.#breaker;
    return { reason, since, problem: this.#problem, failed: pauses.failed, nextProbeAt: this.#nextProbeAt };
  }

  get isProbeDue(): boolean {
    return this.#isProbeDue;
  }

  /** May a request for it start, as far as the breaker goes? */
  lets(subject: Subject): boolean {
    return this.isClosed || this.isProbing(subject);
  }

  isProbing(subject: Subject): boolean {
    return this.#probe?.subject === subject;
  }

  /** 0: each request that has failed has succeeded since. */
  failedAt(group: Group): number {
    return this.#failing.get(group)?.at ?? 0;
  }

  /** What an answer of the target means for the breaker; to be passed to `used` with what the failure uses up. */
  observe({ request, answer, outcome, groups, subject }: Observed): Observation {
    const { clock, failuresMax, pendingGroupCount } = this.#dependencies;
    const before = this.#breaker;
    const seen: Observation = {
      request,
      outcome: isWithheld(answer) ? 'not_started' : outcome.kind,
      cause: answer,
      status: 'failure' in outcome ? outcome.failure.status : null,
      groups: groups.map(({ id }) => id),
      isReadable: groups.every(({ run }) => run?.wasRead === true),
      isAlone: isAsked(answer) && this.#lone.isAlone(subject, request),
      isProbe: this.isProbing(subject),
      pendingGroups: outcome.kind === 'transient' ? pendingGroupCount() : 0,
      failuresMax,
      now: clock.now().wall,
    };
    this.#note(groups, seen, request === 'look_up' ? subject.id : null);
    if (isSuccess(seen)) this.#lone.noteSuccess(subject, request);
    else if (isAsked(answer) && isFailure(seen)) this.#lone.noteFailure(subject, request);
    this.#breaker = observe(before, seen);
    if (seen.isProbe && this.#breaker === before && this.#probe !== null) this.#probe.isAnswered = true;
    else if (seen.isProbe) this.#decided(seen.outcome);
    if (before.kind === 'open' && this.#breaker.kind === 'open' && before.reason !== this.#breaker.reason)
      this.#problem = problemOf(outcome);
    if (before.kind === 'closed' && this.#breaker.kind === 'open') this.#opened(groups, outcome);
    else if (before.kind === 'open' && this.#breaker.kind === 'closed') this.#closed();
    return seen;
  }

  /** This failure has used up an attempt of the intent; it is given back if the failure opens the breaker. */
  used(seen: Observation, group: Group, intent: Intent): void {
    const tries = this.#tries.get(seen);
    if (tries === undefined) this.#tries.set(seen, [{ group, intent }]);
    else tries.push({ group, intent });
  }

  /** Failed while the breaker is open: no attempt is used up, and it is not sent again immediately when the breaker closes. */
  wait(group: Group, intents: readonly Intent[]): void {
    const notBefore = this.#dependencies.clock.now().wall + this.#waitMs(group);
    for (const intent of intents) group.postpone(intent, notBefore);
  }

  /** The group is no longer in flight. */
  settleOwed(group: Group): void {
    const owed = this.#owed.get(group);
    this.#owed.delete(group);
    if (owed === undefined) return;
    const { partitions, settle } = this.#dependencies;
    if (partitions.isCurrent(group.partition))
      for (const intent of owed.intents) group.giveAttemptBack(intent, owed.notBefore);
    settle();
  }

  probe(subject: Subject): void {
    this.#isProbeDue = false;
    this.#probe = { subject, isAnswered: false };
  }

  /** Nothing more comes of the probe. */
  endProbe(subject: Subject): void {
    if (this.#probe?.subject !== subject) return;
    const { isAnswered } = this.#probe;
    if (this.#breaker.kind === 'open')
      this.#breaker = afterUndecidedProbe(this.#breaker, isAnswered ? 'answered' : 'not_started');
    this.#decided('not_started');
    if (this.#breaker.kind === 'closed') this.#closed();
  }

  stop(): void {
    this.#cancelProbe();
  }

  /** @param id what was looked up. */
  #note(groups: readonly Group[], seen: Observation, id: string | null): void {
    const { request } = seen;
    for (const group of groups) {
      const known = this.#failing.get(group);
      if (isFailure(seen)) {
        this.#failures += 1;
        const requests = known?.requests ?? new Map<RequestKind, string | null>();
        this.#failing.set(group, { at: this.#failures, requests: requests.set(request, id), waits: known?.waits ?? 0 });
      } else if (isSuccess(seen) && known !== undefined) {
        if (known.requests.get(request) === id) known.requests.delete(request);
        if (request === 'write') known.requests.delete('read');
        if (known.requests.size === 0) this.#failing.delete(group);
      }
    }
  }

  #opened(groups: readonly Group[], outcome: Outcome): void {
    if (this.#breaker.kind === 'closed') return;
    const { clock, logger, onOpened } = this.#dependencies;
    const { reason, openedBy } = this.#breaker;
    this.#problem = problemOf(outcome);
    const fields = { reason, group: groups[0]?.id, problem: this.#problem, advice: advices[reason] };
    logger.error(fields, 'breaker opened');
    for (const { group, intent } of openedBy.flatMap((seen) => this.#tries.get(seen) ?? [])) {
      const owed = this.#owed.get(group) ?? { intents: [], notBefore: clock.now().wall + this.#waitMs(group) };
      owed.intents.push(intent);
      this.#owed.set(group, owed);
    }
    for (const group of this.#owed.keys()) if (group.run === null) this.settleOwed(group);
    this.#scheduleProbe();
    if (this.open !== null) onOpened(this.open);
  }

  /** 1 s, 2 s … 30 s, so that groups that fail alone do not open it again and again. */
  #waitMs(group: Group): number {
    const failing = this.#failing.get(group);
    if (failing === undefined) return probeDelayMs(1);
    failing.waits += 1;
    return probeDelayMs(failing.waits);
  }

  #scheduleProbe(): void {
    const { clock, onProbeDue } = this.#dependencies;
    this.#cancelProbe();
    if (this.#breaker.kind === 'closed') return;
    const delayMs = probeDelayMs(this.#breaker.pauses.probes + 1);
    this.#nextProbeAt = clock.now().wall + delayMs;
    this.#cancelProbe = clock.schedule(delayMs, () => {
      this.#nextProbeAt = null;
      this.#isProbeDue = this.#breaker.kind === 'open';
      onProbeDue();
    });
  }

  #decided(outcome: Outcome['kind']): void {
    const { clock, logger } = this.#dependencies;
    this.#probe = null;
    if (this.#breaker.kind === 'closed') return;
    const { reason, pauses } = this.#breaker;
    const leftOut = this.#causes.admit(`${reason} ${outcome}`, clock.now().monotonic);
    const fields = { reason, probes: pauses.probes, outcome, ...leftOutField(leftOut ?? 0) };
    logger[leftOut === null ? 'debug' : 'warn'](fields, 'breaker stays open');
    this.#scheduleProbe();
  }

  #closed(): void {
    this.#cancelProbe();
    this.#isProbeDue = false;
    this.#probe = null;
    this.#dependencies.logger.info({}, 'breaker closed');
    this.#dependencies.onClosed();
  }
}
