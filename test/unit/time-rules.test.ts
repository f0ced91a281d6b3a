import { describe, expect, test } from 'vitest';
import { pipelineOptions, readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/problem.ts';
import type { Part } from '../../src/config/variables.ts';

type Environment = Readonly<Record<string, string>>;

const run = ['kafka', 'topics', 'format', 'ids', 'genesys', 'pipeline', 'admin'] as const;
const relay = ['kafka', 'topics', 'format', 'ingest', 'rekey'] as const;
const webhook = ['kafka', 'topics', 'ingest', 'webhook'] as const;

const enough = {
  KAFKA_BROKERS: 'localhost:9092',
  GENESYS_CLIENT_ID: 'client',
  GENESYS_CLIENT_SECRET: 'hush',
  INGEST_FROM_TOPIC: 'keyless',
};

const read = <P extends Part>(environment: Environment, parts: readonly P[]) =>
  readConfig({ ...enough, ...environment }, parts, () => '');

function problemsOf(environment: Environment, parts: readonly Part[] = run): readonly string[] {
  try {
    read(environment, parts);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem }) => `${variable} ${problem}`);
  }
}

/** Every example must be a value that the rules admit. */
function withExamples(environment: Environment, parts: readonly Part[]): Environment {
  try {
    read(environment, parts);
    return environment;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return {
      ...environment,
      ...Object.fromEntries(error.problems.map(({ variable, example }) => [variable, example])),
    };
  }
}

const times = (session: number, request: number, rebalance: number): Environment => ({
  KAFKA_SESSION_TIMEOUT_MS: String(session),
  REQUEST_TIMEOUT_MS: String(request),
  KAFKA_REBALANCE_TIMEOUT_MS: String(rebalance),
});

describe('the rebalance time-out', () => {
  test.for([
    [30_000, 10_000, 20_000],
    [45_000, 8_000, 37_000],
    [9_000, 1_500, 7_500],
    [120_000, 100, 119_900],
  ] as const)('of a session of %d ms and requests of %d ms must not be below %d ms', ([session, request, floor]) => {
    expect(problemsOf(times(session, request, floor))).toEqual([]);
    expect(problemsOf(times(session, request, floor - 1))).toEqual([
      expect.stringMatching(
        new RegExp(`^KAFKA_REBALANCE_TIMEOUT_MS must not be below .* = ${floor}: .*give the partitions`),
      ),
    ]);
  });

  test('outlasts the lease by the margin, so that no request starts after another owner may', () => {
    const config = read(times(30_000, 10_000, 20_000), run);
    expect(config.kafka.rebalanceTimeoutMs - pipelineOptions(config, 'one').leaseMs).toBe(2_000);
  });

  test('is not asked for more where a request may take longer than it', () => {
    expect(problemsOf(times(25_000, 20_000, 8_000))).toEqual([]);
  });

  test('is free for commands that join no group', () => {
    expect(problemsOf({ KAFKA_REBALANCE_TIMEOUT_MS: '1000' }, ['kafka', 'topics'])).toEqual([]);
    expect(problemsOf({ KAFKA_REBALANCE_TIMEOUT_MS: '1000' }, webhook)).toEqual([
      expect.stringMatching(/^INGEST_OKTA_SECRET is missing/),
    ]);
  });

  test('of ingest topic must not be below its session', () => {
    const short = { KAFKA_SESSION_TIMEOUT_MS: '12000', KAFKA_REBALANCE_TIMEOUT_MS: '11999' };
    expect(problemsOf(short, relay)).toEqual([
      expect.stringMatching(/^KAFKA_REBALANCE_TIMEOUT_MS must not be below KAFKA_SESSION_TIMEOUT_MS = 12000/),
    ]);
    expect(problemsOf({ ...short, KAFKA_REBALANCE_TIMEOUT_MS: '12000' }, relay)).toEqual([]);
  });
});

