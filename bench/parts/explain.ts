/** How long `rollcall explain` takes with 10,000,000 report records in its index, on the topics of a real Kafka. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { explainKafkaError } from '../../src/adapters/kafka/errors.ts';
import { explainCommand } from '../../src/commands/explain.ts';
import { partitionOfKey } from '../../src/core/log/reading.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { aReport } from '../../test/support/a-report.ts';
import { pause } from '../../src/time.ts';
import { single, type Figure } from '../figure.ts';
import type { Bench, Part } from '../part.ts';
import type { BenchKafka, KafkaEnvironment } from '../world/kafka.ts';
import { percentile } from '../world/percentile.ts';
import { Run } from '../world/run.ts';
import { context } from '../world/service.ts';

const REPORTS = { whole: 10_000_000, quick: 20_000 };
const QUESTIONS = { whole: 200, quick: 5 };
const PARTITIONS = 6;
const MEMBERS_PER_EVENT = 10;
const GROUPS = 5_000;
/** One event of so many is of the same group, so that it has 10 % of the reports. */
const ONE_GROUP_OF = 10;
const MEMBERS = 90_000;
const EVENTS_A_SEND = 1_000;
/** Of a question, the command as it runs, but for the start of Node. */
const ANSWER_MAX_MS = 200;

export const explain: Part = { name: 'explain', isQuick: true, measure };

async function measure({ kafka: start, isQuick }: Bench): Promise<readonly Figure[]> {
  const kafka = await start();
  const size = isQuick ? 'quick' : 'whole';
  const eventCount = REPORTS[size] / MEMBERS_PER_EVENT;
  const target = { limits: 'off', latencyMs: 0 } as const;
  const run = await Run.open({ kafka, target, initial: new Map(), partitions: PARTITIONS });
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-index-'));
  try {
    await fillTopics(kafka, run.topics, eventCount);
    const environment = { ...run.topics, ...environmentOf(run.sandbox), ADMIN_PORT: '0' };
    const ask = (event: number) => answer(environment, folder, event);
    const first = await ask(eventCount - 1);
    const answers: number[] = [];
    // Of members whom no later event names.
    const asked = Math.min(eventCount, MEMBERS / MEMBERS_PER_EVENT);
    for (let i = 0; i < QUESTIONS[size]; i += 1)
      answers.push(await ask(eventCount - 1 - Math.floor((i * asked) / QUESTIONS[size])));
    const { size: bytes } = await stat(join(folder, 'records.sqlite'));
    const count = REPORTS[size].toLocaleString('en');
    const ms = (name: string, value: number, atMost: number | null) => single(name, value, { unit: 'ms', atMost });
    return [
      ms(`explain by an index of ${count} reports: an answer, p50`, percentile(answers, 50), ANSWER_MAX_MS),
      ms(`explain by an index of ${count} reports: an answer, p95`, percentile(answers, 95), ANSWER_MAX_MS),
      single('the first answer, which reads the topics', first / 1000, { unit: 's' }),
      single('the index, for each report', bytes / REPORTS[size], { unit: 'B' }),
    ];
  } finally {
    await rm(folder, { recursive: true });
    await run.close();
  }
}

const groupOf = (event: number): string => (event % ONE_GROUP_OF === 0 ? 'g0' : `g${(event * 7) % GROUPS}`);
const membersOf = (event: number): readonly string[] =>
  Array.from({ length: MEMBERS_PER_EVENT }, (_, i) => `m${(event * MEMBERS_PER_EVENT + i) % MEMBERS}`);

/** Each event with its reports, one a member: it was applied. The consumer group has read them. */
async function fillTopics({ tools }: BenchKafka, names: KafkaEnvironment, eventCount: number): Promise<void> {
  const { SOURCE_TOPIC: topic, REPORT_TOPIC: reports = '', KAFKA_GROUP_ID: groupId } = names;
  const ends = Array.from({ length: PARTITIONS }, () => 0);
  for (let from = 0; from < eventCount; from += EVENTS_A_SEND) {
    const events = Array.from({ length: Math.min(EVENTS_A_SEND, eventCount - from) }, (_, i) => from + i);
    const records = events.flatMap((event) => {
      const [group, members] = [groupOf(event), membersOf(event)];
      const partition = partitionOfKey(Buffer.from(group), PARTITIONS);
      const offset = ends[partition] ?? 0;
      ends[partition] = offset + 1;
      const value = JSON.stringify({ group_id: group, add_members: members, event_id: `event-${event}` });
      const record = { topic, partition, key: group, value, headers: [] };
      const at = { topic, partition, offset: String(offset) };
      const ofEvent = members.map((member) => ({ ...record, topic: reports, value: reportOf(event, at, member) }));
      return [record, ...ofEvent];
    });
    const outcomes = await tools.send(records);
    if (outcomes.some((outcome) => outcome !== 'written')) throw new Error('the broker did not take all records');
  }
  const commits = ends.map((end, partition) => ({ partition, offset: BigInt(end), metadata: '' }));
  await commit(() => tools.commitWithoutMembers(groupId, topic, commits));
}

const COMMITS_MAX = 20;
const COMMIT_EVERY_MS = 500;

/** The broker may have to load the group first. */
async function commit(send: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send();
    } catch (error) {
      if (tries === COMMITS_MAX || !explainKafkaError(error).retriable) throw error;
      await pause(context.clock, COMMIT_EVERY_MS);
    }
  }
}

const STARTED_AT = Date.parse('2026-09-21T00:00:00Z');

interface At {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

function reportOf(event: number, at: At, member: string): string {
  const group = groupOf(event);
  const request = {
    patch_id: `8f0c3a52-0000-4000-8000-${String(event).padStart(12, '0')}`,
    etag_before: `"${event}"`,
    etag_after: `"${event + 1}"`,
    status: 200,
    correlation_id: `c-${event}`,
    duration_ms: 120,
    verified: true,
  };
  const source = { ...at, event_id: `event-${event}`, timestamp: STARTED_AT + event };
  const named = { id: `${at.topic}/${at.partition}/${at.offset}/${member}`, group, source_group: group };
  const when = { reported_at: new Date(STARTED_AT + event + 500).toISOString() };
  return JSON.stringify(aReport(BigInt(at.offset), member, { ...named, ...when, source, request }));
}

/** @returns ms. @throws Error where it does not know the event */
async function answer(environment: Record<string, string>, folder: string, event: number): Promise<number> {
  const stdout = new PassThrough();
  const text: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => text.push(chunk));
  const startedAt = performance.now();
  const [member = ''] = membersOf(event);
  const args = ['--group', groupOf(event), '--member', member, '--index', folder, '--json'];
  await explainCommand({ ...context, environment, stdout }).parseAsync(args, { from: 'user' });
  const took = performance.now() - startedAt;
  const { chain } = JSON.parse(Buffer.concat(text).toString()) as { readonly chain: readonly object[] };
  if (!JSON.stringify(chain[0]).includes(`event-${event}`)) throw new Error(`event-${event} is not the newest`);
  return took;
}
