/**
 * Messages to people, POSTed to their webhook and signed as Standard Webhooks says
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md). The address is a secret: lines of the
 * log show its origin. A redirect is not followed, and what the receiver answers is not read.
 */
import { createHmac } from 'node:crypto';
import type { Notice } from '../core/notice/notice.ts';
import { retryAfterMs } from '../core/target/retry.ts';
import type { Clock, Logger, Notifier, NotifyOutcome } from '../ports.ts';
import { causeText, send } from './bounded-fetch.ts';
import { logLasting } from './lasting-lines.ts';
import { proxyAgents, type ProxySettings } from './proxy.ts';

interface Receiver {
  readonly url: URL;
  /** null: messages are not signed. */
  readonly key: Uint8Array | null;
}

interface World {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly proxy: ProxySettings;
}

const TIMEOUT_MS = 10_000;

export class WebhookNotifier implements Notifier {
  readonly #receiver: () => Receiver;
  readonly #world: World;
  readonly #dispatcherFor: (url: string) => object | null;
  readonly #stop = new AbortController();

  /** @param receiver as it is at each request. */
  constructor(receiver: () => Receiver, world: World) {
    this.#receiver = receiver;
    this.#world = world;
    this.#dispatcherFor = proxyAgents(world.proxy);
  }

  async notify({ id, body }: Pick<Notice, 'id' | 'body'>): Promise<NotifyOutcome> {
    const { clock } = this.#world;
    const { url, key } = this.#receiver();
    const headers = { 'content-type': 'application/json', ...webhookHeaders(id, body, { key, now: clock.now().wall }) };
    const limits = { timeoutMs: TIMEOUT_MS, clock, stop: this.#stop.signal, dispatcherFor: this.#dispatcherFor };
    try {
      const answer = await send(url.href, { method: 'POST', headers, body }, { ...limits, read: withoutBody });
      if (answer.ok) return 'delivered';
      this.#noteFailure(url, `status ${answer.status}`);
      const askedMs = retryAfterMs((name) => answer.headers.get(name), clock.now().wall);
      return { kind: isRefusal(answer.status) ? 'refused' : 'failed', askedMs };
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#noteFailure(url, causeText(error));
      return { kind: 'failed', askedMs: null };
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
  }

  #noteFailure({ origin }: URL, why: string): void {
    const fields = { receiver: origin, why, advice: ADVICE };
    const message = 'a notification is not delivered, trying again';
    logLasting(this.#world, { level: 'warn', cause: `${origin} ${why}`, fields, message });
  }
}

const ADVICE =
  'Until it is delivered, look with `rollcall held list` and `rollcall status`. If it lasts, check NOTIFY_URL.';

/** All of 4xx but a time-out and a limit: https://www.rfc-editor.org/rfc/rfc9110#section-15.5. */
const isRefusal = (status: number): boolean => status >= 400 && status < 500 && status !== 408 && status !== 429;

/** It may be without an end. */
async function withoutBody(response: Response): Promise<Response> {
  await response.body?.cancel();
  return response;
}

interface Signing {
  readonly key: Uint8Array | null;
  /** Epoch ms. */
  readonly now: number;
}

/** With the time of this try: receivers refuse old ones. */
export function webhookHeaders(id: string, body: string, { key, now }: Signing): Record<string, string> {
  const timestamp = String(Math.floor(now / 1_000));
  const unsigned = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (key === null) return unsigned;
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { ...unsigned, 'webhook-signature': `v1,${mac}` };
}