describe('other limits that must exceed another', () => {
  test('the look back of ingest topic spans at least its reorder window', () => {
    expect(problemsOf({ INGEST_REORDER_MS: '7000', INGEST_LATE_MS: '6999' }, relay)).toEqual([
      expect.stringMatching(/^INGEST_LATE_MS must not be below INGEST_REORDER_MS = 7000/),
    ]);
    expect(problemsOf({ INGEST_REORDER_MS: '7000', INGEST_LATE_MS: '7000' }, relay)).toEqual([]);
  });

  test.for(['INGEST_OKTA_SECRET', 'INGEST_ENTRA_CLIENT_STATE'])(
    'a webhook with %s answers before its sender gives up',
    (secret) => {
      const late = { [secret]: 'long-enough-to-be-a-secret', INGEST_ANSWER_WITHIN_MS: '3000' };
      expect(problemsOf(late, webhook)).toEqual([expect.stringMatching(/^INGEST_ANSWER_WITHIN_MS must be below 3000/)]);
      expect(problemsOf({ ...late, INGEST_ANSWER_WITHIN_MS: '2999' }, webhook)).toEqual([]);
    },
  );

  test('other senders of webhooks may wait longer', () => {
    const patient = { INGEST_AUTH0_TOKEN: 'long-enough-to-be-a-secret', INGEST_ANSWER_WITHIN_MS: '9000' };
    expect(problemsOf(patient, webhook)).toEqual([]);
  });

  test('the consumer group of ingest topic is not that of run, unless it is in another cluster', () => {
    const same = { KAFKA_GROUP_ID: 'one', INGEST_GROUP_ID: 'one' };
    expect(problemsOf(same, relay)).toEqual([
      expect.stringMatching(/^INGEST_GROUP_ID must differ from KAFKA_GROUP_ID/),
    ]);
    expect(problemsOf({ ...same, INGEST_FROM_BROKERS: 'localhost:9093' }, relay)).toEqual([]);
  });
});

test('all broken relations are reported together, each with an example that is admitted', () => {
  const broken = { ...times(20_000, 5_000, 14_999), RETRY_BASE_MS: '900', RETRY_CAP_MS: '800' };
  expect(problemsOf(broken).map((problem) => problem.split(' ')[0])).toEqual([
    'KAFKA_REBALANCE_TIMEOUT_MS',
    'RETRY_CAP_MS',
  ]);
  expect(problemsOf(withExamples(broken, run))).toEqual([]);
  const relayed = { INGEST_REORDER_MS: '7000', INGEST_LATE_MS: '1', KAFKA_REBALANCE_TIMEOUT_MS: '1000' };
  expect(problemsOf(relayed, relay)).toHaveLength(2);
  expect(problemsOf(withExamples(relayed, relay), relay)).toEqual([]);
});

describe('a risk', () => {
  const risksOf = (environment: Environment) =>
    read(environment, run).risks.map(({ variable, problem }) => `${variable} ${problem}`);

  test('is no problem, and there is none by default', () => {
    expect(risksOf({})).toEqual([]);
  });

  test('is a stop that may cut off requests', () => {
    expect(risksOf({ REQUEST_TIMEOUT_MS: '7000', DRAIN_TIMEOUT_MS: '6999' })).toEqual([
      expect.stringMatching(/^DRAIN_TIMEOUT_MS is below REQUEST_TIMEOUT_MS = 7000/),
    ]);
    expect(risksOf({ REQUEST_TIMEOUT_MS: '7000', DRAIN_TIMEOUT_MS: '7000' })).toEqual([]);
  });

  test('is a target that is said to be quicker than a request may take', () => {
    expect(risksOf({ REQUEST_TIMEOUT_MS: '7000', LATE_APPLY_MS: '0' })).toEqual([
      expect.stringMatching(/^LATE_APPLY_MS is below REQUEST_TIMEOUT_MS = 7000/),
    ]);
    expect(risksOf({ REQUEST_TIMEOUT_MS: '7000', LATE_APPLY_MS: '7000' })).toEqual([]);
  });
});
