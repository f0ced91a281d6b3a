/** One request with Node's own fetch, through the proxy, within a time limit. No redirect is followed. */
import { errorText } from '../core/text/visible.ts';
import type { Clock } from '../ports.ts';

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
  const end = (): void => over.abort(new Error('asked to stop'));
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

/** Why there was no answer: fetch hides the reason in the cause. */
export function causeText(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? `${String(cause.code)} ` : '';
  return `${code}${errorText(cause)}`;
}
