/**
 * A whole Rollcall: topics of its own on real brokers, a sandbox, instances, and readers of all
 * that is written. `settled` compares the end with what the source topic says, by a fold of its own.
 */
import { createTopics } from '../../src/console/kafka-tools.ts';
import { afterEach, expect, onTestFailed, vi } from 'vitest';
import { KafkaAdmin } from '../../src/adapters/kafka/admin.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import type { TopicNames } from '../../src/core/log/topics.ts';
import { ReportRecord } from '../../src/core/report/report.ts';
import { foldReport, operationId, type Operations } from '../../src/core/report/summary.ts';
import { demoTopics } from '../../src/lab/demo/service.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import type { LogTools, OutRecord, TopicRecord } from '../../src/ports.ts';
import { uniqueName } from './broker.ts';
import { Condition } from './condition.ts';
import { readExpected } from './expected.ts';
import { kafkaHost, plaintext } from './kafka-log-harness.ts';
import { ServiceInside, ServiceProcess, shortTimes, type Environment } from './service.ts';

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

export function atEnd(end: () => Promise<unknown>): void {
  endings.push(end);
}

const PARTITIONS = 3;

type CreateTopics = (names: TopicNames, tools: LogTools) => Promise<unknown>;

const unreplicated: CreateTopics = (names, tools) =>
  createTopics(names, tools, { partitionCount: PARTITIONS, replicationFactor: 1 });

/** @param create makes the topics, with three partitions each. */
export async function openKafkaHarness(
  brokers: readonly string[],
  options: SandboxOptions = {},
  create = unreplicated,
): Promise<KafkaHarness> {
  const sandbox = await startSandbox({ users: 'any', limits: 'off', journalMax: 100_000, ...options });
  atEnd(() => sandbox.stop());
  const tools = createLogTools(plaintext(brokers), kafkaHost);
  atEnd(() => tools.close());
  const harness = new KafkaHarness(brokers, sandbox, tools);
  await create(harness.topics, tools);
  harness.follow();
  return harness;
}

export interface Change {
  readonly group: string;
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

export class KafkaHarness {
  readonly name = uniqueName('hard');
  readonly topics = demoTopics(this.name);
  readonly sandbox: Sandbox;
  readonly tools: LogTools;
  /** Every report record, repeated ones too. */
  readonly reports: ReportRecord[] = [];
  readonly deadLetters: TopicRecord[] = [];
  readonly retries: TopicRecord[] = [];
  /** The one that counts, by operation. */
  readonly operations: Operations = new Map();
  readonly #finals = new Set<string>();
  readonly #written = new Condition();
  readonly #brokers: readonly string[];
  readonly #admin: KafkaAdmin;
  readonly #before = new Map<string, readonly string[]>();
  #fail: (error: Error) => void = () => undefined;
  /** Rejects when an instance ends that the test has not ended. */
  readonly #broken = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });

