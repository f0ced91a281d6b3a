import type { Invalid } from '../../core/change/change.ts';
import type { Clock, Logger } from '../../ports.ts';
import { AggregatedWarnings } from '../aggregated-warnings.ts';

/**
 * The options of the webhook server, its warnings, and its answers: a sender without the secret learns only that it is
 * not authorized.
 */
export type KindName = 'okta' | 'auth0' | 'keycloak' | 'entra' | 'scim';

export interface WebhookConfig {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** null: plain http. */
  readonly tls: { readonly certPem: string; readonly keyPem: string } | null;
  /** null: no path for this kind of sender. */
  readonly secrets: Readonly<Record<KindName, string | null>>;
  /** What signed SCIM events are verified with; null: by nothing, so they are not read. */
  readonly scimTokens: {
    /** Path of a JWKS. */
    readonly keysFile: string;
    /** null: any. */
    readonly issuer: string | null;
    readonly audience: string | null;
  } | null;
  readonly bodyBytesMax: number;
  /** From the first byte of a request to its answer. */
  readonly answerWithinMs: number;
  /** Requests under way, and requests whose records wait for Kafka. */
  readonly waitingMax: number;
}

/** One for each message. */
export interface WebhookWarnings {
  readonly refusals: AggregatedWarnings;
  readonly hints: AggregatedWarnings;
  readonly deadLetters: AggregatedWarnings;
  close(): void;
}

export function webhookWarnings(clock: Pick<Clock, 'schedule'>, logger: Pick<Logger, 'warn'>): WebhookWarnings {
  const refusals = new AggregatedWarnings(clock, (counts) => logger.warn({ counts }, 'requests were refused'));
  const hints = new AggregatedWarnings(clock, (counts) =>
    logger.warn(
      { counts, advice: 'run `rollcall ingest poll` beside it, which reads what has changed' },
      'notifications say that a group has changed, not how; they are in the dead-letter topic',
    ),
  );
  const deadLetters = new AggregatedWarnings(clock, (counts) =>
    logger.warn({ counts }, 'what could not be read is in the dead-letter topic'),
  );
  return {
    refusals,
    hints,
    deadLetters,
    close: () => {
      for (const warnings of [refusals, hints, deadLetters]) warnings.close();
    },
  };
}

export interface WebhookAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const empty = (status: number): WebhookAnswer => ({ status, headers: {}, body: '' });

export const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): WebhookAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: `${JSON.stringify(body)}\n`,
});

/** Of the same words for every reason. */
export const unauthorized = (challenge: string | null): WebhookAnswer =>
  json(401, { error: 'not authorized' }, challenge === null ? {} : { 'www-authenticate': challenge });

const RETRY_AFTER_SECONDS = '2';

/** The sender is to repeat it: nothing was acknowledged. */
export const unavailable = (error: string): WebhookAnswer =>
  json(503, { error }, { 'retry-after': RETRY_AFTER_SECONDS });

/** A sender of what is no JSON should notice; an event that cannot be understood would only be repeated. */
export const refusedUnlessJson = ({ code }: Invalid): WebhookAnswer | null =>
  code === 'not_json' || code === 'not_utf8' ? json(400, { error: 'the body is not JSON' }) : null;
