/**
 * The life of a consumer: one session at a time, from the first join until the log or the relay is left. A session that
 * crashes or shows no life is given up, loudly, and another follows after a pause, for as long as trying again may help.
 */
import { KafkaFailure, explainKafkaError, logConsumeFailure, logRebuild, type KafkaExplanation } from './errors.ts';
import type { KafkaHost } from './options.ts';
import type { Session } from './session.ts';

/** A session, and what the log or the relay holds for as long as it lives. */
export interface Supervised {
  readonly session: Session;
  close(): Promise<void>;
}

export interface SupervisorUser<S extends Supervised> {
  /** @param ended to be called at the end of the session. */
  open(ended: (error: unknown) => void): S;
  /** Asked once a second. The reason to build again, null where there is none. @param reading undefined: none is there. */
  fault(reading: S | undefined): string | null;
  /** Called once a second where there is no fault: looks for what the next `fault` names. */
  look(reading: S | undefined): void;
  /** Ms to wait before another session; null: waiting cannot help. */
  retryDelayMs(end: KafkaExplanation): number | null;
  /** Called in the same tick. @param hadJoined false: nothing had been assigned. */
  lost(reason: string, hadJoined: boolean): void;
  failed(failure: KafkaFailure): void;
}

export const rebuildDelayMs = 750;
const checkIntervalMs = 1_000;

export class Supervisor<S extends Supervised> {
  readonly #host: KafkaHost;
  readonly #user: SupervisorUser<S>;
  #current: S | undefined;
  /** Closings under way; a new session waits for the old one to have left. */
  #closing: Promise<void> = Promise.resolve();
  #isOver = false;
  #cancelCheck = (): void => undefined;
  #cancelRebuild = (): void => undefined;

  constructor(host: KafkaHost, user: SupervisorUser<S>) {
    this.#host = host;
    this.#user = user;
  }

  /** undefined: between two sessions, and at the end. */
  get current(): S | undefined {
    return this.#current;
  }

  start(): void {
    this.#open();
    this.#scheduleCheck();
  }

  rebuild(reason: string, delayMs = rebuildDelayMs): void {
    const hadJoined = this.#current?.session.hasJoined ?? false;
    this.#discard();
    try {
      this.#user.lost(reason, hadJoined);
    } catch (error) {
      return this.#fail(new KafkaFailure(explainKafkaError(error), { cause: error }));
    }
    void this.#closing.then(() => {
      if (this.#isOver) return;
      this.#cancelRebuild();
      this.#cancelRebuild = this.#host.clock.schedule(delayMs, () => {
        if (this.#current === undefined) this.#open();
      });
    });
  }

  /** Resolves when the last session has left its group. */
  stop(): Promise<void> {
    this.#isOver = true;
    this.#cancelCheck();
    this.#cancelRebuild();
    this.#discard();
    return this.#closing;
  }

  #open(): void {
    this.#current = this.#user.open((error) => this.#ended(error));
    this.#current.session.start();
  }

  #ended(error: unknown): void {
    const explanation = explainKafkaError(error);
    const delayMs = this.#user.retryDelayMs(explanation);
    if (delayMs === null) return this.#fail(new KafkaFailure(explanation, { cause: error }));
    logConsumeFailure(this.#host, explanation);
    this.rebuild(explanation.message, delayMs);
  }

  #fail(failure: KafkaFailure): void {
    void this.stop();
    this.#user.failed(failure);
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#host.clock.schedule(checkIntervalMs, () => {
      this.#scheduleCheck();
      const fault = this.#user.fault(this.#current);
      if (fault === null) return this.#user.look(this.#current);
      logRebuild(this.#host, fault);
      this.rebuild(fault);
    });
  }

  #discard(): void {
    const discarded = this.#current;
    this.#current = undefined;
    if (discarded !== undefined) this.#closing = Promise.all([this.#closing, discarded.close()]).then(() => undefined);
  }
}
