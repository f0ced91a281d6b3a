/** The limit of intake: every event is read and parsed, and unless REPORTS=off a record of a report's size is sent for it. */
import kafkajs, { type EachBatchPayload, type Message } from 'kafkajs';
import { consume, openKafka, readEvent, type ChangeEvent } from './consumer.ts';
import { kafkaSettings, required } from './settings.ts';

const settings = kafkaSettings();
const reportTopic = required('REPORT_TOPIC');
const isReporting = process.env['REPORTS'] !== 'off';
const kafka = openKafka(settings);
const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });

/** Reports of one send to one partition have to stay below a broker's limit of 1 MB. */
const RECORDS_PER_SEND = 1_000;

await producer.connect();
await consume({
  kafka,
  settings,
  handlers: { partitionsConsumedConcurrently: 6, eachBatch: reportBatch },
});

async function reportBatch({ batch, heartbeat }: EachBatchPayload): Promise<void> {
  const reports = batch.messages.flatMap(({ value, offset, timestamp }) => {
    const event = readEvent(value);
    const source = { topic: batch.topic, partition: batch.partition, offset, timestamp: Number(timestamp) };
    return event === null || !isReporting ? [] : [reportOf(event, source)];
  });
  for (let from = 0; from < reports.length; from += RECORDS_PER_SEND) {
    await producer.send({ topic: reportTopic, messages: reports.slice(from, from + RECORDS_PER_SEND) });
    await heartbeat();
  }
}

interface Source {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly timestamp: number;
}

/** The shape and size of a report of Rollcall, about 700 bytes. */
function reportOf(event: ChangeEvent, source: Source): Message {
  const { event_id, group_id: group, add_members, remove_members } = event;
  const member = add_members[0] ?? remove_members[0] ?? null;
  const report = {
    v: 1,
    id: `${source.topic}/${source.partition}/${source.offset}/${member}`,
    final: true,
    group,
    member,
    op: add_members.length > 0 ? 'add' : 'remove',
    outcome: 'applied',
    reason: null,
    attempt: 0,
    conflicts: 0,
    source: { ...source, event_id },
    request: {
      patch_id: '8d0b3ad5-2f0b-4a1c-9a58-5d4a0c7e1f36',
      etag_before: '"7"',
      etag_after: '"8"',
      status: 200,
      correlation_id: '1c9c0f52-77e1-4b5e-8f5e-0c9d3a6b2e41',
      duration_ms: 12,
      verified: true,
    },
    superseded_by: null,
    next_attempt_at: null,
    lag_ms: { queue: 3, apply: 14 },
    epoch: 3,
    reported_at: new Date().toISOString(),
  };
  return { key: group, value: JSON.stringify(report) };
}
