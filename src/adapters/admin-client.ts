/** Asks the admin server of a running instance: what it has of a group (`/explain`), and how it is (`/status`). */
import { InstanceAnswer } from '../core/explain/instance-answer.ts';
import { InstanceStatus, type StatusAsked } from '../core/status/instance-status.ts';
import { errorText } from '../core/text/visible.ts';
import type { Clock } from '../ports.ts';

const LIMIT_MS = 3_000;
/** 10,000 intents come to 3 MB. */
const BYTES_MAX = 16 * 1024 * 1024;

export interface Instance {
  /** Of its admin server. */
  readonly url: string;
  /** ADMIN_TOKEN; null: none is set here. */
  readonly token: string | null;
  /** Whether a shadow is asked for: what the other kind answers is about other topics. */
  readonly isShadow: boolean;
}

export type InstanceReply<Answer> =
  | { readonly url: string; readonly answer: Answer; readonly problem: null }
  | { readonly url: string; readonly answer: null; readonly problem: string };

type Timer = Pick<Clock, 'schedule'>;

/** Never rejects. @param member null: all of the group */
export function askOfGroup(
  instance: Instance,
  { group, member }: { readonly group: string; readonly member: string | null },
  clock: Timer,
): Promise<InstanceReply<InstanceAnswer>> {
  const query = new URLSearchParams({ group, ...(member !== null && { member }) });
  return ask(instance, { page: '/explain', query, shape: InstanceAnswer }, clock);
}

/** Never rejects. @param withAffected lists the groups whose changes wait for the target or a resume */
export function askStatus(
  instance: Instance,
  { withAffected }: StatusAsked,
  clock: Timer,
): Promise<InstanceReply<InstanceStatus>> {
  const query = new URLSearchParams(withAffected ? { affected: 'true' } : {});
  return ask(instance, { page: '/status', query, shape: InstanceStatus }, clock);
}

const NO_SHADOW = 'it is no shadow, and its answer is left out; name the shadow with --admin, or leave out --shadow';
const A_SHADOW = 'it is a shadow, and its answer is left out; name the real one with --admin, or ask with --shadow';

interface Asked<Answer> {
  readonly page: string;
  readonly query: URLSearchParams;
  /** How its answer is checked. */
  readonly shape: {
    safeParse(json: unknown): { readonly success: true; readonly data: Answer } | { readonly success: false };
  };
}

async function ask<Answer extends { readonly shadow?: true | undefined }>(
  instance: Instance,
  { page, query, shape }: Asked<Answer>,
  clock: Timer,
): Promise<InstanceReply<Answer>> {
  const { url, isShadow } = instance;
  const limit = new AbortController();
  const cancel = clock.schedule(LIMIT_MS, () => limit.abort(new Error(`no answer within ${LIMIT_MS / 1000} s`)));
  try {
    const text = await pageOf(instance, { page, query }, limit.signal);
    const read = shape.safeParse(JSON.parse(text));
    if (!read.success) throw new Error('its answer is of another version of Rollcall');
    if ((read.data.shadow === true) !== isShadow) throw new Error(isShadow ? NO_SHADOW : A_SHADOW);
    return { url, answer: read.data, problem: null };
  } catch (error) {
    return { url, answer: null, problem: problemOf(error) };
  } finally {
    cancel();
  }
}

async function pageOf(
  { url, token }: Instance,
  { page, query }: Pick<Asked<unknown>, 'page' | 'query'>,
  signal: AbortSignal,
): Promise<string> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  // A redirect would take the token elsewhere.
  const response = await fetch(new URL(`${page}?${query.toString()}`, url), { headers, signal, redirect: 'error' });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(refusal(response.status, page, token));
  }
  return textOf(response);
}

async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > BYTES_MAX) throw new Error('its answer is too large');
  }
  return text;
}

function refusal(status: number, page: string, token: string | null): string {
  if (status === 401)
    return token === null ? 'it asks for ADMIN_TOKEN, which is not set here' : 'it refuses ADMIN_TOKEN';
  if (status === 404) return `it has no page ${page}: it is no \`rollcall run\`, or an older one`;
  return status === 503 ? 'it has not reached the brokers yet' : `it answers ${status}`;
}

/** `fetch` says why in its cause. */
const problemOf = (error: unknown): string =>
  errorText(error instanceof Error && error.cause !== undefined ? error.cause : error);
