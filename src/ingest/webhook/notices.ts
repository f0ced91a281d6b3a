/** What the webhook server tells of requests. */
import type { Clock, Logger } from '../../ports.ts';
import { Notices } from '../notices.ts';

/** One for each thing that is told. */
export interface WebhookNotices {
  readonly refusals: Notices;
  readonly hints: Notices;
  readonly letters: Notices;
  close(): void;
}

export function webhookNotices(clock: Pick<Clock, 'schedule'>, log: Pick<Logger, 'warn'>): WebhookNotices {
  const refusals = new Notices(clock, (counts) => log.warn({ counts }, 'requests were refused'));
  const hints = new Notices(clock, (counts) =>
    log.warn(
      { counts, advice: 'run `rollcall ingest poll` beside it, which reads what has changed' },
      'notifications say that a group has changed, not how; they are in the dead-letter topic',
    ),
  );
  const letters = new Notices(clock, (counts) =>
    log.warn({ counts }, 'what could not be read is in the dead-letter topic'),
  );
  return {
    refusals,
    hints,
    letters,
    close: () => {
      for (const notices of [refusals, hints, letters]) notices.close();
    },
  };
}
