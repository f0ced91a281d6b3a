/** What a consumer that ended is logged as, while another one is built. */
import { logLasting } from '../lasting-lines.ts';
import type { KafkaExplanation } from './errors.ts';
import type { KafkaHost } from './options.ts';

export function logConsumeFailure(
  host: KafkaHost,
  { code, message, advice }: Pick<KafkaExplanation, 'code' | 'message' | 'advice'>,
): void {
  const fields = { code, error: message, advice };
  logLasting(host, {
    level: 'warn',
    cause: `${code} ${message}`,
    fields,
    message: 'Kafka cannot be consumed, trying again',
  });
}

export function logRebuild(host: KafkaHost, reason: string): void {
  const message = 'the consumer cannot go on and is built again';
  logLasting(host, { level: 'error', cause: reason, fields: { reason }, message });
}
