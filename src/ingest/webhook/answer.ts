/** What a sender hears. Those who do not know the secret learn nothing but that. */
import type { Invalid } from '../../core/change.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const empty = (status: number): Answer => ({ status, headers: {}, body: '' });

export const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: `${JSON.stringify(body)}\n`,
});

/** Of the same words for every reason. */
export const unauthorized = (challenge: string | null): Answer =>
  json(401, { error: 'not authorized' }, challenge === null ? {} : { 'www-authenticate': challenge });

const RETRY_AFTER_SECONDS = '2';

/** The sender is to repeat it: nothing was acknowledged. */
export const unavailable = (error: string): Answer => json(503, { error }, { 'retry-after': RETRY_AFTER_SECONDS });

/** Whoever sends no JSON should notice; an event that cannot be understood would only be repeated. */
export const refusedUnlessJson = ({ code }: Invalid): Answer | null =>
  code === 'not_json' || code === 'not_utf8' ? json(400, { error: 'the body is not JSON' }) : null;