  constructor(brokers: readonly string[], sandbox: Sandbox, tools: LogTools) {
    this.#brokers = brokers;
    this.#admin = new KafkaAdmin(plaintext(brokers), kafkaHost);
    atEnd(() => this.#admin.close());
    this.sandbox = sandbox;
    this.tools = tools;
    this.#broken.catch(() => undefined);
  }

  /** The dependencies of an instance. */
  environment(changes: Environment = {}): Environment {
    return {
      ...shortTimes,
      ...environmentOf(this.sandbox),
      KAFKA_BROKERS: this.#brokers.join(','),
      KAFKA_GROUP_ID: this.name,
      SOURCE_TOPIC: this.topics.source,
      RETRY_TOPIC: this.topics.retry,
      DEAD_LETTER_TOPIC: this.topics.deadLetter,
      REPORT_TOPIC: this.topics.report,
      ...changes,
    };
  }

  process(changes: Environment = {}): ServiceProcess {
    const service = new ServiceProcess(this.environment(changes));
    void service.broken.catch((error: Error) => this.#fail(error));
    atEnd(() => service.kill());
    onTestFailed(() => void process.stderr.write(`${service.tail()}\n`));
    return service;
  }

  inside(changes: Environment = {}): ServiceInside {
    const service = new ServiceInside(this.environment(changes));
    void service.ended.catch((error: Error) => this.#fail(error));
    atEnd(() => service.stop());
    onTestFailed(() => void process.stderr.write(`${service.tail()}\n`));
    return service;
  }

  /** A group at the target, with these members. */
  group(id: string, members: readonly string[] = []): void {
    this.sandbox.putGroup({ id, members });
    this.#before.set(id, members);
  }

  send(...changes: readonly Change[]): Promise<unknown> {
    return this.sendRaw(
      changes.map(({ group, add = [], remove = [] }) => ({
        key: group,
        value: JSON.stringify({ group_id: group, add_members: add, remove_members: remove }),
        headers: [],
      })),
    );
  }

  sendRaw(records: readonly Pick<OutRecord, 'key' | 'value' | 'headers'>[]): Promise<unknown> {
    return this.tools.send(records.map((record) => ({ topic: this.topics.source, partition: null, ...record })));
  }

  /** Resolves when it holds; looked at after every record that is written. */
  until(what: string, holds: () => boolean): Promise<void> {
    return this.unbroken(this.#written.until(what, holds));
  }

  /** As the promise, but fails with an instance that ends unasked. */
  unbroken<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#broken]);
  }

  /** Resolves when so many reports of the outcome have come, repeated ones too. */
  reported(outcome: ReportRecord['outcome'], count = 1): Promise<void> {
    const isThere = (): boolean => this.reports.filter((report) => report.outcome === outcome).length >= count;
    return this.until(`${count} reports: ${outcome}`, isThere);
  }

  /** Resolves when something of the group waits in the retry topic. */
  parked(group: string): Promise<void> {
    const isOf = ({ key, value }: TopicRecord): boolean => value !== null && textOf(key) === group;
    return this.until(`a live record of ${group}`, () => this.retries.some(isOf));
  }

  /** Of the changes of the member that are reported, the oldest first. */
  outcomesOf(group: string, member: string): readonly string[] {
    const own = [...this.operations.values()].filter((report) => report.group === group && report.member === member);
    return own.toSorted((a, b) => Number(a.source.offset) - Number(b.source.offset)).map(({ outcome }) => outcome);
  }

  /**
   * Everything is at its end: each change has its one final report, everything is committed, and the groups are what the
   * newest changes say; `givenUp` are members of whom that cannot be said.
   */
  async settled({ givenUp = [] }: { givenUp?: readonly string[] } = {}): Promise<void> {
    const { ids, members } = await readExpected(this.topics.source, PARTITIONS, this.tools);
    await this.until(
      'a final report of everything',
      () => this.#finals.size >= ids.size && [...ids].every((id) => this.#finals.has(id)),
    ).catch((error: Error) => {
      const missing = [...ids].filter((id) => !this.#finals.has(id));
      throw new Error(`${error.message}; ${missing.length} of ${ids.size} are missing, such as ${missing[0]}`);
    });
    expect([...this.#finals].filter((id) => !ids.has(id))).toEqual([]);
    await this.committedToTheEnd();
    for (const [group, wanted] of members) {
      const expected = new Set(this.#before.get(group));
      for (const [member, op] of wanted) {
        if (op === 'add') expected.add(member);
        else expected.delete(member);
      }
      const isSure = (member: string): boolean => !givenUp.includes(member);
      const found = this.sandbox.members(group).filter(isSure).toSorted();
      expect(found, `members of ${group}`).toEqual([...expected].filter(isSure).toSorted());
    }
    expect(this.sandbox.stats.dangerous).toBe(0);
  }

  async committedToTheEnd(): Promise<void> {
    const look = async (): Promise<void> => {
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        const { end } = await this.#admin.bounds(this.topics.source, partition);
        const { offset } = await this.#admin.committed(this.name, this.topics.source, partition);
        expect(offset ?? 0n, `committed offset of partition ${partition}`).toBe(end);
      }
    };
    await vi.waitFor(look, { timeout: 30_000, interval: 100 });
  }

  /** Reads all that is written from now on. */
  follow(): void {
    const reading = new AbortController();
    const read = async (topic: string, take: (record: TopicRecord) => void): Promise<void> => {
      const options = { from: 'beginning', follow: true, signal: reading.signal } as const;
      for await (const record of this.tools.read(topic, options)) {
        take(record);
        this.#written.look();
      }
    };
    const done = Promise.all([
      read(this.topics.report, (record) => this.#takeReport(record)),
      read(this.topics.retry, (record) => this.retries.push(record)),
      read(this.topics.deadLetter, (record) => this.deadLetters.push(record)),
    ]);
    // The end of the test sees it.
    done.catch(() => undefined);
    atEnd(async () => {
      reading.abort();
      await done;
    });
  }

  #takeReport({ value }: TopicRecord): void {
    const report = ReportRecord.parse(JSON.parse(textOf(value)));
    this.reports.push(report);
    foldReport(this.operations, report);
    if (report.final) this.#finals.add(operationId(report));
  }
}

const textOf = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString();
