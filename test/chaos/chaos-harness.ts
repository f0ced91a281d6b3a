/** Topics of one run on real brokers, the sandbox with all its faults, and the environment of an instance. */
import { createTopics } from '../../src/console/kafka-tools.ts';
import { KafkaAdmin } from '../../src/adapters/kafka/admin.ts';
import type { KafkaConnectionOptions, KafkaHost } from '../../src/adapters/kafka/options.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { systemClock } from '../../src/adapters/system.ts';
import { demoTopics } from '../../src/lab/demo/service.ts';
import type { FaultRule } from '../../src/lab/sandbox/faults.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import type { LogTools, Logger } from '../../src/ports.ts';
import { shortTimes, type Environment } from '../support/service.ts';
import { INITIAL_MEMBERS, UNKNOWN_USERS } from './changes.ts';

export const PARTITIONS = 6;

/** The foreign writer adds and removes him all the time. */
const FOREIGN_MEMBER = 'somebody-else';
export const isForeign = (_: string, member: string): boolean => member === FOREIGN_MEMBER;

/**
 * What goes wrong at the target, by the name in the account: one PATCH in so many, so that even a short run meets each.
 * `lateApply` stays below the service's LATE_APPLY_MS.
 */
const targetFaults: Readonly<Record<string, FaultRule>> = {
  'target: 503': oneIn(53, { kind: 'status', status: 503 }),
  'target: 500 although applied': oneIn(97, { kind: 'status', status: 500, applied: true }),
  'target: 429': oneIn(251, { kind: 'status', status: 429, retryAfterSeconds: 1 }),
  'target: reset before applying': oneIn(89, { kind: 'resetBeforeApply' }),
  'target: reset after applying': oneIn(101, { kind: 'resetAfterApply' }),
  'target: no answer': oneIn(199, { kind: 'hang' }),
  'target: applied late': oneIn(83, { kind: 'lateApply', afterMs: 1_200 }),
  'target: answer not readable': oneIn(149, { kind: 'garbage' }),
  'target: foreign writer': oneIn(23, { kind: 'foreignWriter', toggle: FOREIGN_MEMBER }),
};

function oneIn(every: number, fault: FaultRule['fault']): FaultRule {
  return { match: { method: 'PATCH', every }, fault };
}

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const kafkaHost: KafkaHost = { clock: systemClock, logger: silent };

export interface ChaosOptions {
  readonly brokers: readonly string[];
  readonly replicationFactor: number;
  readonly groupCount: number;
  readonly seed: number;
}

export async function openChaosHarness(options: ChaosOptions): Promise<ChaosHarness> {
  const sandbox = await startSandbox({
    users: 'any',
    unknownUsers: UNKNOWN_USERS,
    limits: 'off',
    latencyMs: { min: 5, max: 60 },
    behaviour: { conflict: 'mixed', errorShape: 'mixed' },
    randomSeed: options.seed,
    journalMax: 1_000,
  });
  const harness = new ChaosHarness(sandbox, options);
  await createTopics(harness.topics, harness.tools, {
    partitionCount: PARTITIONS,
    replicationFactor: options.replicationFactor,
  });
  return harness;
}

export class ChaosHarness {
  readonly name: string;
  readonly topics: ReturnType<typeof demoTopics>;
  readonly groups: readonly string[];
  readonly sandbox: Sandbox;
  readonly tools: LogTools;
  readonly admin: KafkaAdmin;
  readonly #brokers: readonly string[];
  readonly #rules: ReadonlyMap<string, string>;

  constructor(sandbox: Sandbox, { brokers, groupCount, seed }: ChaosOptions) {
    const connection: KafkaConnectionOptions = { brokers: [...brokers], clientId: 'chaos', ssl: null, sasl: null };
    this.name = `chaos-${seed}-${Date.now()}`;
    this.topics = demoTopics(this.name);
    this.groups = Array.from({ length: groupCount }, (_, i) => `g${i}`);
    this.sandbox = sandbox;
    this.tools = createLogTools(connection, kafkaHost);
    this.admin = new KafkaAdmin(connection, kafkaHost);
    this.#brokers = brokers;
    for (const id of this.groups) sandbox.putGroup({ id, members: INITIAL_MEMBERS });
    this.#rules = new Map(Object.entries(targetFaults).map(([name, rule]) => [sandbox.addRule(rule), name]));
  }

  environment(): Environment {
    return {
      ...shortTimes,
      ...environmentOf(this.sandbox),
      KAFKA_BROKERS: this.#brokers.join(','),
      KAFKA_GROUP_ID: this.name,
      SOURCE_TOPIC: this.topics.source,
      RETRY_TOPIC: this.topics.retry,
      DEAD_LETTER_TOPIC: this.topics.deadLetter,
      REPORT_TOPIC: this.topics.report,
    };
  }

  /** How often each fault of the target has happened. */
  targetCounts(): readonly (readonly [name: string, count: number])[] {
    return this.sandbox.ruleCounts().map(({ id, fired }) => [this.#rules.get(id) ?? id, fired]);
  }

  async close(): Promise<void> {
    await Promise.all([this.tools.close(), this.admin.close(), this.sandbox.stop()]);
  }
}
