/** Variables of `rollcall ingest topic`. */
import { demanded, durationMs, initially, text, topicName, wholeNumber } from './variable.ts';

export const rekeyVariables = {
  INGEST_FROM_TOPIC: demanded(topicName, {
    part: 'rekey',
    example: 'insights-logs-auditlogs',
    about: 'Topic that `rollcall ingest topic` reads; its records need not be keyed by group',
  }),
  INGEST_FROM_FORMAT: initially('auto', text, {
    part: 'rekey',
    about: 'Format of its records: one of `SOURCE_FORMAT`',
  }),
  INGEST_GROUP_ID: initially('rollcall-ingest', text, {
    part: 'rekey',
    about: 'Consumer group that reads it; one instance reads, the others stand by',
  }),
  INGEST_REORDER_MS: initially('5000', durationMs(0), {
    part: 'rekey',
    about: 'How long an event waits for earlier ones of partitions that have nothing more to read',
  }),
  INGEST_LATE_MS: initially('3600000', durationMs(0), {
    part: 'rekey',
    about: 'How far a new start looks back, to tell changes that come late from newer ones',
  }),
  INGEST_BUFFER_MAX: initially('5000', wholeNumber(1, 1_000_000), {
    part: 'rekey',
    about: 'Events in hand per partition, beyond which it is read no further',
  }),
};
