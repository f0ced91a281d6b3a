/**
 * What `rollcall status` predicts, beside what then happens: while a backlog is worked off, each instance is asked again and again
 * when it will be in step, as the command asks, and each answer is compared with the time that it took from then to the last write.
 *
 * Counted are all answers from a second after the first request on, as long as at least five seconds are left: then a fifth is no
 * less than a window.
 */
import { askStatus, type InstanceReply } from '../../src/adapters/admin-client.ts';
import type { InstanceStatus } from '../../src/core/status/instance-status.ts';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { pause } from '../../src/time.ts';
import { ratio, type Figure } from '../figure.ts';
import { rounds, type Bench, type Part } from '../part.ts';
import { Run, type Target } from '../world/run.ts';
import { sendEvents } from '../world/send-events.ts';
import { context } from '../world/service.ts';
import { rollcall } from '../world/subject.ts';
import { drawWorkload, type WorkloadSize } from '../world/workload.ts';

interface Case extends WorkloadSize {
  /** null: most of it is unread for most of the time, so that the estimate of that counts most. */
  readonly goal: Figure['goal'];
  readonly name: string;
  readonly target: Target;
  readonly instances: number;
  readonly environment: Readonly<Record<string, string>>;
}

const MEMBERS_PER_GROUP = 500;
/** In one round as good as in five: each has some dozens of answers. */
const OFF_BY_MAX = { atMost: 0.2 };
const alone = { instances: 1, environment: {}, goal: OFF_BY_MAX };

const CASES: readonly Case[] = [
  {
    ...alone,
    name: '10,000 events on 500 groups, 50 requests in windows of 1 s',
    events: 10_000,
    groups: 500,
    membersPerGroup: MEMBERS_PER_GROUP,
    target: { limits: { allowed: 50, windowSeconds: 1 }, latencyMs: 20 },
  },
  {
    ...alone,
    name: '10,000 events on 500 groups, 300 requests in windows of 10 s',
    events: 10_000,
    groups: 500,
    membersPerGroup: MEMBERS_PER_GROUP,
    target: { limits: { allowed: 300, windowSeconds: 10 }, latencyMs: 100 },
  },
  {
    name: '30,000 events on 1,500 groups, 2 instances, 75 requests in windows of 1 s for each',
    events: 30_000,
    groups: 1_500,
    membersPerGroup: MEMBERS_PER_GROUP,
    target: { limits: { allowed: 75, windowSeconds: 1 }, latencyMs: 20 },
    instances: 2,
    environment: {},
    goal: OFF_BY_MAX,
  },
  {
    name: '30,000 events on 1,500 groups, no more than 3,000 pending, 75 requests in windows of 1 s',
    events: 30_000,
    groups: 1_500,
    membersPerGroup: MEMBERS_PER_GROUP,
    target: { limits: { allowed: 75, windowSeconds: 1 }, latencyMs: 20 },
    instances: 1,
    environment: { MAX_PENDING_INTENTS: '3000' },
    goal: null,
  },
  {
    name: '10,000 events on 500 groups, no limit, 5 slots of 100 ms',
    events: 10_000,
    groups: 500,
    membersPerGroup: MEMBERS_PER_GROUP,
    target: { limits: 'off', latencyMs: 100 },
    instances: 1,
    environment: { CONCURRENCY: '5' },
    goal: OFF_BY_MAX,
  },
];

const LIMIT_SECONDS = 300;
const PARTITIONS = 12;
const ASK_EVERY_MS = 500;
const FIRST_AFTER_S = 1;
const LEFT_MIN_S = 5;
const ANSWERS_MIN = 10;

export const status: Part = { name: 'status', isQuick: false, measure };

async function measure(bench: Bench): Promise<readonly Figure[]> {
  const results = await rounds(
    bench,
    CASES.map((each) => () => predictions(bench, each)),
  );
  return CASES.flatMap(({ name, goal }, at) => {
    const ratios = results.map((round) => round[at] ?? []);
    return [
      ratio(`${name}: predicted ÷ true, off by at most`, ratios.map(offBy), goal),
      ratio(`${name}: predicted ÷ true`, ratios.flat(), null),
    ];
  });
}

const offBy = (ratios: readonly number[]): number => Math.max(...ratios.map((each) => Math.abs(each - 1)));

interface Answer {
  /** Since the start of the first instance. */
  readonly atSeconds: number;
  readonly predictedSeconds: number | null;
}

type Prediction = Answer & { readonly predictedSeconds: number };

/** Each answer ÷ the time that it took. */
async function predictions(bench: Bench, each: Case): Promise<readonly number[]> {
  const kafka = await bench.kafka();
  const workload = drawWorkload(each);
  const run = await Run.open({ kafka, target: each.target, initial: workload.initial, partitions: PARTITIONS });
  try {
    await sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, workload.events);
    const ports = await freePorts(each.instances);
    for (const port of ports) run.start(await rollcall({ ...each.environment, ADMIN_PORT: String(port) }));
    const stop = new AbortController();
    const asking = askAgain(run, ports, stop.signal);
    await run.committed(workload.events.length, LIMIT_SECONDS);
    stop.abort();
    run.wrongGroups(workload.expected, await rollcall());
    const { seconds, startSeconds } = run;
    const counted = (await asking).filter(
      (answer): answer is Prediction =>
        answer.predictedSeconds !== null &&
        answer.atSeconds >= startSeconds + FIRST_AFTER_S &&
        seconds - answer.atSeconds >= LEFT_MIN_S,
    );
    if (counted.length < ANSWERS_MIN) throw new Error(`${each.name}: only ${counted.length} answers can be compared`);
    return counted.map(({ atSeconds, predictedSeconds }) => predictedSeconds / (seconds - atSeconds));
  } finally {
    await run.close();
  }
}

/** As the command: the one that takes longest, in seconds; null: one of them does not know. */
const slowestOf = (replies: readonly InstanceReply<InstanceStatus>[]): number | null =>
  replies.reduce<number | null>((most, { answer }) => {
    const ms = answer?.converges_in_ms ?? null;
    return most === null || ms === null ? null : Math.max(most, ms / 1000);
  }, 0);

async function askAgain(run: Run, ports: readonly number[], stop: AbortSignal): Promise<readonly Answer[]> {
  const { KAFKA_GROUP_ID: group, SOURCE_TOPIC: source } = run.topics;
  const service = { consumer_group: group, source_topic: source };
  const answers: Answer[] = [];
  while (!stop.aborted) {
    const atSeconds = run.secondsUntilNow;
    const asked = ports.map((port) =>
      askStatus(
        { url: `http://127.0.0.1:${port}`, token: null, isShadow: false, service },
        { withAffected: false },
        context.clock,
      ),
    );
    answers.push({ atSeconds, predictedSeconds: slowestOf(await Promise.all(asked)) });
    await pause(context.clock, ASK_EVERY_MS);
  }
  return answers;
}
