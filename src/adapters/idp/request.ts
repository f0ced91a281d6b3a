/** One request to an identity provider, with Node's own fetch, and the body of its answer. */
import { IdpTrouble } from '../../core/idp-failure.ts';
import type { Clock } from '../../ports.ts';
import { unlessAborted } from '../time-limit.ts';

/** Of an answer. */
export const BODY_BYTES_MAX = 64 * 1024 * 1024;

export const headerOf =
  ({ headers }: Response): ((name: string) => string | null) =>
  (name) =>
    headers.get(name);

export interface Limits<T> {
  /** Until `read` has ended. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  /** What the request goes through; null: nothing between. */
  readonly dispatcherFor: (url: string) => object | null;
  /** @param over when the time is up, or when asked to stop. */
  read(response: Response, over: AbortSignal): Promise<T>;
}

/** One request. Rejects where there is no answer. */
export async function send<T>(
  url: string,
  init: { readonly headers: Record<string, string>; readonly method?: 'POST'; readonly body?: string },
  { timeoutMs, clock, stop, dispatcherFor, read }: Limits<T>,
): Promise<T> {
  const over = new AbortController();
  const cancel = clock.schedule(timeoutMs, () => over.abort(new Error(`no answer within ${timeoutMs} ms`)));
  const end = (): void => over.abort(new IdpTrouble('asked to stop'));
  stop.addEventListener('abort', end);
  if (stop.aborted) end();
  try {
    const dispatcher = dispatcherFor(url);
    const { signal } = over;
    // Node's fetch takes the agents of undici 7, whose types are not those of its own.
    const through: object = dispatcher === null ? {} : { dispatcher };
    const response = await fetch(url, Object.assign({ ...init, redirect: 'error', signal } as const, through));
    return await read(response, signal);
  } finally {
    stop.removeEventListener('abort', end);
    cancel();
  }
}

/**
 * Ended here where the signal says so. Node's fetch holds its signal weakly, so that one of AbortSignal.any, which nothing else
 * holds, is collected as garbage while the body is read: a body that never ended was read for ever.
 */
export async function readBody(response: Response, over: AbortSignal): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  try {
    for (;;) {
      const next = await unlessAborted(over, reader?.read() ?? NO_MORE);
      if (next === 'aborted') throw over.reason;
      if (next.done) return Buffer.concat(chunks);
      bytes += next.value.length;
      if (bytes > BODY_BYTES_MAX) throw new IdpTrouble(`an answer has more than ${BODY_BYTES_MAX} bytes`);
      chunks.push(next.value);
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
}

const NO_MORE = Promise.resolve({ done: true, value: undefined } as const);
