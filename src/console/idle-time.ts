/** The time in which the pipeline of `run` has nothing to do: what compares beside it reads topics and asks the target only then. */
import type { ComparedPipeline } from '../pipeline/compared.ts';
import type { Clock, GetGroupRequest, GroupApi, LogTools, ReadOptions, TopicRecord } from '../ports.ts';
import type { HttpAnswer } from '../core/target/refusals.ts';
import { pauseUnlessAborted } from '../time.ts';
import type { ReadingApi } from './target.ts';

const LOOK_EVERY_MS = 250;

export class IdleTime {
  readonly #pipeline: Pick<ComparedPipeline, 'isIdle'>;
  readonly #clock: Clock;
  readonly stop: AbortSignal;

  constructor(pipeline: Pick<ComparedPipeline, 'isIdle'>, clock: Clock, stop: AbortSignal) {
    this.#pipeline = pipeline;
    this.#clock = clock;
    this.stop = stop;
  }

  get isNow(): boolean {
    return !this.stop.aborted && this.#pipeline.isIdle();
  }

  /** Resolves in a later turn of the event loop, in idle time in which `take` succeeds; or at the signal. */
  async turn(take: () => boolean = () => true): Promise<void> {
    await pauseUnlessAborted(this.#clock, 0, this.stop);
    while (!this.stop.aborted && !(this.isNow && take()))
      await pauseUnlessAborted(this.#clock, LOOK_EVERY_MS, this.stop);
  }
}

/** Its permits are those that no one waits for, and a request starts only in idle time: else its answer is `not_started`. */
export class IdleApi implements ReadingApi {
  readonly gate: ReadingApi['gate'];
  readonly #api: Pick<GroupApi, 'gate' | 'getGroup'>;
  readonly #idle: IdleTime;
  /** Since the start. */
  requestCount = 0;

  constructor(api: Pick<GroupApi, 'gate' | 'getGroup'>, idle: IdleTime) {
    this.#api = api;
    this.#idle = idle;
    this.gate = { take: () => idle.turn(() => api.gate.tryTake()) };
  }

  async getGroup(request: GetGroupRequest): Promise<HttpAnswer> {
    if (this.#idle.stop.aborted) return { kind: 'not_started' };
    const mayStart = (): boolean => request.mayStart() && this.#idle.isNow;
    const answer = await this.#api.getGroup({ ...request, mayStart });
    if (answer.kind === 'not_started') this.#api.gate.giveBack();
    else this.requestCount += 1;
    return answer;
  }
}

/** So many records are taken in one turn of the event loop. */
const RECORDS_A_TURN = 100;

/** @param onTurn called between some records and the next */
export const readingInIdleTime = (tools: LogTools, idle: IdleTime, onTurn: () => void): LogTools => ({
  describeTopic: (topic) => tools.describeTopic(topic),
  createTopic: (specification) => tools.createTopic(specification),
  send: (records) => tools.send(records),
  close: () => tools.close(),
  async *read(topic: string, options: ReadOptions): AsyncGenerator<TopicRecord> {
    let count = 0;
    for await (const record of tools.read(topic, options)) {
      yield record;
      count += 1;
      if (count % RECORDS_A_TURN > 0) continue;
      await idle.turn();
      onTurn();
    }
  },
});
