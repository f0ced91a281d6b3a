/** Where people are notified in a history: messages and answers take their time, are refused, or get lost. */
import type { Notifier, NotifyOutcome } from '../../../src/ports.ts';
import type { SaltedRandom } from '../../support/random.ts';
import type { Counter } from './counter.ts';
import type { FaultModel, ReceiverFate } from './fault-model.ts';
import type { Host } from './host.ts';
import type { Timeline } from './timeline.ts';

/** After which the adapter gives a request up. */
const TIMEOUT_MS = 10_000;
const FAILED: NotifyOutcome = { kind: 'failed', askedMs: null };
const REFUSED: NotifyOutcome = { kind: 'refused', askedMs: null };

interface World {
  readonly timeline: Timeline;
  readonly random: SaltedRandom;
  readonly faults: FaultModel;
  readonly counter: Counter;
  readonly onSent: (body: string, isBreakerOpen: boolean) => void;
  /** A message has arrived. */
  readonly onReceived: (body: string) => void;
  /** Its sender learns that it was not delivered, or learns nothing. */
  readonly onFailed: (body: string) => void;
}

interface Sender {
  readonly host: Host;
  readonly isCut: () => boolean;
  readonly isBreakerOpen: () => boolean;
}

export class Receiver {
  readonly #world: World;
  readonly #random: SaltedRandom;
  /** Messages that it refuses for as long as it refuses any. */
  readonly #refusedKind: 'held' | 'breaker_open' | null;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork('receiver');
    this.#refusedKind = world.random.fork('refused kind').pick([null, null, null, 'held', 'breaker_open']);
  }

  notifierFor({ host, isCut, isBreakerOpen }: Sender): Notifier {
    const notify: Notifier['notify'] = ({ body }) => {
      this.#world.onSent(body, isBreakerOpen());
      return new Promise((resolve) => this.#carry(host, { body, isLost: isCut(), resolve }));
    };
    return { notify, close: async () => undefined };
  }

  #fateOf(body: string): ReceiverFate {
    const { receiver } = this.#world.faults;
    const fate = this.#random.weighted(receiver);
    const isRefused = receiver.refused !== undefined && JSON.parse(body).kind === this.#refusedKind;
    return isRefused && fate !== 'lost' ? 'refused' : fate;
  }

  #carry(
    host: Host,
    sent: { readonly body: string; readonly isLost: boolean; readonly resolve: (outcome: NotifyOutcome) => void },
  ): void {
    const { timeline, counter, onReceived, onFailed } = this.#world;
    host.reach('send');
    if (host.state === 'gone') return;
    const fate = sent.isLost ? 'lost' : this.#fateOf(sent.body);
    if (fate !== 'answered' && fate !== 'slow') onFailed(sent.body);
    counter.count(`notice: ${fate}`);
    const answer = (outcome: NotifyOutcome, afterMs: number): void =>
      void timeline.after(afterMs, () => host.run(() => sent.resolve(outcome)));
    if (fate === 'lost') return answer(FAILED, TIMEOUT_MS);
    const travelMs = fate === 'slow' ? this.#random.between(100, TIMEOUT_MS / 2) : this.#random.between(0.1, 50);
    timeline.after(travelMs, () => {
      if (fate === 'refused') return answer(REFUSED, travelMs);
      onReceived(sent.body);
      if (fate === 'answer_lost') answer(FAILED, TIMEOUT_MS);
      else answer('delivered', travelMs);
      if (host.state === 'running') host.reach('answer');
    });
  }
}
