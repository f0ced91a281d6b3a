/** How long to wait before a request is sent again. Pure. */
import { backoffMs, type ReadHeader, retryAfterMs, saneWaitMs, throttledMs } from '../../core/server-wait.ts';

export interface Throttle {
  /** null: no answer at all. */
  readonly status: number | null;
  readonly header: ReadHeader;
  /** Tries so far. */
  readonly tries: number;
  /** Epoch ms. */
  readonly now: number;
  /** In [0, 1). */
  readonly random: number;
}

/** Whether the same request may succeed later. */
export const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** What the server says, within bounds; else a random time below a growing limit. */
export function waitMs(throttle: Throttle): number {
  const { status, header, tries: refusals, now, random } = throttle;
  const askedMs = status === null ? null : (retryAfterMs(header, now) ?? resetMs(throttle));
  return status === 429 ? throttledMs({ askedMs, refusals, random }) : backoffMs({ askedMs, refusals, random });
}

/** Okta and Auth0: epoch seconds, by the server's clock, which stands in `date`. A second more, as both are cut. */
function resetMs({ status, header, now }: Throttle): number | null {
  const text = header('x-rate-limit-reset') ?? header('x-ratelimit-reset');
  if (status !== 429 || text === null || !/^\d{9,11}$/.test(text)) return null;
  const serverNow = Date.parse(header('date') ?? '');
  const leftMs = Number(text) * 1000 - (Number.isNaN(serverNow) ? now : serverNow);
  return leftMs > 0 ? saneWaitMs(leftMs + 1000) : null;
}
