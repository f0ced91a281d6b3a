/** What an identity provider asks for before a request is sent again. Pure. */
import { type ReadHeader, retryAfterMs, saneWaitMs } from '../../core/server-wait.ts';

/** Whether the same request may succeed later. */
export const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/** null: nothing, or nothing sane. @param now epoch ms. */
export const askedWaitMs = (status: number, header: ReadHeader, now: number): number | null =>
  retryAfterMs(header, now) ?? (status === 429 ? resetMs(header, now) : null);

/** Okta and Auth0: epoch seconds, by the server's clock, which stands in `date`. A second more, as both are cut. */
function resetMs(header: ReadHeader, now: number): number | null {
  const text = header('x-rate-limit-reset') ?? header('x-ratelimit-reset');
  if (text === null || !/^\d{9,11}$/.test(text)) return null;
  const serverNow = Date.parse(header('date') ?? '');
  const leftMs = Number(text) * 1000 - (Number.isNaN(serverNow) ? now : serverNow);
  return leftMs > 0 ? saneWaitMs(leftMs + 1000) : null;
}
