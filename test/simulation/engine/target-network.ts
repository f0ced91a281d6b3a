/**
 * The network between one instance and the target, in the place of undici's connections: the adapter's exchange, time-outs
 * and checks are the real ones. A request that was written lands, or not, whatever becomes of its sender.
 */
import type { Connect, Connections } from '../../../src/adapters/genesys/http-client.ts';
import { faultAnswer, GARBAGE } from '../../../src/lab/sandbox/faults.ts';
import type { SandboxAnswer } from '../../../src/lab/sandbox/answer.ts';
import type { SaltedRandom } from '../../support/random.ts';
import type { Counter } from './counter.ts';
import type { Host } from './host.ts';
import type { Target, TargetRequest } from './target.ts';
import type { Timeline } from './timeline.ts';
import type { TargetFate, FaultModel } from './fault-model.ts';

type Handler = Parameters<Connections['dispatch']>[1];
type Controller = Parameters<NonNullable<Handler['onRequestStart']>>[0];

/** What the oracle sees of requests. */
export interface Traffic {
  begun(request: TargetRequest, host: string, askedAt: number): object;
  answered(token: object, answer: SandboxAnswer): void;
  /** Answered, failed or broken off by its sender. */
  over(token: object): void;
}

interface World {
  readonly timeline: Timeline;
  readonly random: SaltedRandom;
  readonly faults: FaultModel;
  readonly counter: Counter;
  readonly target: Target;
  readonly traffic: Traffic;
  /** No request takes effect later than so long after it was sent. */
  readonly latestMs: number;
}

/** Whether bytes of a request can reach the target at all, and whether the process is cut off from it. */
export type IsCut = () => boolean;

export function targetConnect(host: Host, world: World, isCut: IsCut): Connect {
  const random = world.random.fork(`target ${host.name}`);
  return () => {
    const open = new Set<Exchange>();
    return {
      dispatch: ({ method, path, headers, body }, handler) => {
        const request = {
          method,
          path,
          headers: headers as TargetRequest['headers'],
          body: typeof body === 'string' ? body : '',
        };
        const exchange = new Exchange(request, handler, { host, world, random, isCut });
        open.add(exchange);
        exchange.connect();
        return true;
      },
      destroy: async () => {
        for (const exchange of open) exchange.fail('UND_ERR_DESTROYED');
      },
    };
  };
}

class Exchange {
  #request: TargetRequest;
  readonly #handler: Handler;
  readonly #host: Host;
  readonly #world: World;
  readonly #random: SaltedRandom;
  readonly #isCut: IsCut;
  readonly #controller: Controller;
  readonly #askedAt: number;
  #token: object | null = null;
  #isOver = false;

  constructor(
    request: TargetRequest,
    handler: Handler,
    around: { host: Host; world: World; random: SaltedRandom; isCut: IsCut },
  ) {
    this.#request = request;
    this.#handler = handler;
    this.#host = around.host;
    this.#world = around.world;
    this.#random = around.random;
    this.#isCut = around.isCut;
    this.#askedAt = around.world.timeline.now;
    this.#controller = {
      aborted: false,
      paused: false,
      reason: null,
      abort: (reason) => this.#end(() => this.#handler.onResponseError?.(this.#controller, reason)),
      pause: () => undefined,
      resume: () => undefined,
    };
  }

  connect(): void {
    if (this.#request.method === 'PATCH') this.#host.reach('patch');
    const delayMs = this.#random.happens(0.05) ? this.#random.between(0, 3_000) : this.#random.between(0.1, 3);
    this.#world.timeline.after(delayMs, () => this.#host.run(() => this.#start()));
  }

  fail(code: string): void {
    this.#end(() => this.#handler.onResponseError?.(this.#controller, Object.assign(new Error(code), { code })));
  }

  #start(): void {
    if (this.#isOver) return;
    if (this.#isCut() && this.#random.happens(0.5)) return this.fail('ECONNREFUSED');
    try {
      this.#handler.onRequestStart?.(this.#controller, {});
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      return this.#end(() => this.#handler.onResponseError?.(this.#controller, reason));
    }
    this.#host.reach('send');
    const { traffic, faults, counter } = this.#world;
    const isLogin = this.#request.method === 'POST';
    if (!isLogin) this.#token = traffic.begun(this.#request, this.#host.name, this.#askedAt);
    const isSilent = this.#isCut() || this.#world.target.isSilentFor(this.#request);
    const fate: TargetFate = isSilent ? 'lost' : this.#random.weighted(faults.target);
    if (fate !== 'answered') counter.count(`target: ${this.#isCut() ? 'cut off' : fate}`);
    this.#travel(fate);
  }

  #travel(fate: TargetFate): void {
    const { timeline, latestMs } = this.#world;
    const usualMs = this.#random.between(1, 60);
    switch (fate) {
      case 'lost':
        return;
      case 'ignored':
        return void timeline.after(usualMs, () => {
          if (this.#isForPresentVersion()) this.#request = { ...this.#request, method: 'GET', body: '' };
          this.#arrive();
        });
      case 'answered':
        return void timeline.after(usualMs, () => this.#arrive());
      case 'slow':
        return void timeline.after(this.#random.between(60, latestMs / 3), () => this.#arrive());
      case 'late':
        return this.#landLate();
      case 'answer_lost':
        return void timeline.after(usualMs, () => this.#land());
      case 'reset_before':
        return this.#answerLater(() => this.fail('UND_ERR_SOCKET'));
      case 'reset_after':
        return void timeline.after(usualMs, () => {
          this.#land();
          this.#answerLater(() => this.fail('UND_ERR_SOCKET'));
        });
      case 'error_before':
        return this.#answerLater(() => this.#answer(this.#error()));
      case 'error_after':
        return void timeline.after(usualMs, () => {
          this.#land();
          this.#answerLater(() => this.#answer(this.#error()));
        });
      case 'error_late':
        this.#landLate();
        return this.#answerLater(() => this.#answer(this.#error()));
      case 'throttled':
        return this.#answerLater(() => this.#answer(this.#throttled()));
      case 'garbage_before':
        return this.#answerLater(() => this.#answer(GARBAGE));
      case 'garbage_late':
        this.#landLate();
        return this.#answerLater(() => this.#answer(GARBAGE));
      case 'garbage_after':
        return void timeline.after(usualMs, () => {
          this.#land();
          this.#answerLater(() => this.#answer(GARBAGE));
        });
    }
  }

  #isForPresentVersion(): boolean {
    const { method, path, headers } = this.#request;
    const group = this.#world.target.state.groups.find(decodeURIComponent(path.slice(path.lastIndexOf('/') + 1)));
    return method === 'PATCH' && group !== null && headers['if-match'] === `"${group.version}"`;
  }

  #landLate(): void {
    const { timeline, latestMs } = this.#world;
    timeline.after(this.#random.between(latestMs / 3, latestMs), () => this.#land());
  }

  #land(): SandboxAnswer {
    if (this.#host.isRunning) this.#host.reach('effect');
    const answer = this.#world.target.handle(this.#request, this.#host.name);
    if (this.#host.isRunning) this.#host.reach('answer');
    return answer;
  }

  #arrive(): void {
    const answer = this.#land();
    this.#answerLater(() => this.#answer(answer));
  }

  #answerLater(deliver: () => void): void {
    this.#world.timeline.after(this.#random.between(1, 30), () => this.#host.run(deliver));
  }

  #error(): SandboxAnswer {
    const body = this.#random.pick(['platform', 'scim', 'html', 'empty'] as const);
    const status = this.#random.pick([500, 502, 503, 504, 408]);
    const retry = this.#random.happens(0.2) ? { retryAfterSeconds: this.#random.int(1, 10) } : {};
    return faultAnswer({ status, body, ...retry }, 'correlation', this.#host.now().wall);
  }

  #throttled(): SandboxAnswer {
    const form = this.#random.pick(['seconds', 'date'] as const);
    const retry = { retryAfterSeconds: this.#random.int(1, 20), retryAfterForm: form };
    return faultAnswer({ status: 429, ...retry }, 'correlation', this.#world.target.state.world.now());
  }

  #answer(answer: SandboxAnswer): void {
    if (this.#isOver) return;
    if (this.#token !== null) this.#world.traffic.answered(this.#token, answer);
    this.#handler.onResponseStart?.(this.#controller, answer.status, answer.headers);
    const hasBody = answer.body !== '' && answer.status !== 204 && answer.status !== 304;
    if (hasBody) this.#handler.onResponseData?.(this.#controller, Buffer.from(answer.body));
    this.#end(() => this.#handler.onResponseEnd?.(this.#controller, {}));
  }

  #end(tell: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#token !== null) this.#world.traffic.over(this.#token);
    tell();
  }
}
