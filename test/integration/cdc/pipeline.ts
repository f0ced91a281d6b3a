/** From a topic of Debezium to the emulator of Genesys Cloud: topics, Rollcall as the recipe sets it, and all that it writes. */
import { createTopics } from '../../../src/console/kafka-tools.ts';
import { expect, vi } from 'vitest';
import { KafkaAdmin } from '../../../src/adapters/kafka/admin.ts';
import { createLogTools } from '../../../src/adapters/kafka/tools.ts';
import { examine } from '../../../src/commands/doctor.ts';
import { heldCommand } from '../../../src/commands/held.ts';
import type { Topics } from '../../../src/pipeline/state/options.ts';
import type { LogTools, TopicRecord } from '../../../src/ports.ts';
import { environmentOf } from '../../../src/lab/sandbox/server.ts';
import { startSandbox, type Sandbox } from '../../../src/lab/sandbox/sandbox.ts';
import { aContext } from '../../support/command-context.ts';
import { kafkaHost, plaintext } from '../../support/kafka-log-harness.ts';
import { type Environment, ServiceProcess, shortTimes } from '../../support/service.ts';

export const PARTITIONS = 4;

/** Members by group, in the target's ids. */
export type Memberships = ReadonlyMap<string, readonly string[]>;

export interface PipelineOptions {
  readonly brokers: readonly string[];
  /** Of the topics and of the consumer group. */
  readonly name: string;
  readonly source: string;
  /** Of the recipe, with the places of the test. */
  readonly settings: Environment;
  /** Of the target, empty at first. */
  readonly groups: readonly string[];
}

export class CdcPipeline {
  kills = 0;
  readonly sandbox: Sandbox;
  readonly tools: LogTools;
  readonly topics: Topics;
  readonly deadLetters: TopicRecord[] = [];
  readonly source: TopicRecord[] = [];
  readonly #options: PipelineOptions;
  readonly #admin: KafkaAdmin;
  readonly #reading = new AbortController();
  readonly #commands = new Map<string, ServiceProcess>();
  #read: Promise<unknown> = Promise.resolve();

  private constructor(sandbox: Sandbox, options: PipelineOptions) {
    const { brokers, name, source } = options;
    this.#options = options;
    this.sandbox = sandbox;
    this.tools = createLogTools(plaintext(brokers), kafkaHost);
    this.#admin = new KafkaAdmin(plaintext(brokers), kafkaHost);
    this.topics = { source, retry: `${name}.retry`, deadLetter: `${name}.dead-letter`, report: `${name}.reports` };
  }

  static async open(options: PipelineOptions): Promise<CdcPipeline> {
    const sandbox = await startSandbox({ users: 'any', limits: 'off', journalMax: 1_000 });
    for (const id of options.groups) sandbox.putGroup({ id, members: [] });
    const pipeline = new CdcPipeline(sandbox, options);
    await createTopics(pipeline.topics, pipeline.tools, { partitionCount: PARTITIONS, replicationFactor: 1 });
    pipeline.#follow();
    return pipeline;
  }

  get environment(): Environment {
    return {
      ...shortTimes,
      ...environmentOf(this.sandbox),
      KAFKA_BROKERS: this.#options.brokers.join(','),
      KAFKA_SSL: 'false',
      KAFKA_GROUP_ID: this.#options.name,
      RETRY_TOPIC: this.topics.retry,
      DEAD_LETTER_TOPIC: this.topics.deadLetter,
      REPORT_TOPIC: this.topics.report,
      ...this.#options.settings,
    };
  }

  /** Starts `rollcall run`, or another command that runs on. */
  async start(command = 'run', ready = 'partition caught up', count = PARTITIONS): Promise<void> {
    const service = new ServiceProcess(this.environment, command.split(' '));
    this.#commands.set(command, service);
    await service.said(ready, { count });
  }

  /** kill -9 */
  async kill(command = 'run'): Promise<void> {
    this.kills += 1;
    await this.#commands.get(command)?.kill();
  }

  tail(): string {
    return [...this.#commands.values()].map((service) => service.tail()).join('\n');
  }

  /**
   * Resolves when everything in the source topic is committed and the target has these memberships; fails with the groups that differ.
   */
  async endsWith(wanted: Memberships): Promise<void> {
    await this.committedToTheEnd();
    await this.sandbox.until(() => this.#differences(wanted).length === 0).catch(() => undefined);
    expect(this.#differences(wanted), this.tail()).toEqual([]);
    expect(this.sandbox.stats.dangerous).toBe(0);
  }

  #differences(wanted: Memberships): readonly string[] {
    return [...wanted].flatMap(([group, members]) => {
      const found = this.sandbox.members(group).toSorted();
      const isSame = found.join() === members.toSorted().join();
      return isSame ? [] : [`${group} has ${found.join()}, and should have ${members.toSorted().join()}`];
    });
  }

  async committedToTheEnd(): Promise<void> {
    const look = async (): Promise<void> => {
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        const { end } = await this.#admin.bounds(this.topics.source, partition);
        const { offset } = await this.#admin.committed(this.#options.name, this.topics.source, partition);
        expect(offset ?? 0n, `committed offset of partition ${partition}`).toBe(end);
      }
    };
    await vi.waitFor(look, { timeout: 120_000, interval: 200 });
  }

  /** As the recipe does: lines of a key, `|` and a value, with the header, into the partition that the key says. */
  async sendFullStates(lines: readonly string[]): Promise<void> {
    const headers: [string, Uint8Array][] = [['rollcall-format', Buffer.from('native')]];
    const records = lines.map((line) => [line.slice(0, line.indexOf('|')), line.slice(line.indexOf('|') + 1)] as const);
    const topic = this.topics.source;
    await this.tools.send(records.map(([key, value]) => ({ topic, partition: null, key, value, headers })));
  }

  /** As an operator who has looked at what is held: approves it until the target has these memberships. */
  async approveUntil(wanted: Memberships): Promise<void> {
    const command = async (...parameters: readonly string[]): Promise<string> => {
      const context = aContext({ environment: this.environment });
      await heldCommand(context).parseAsync([...parameters, '--json'], { from: 'user' });
      return context.out();
    };
    const approve = async (): Promise<void> => {
      const held = (await command('list')).split('\n').filter((line) => line !== '');
      const digests = held.map((line) => (JSON.parse(line) as { digest: string }).digest);
      for (const digest of digests) await command('approve', digest, '--author', 'operator');
      expect(this.#differences(wanted)).toEqual([]);
    };
    await vi.waitFor(approve, { timeout: 120_000, interval: 500 });
  }

  /** `rollcall doctor`; what it says of each check. */
  async doctor(): Promise<readonly { readonly check: string; readonly status: string; readonly message: string }[]> {
    const context = aContext({ environment: this.environment });
    await examine({ json: true }, context);
    return (JSON.parse(context.out()) as { findings: { check: string; status: string; message: string }[] }).findings;
  }

  deadLetterCodes(): readonly string[] {
    return this.deadLetters.map(({ headers }) => headerOf(headers, 'rollcall-error-code'));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#commands.values()].map((service) => service.kill()));
    this.#reading.abort();
    await this.#read;
    await this.tools.close();
    await this.#admin.close();
    await this.sandbox.stop();
  }

  #follow(): void {
    const read = async (topic: string, into: TopicRecord[]): Promise<void> => {
      const options = { from: 'beginning', follow: true, signal: this.#reading.signal } as const;
      for await (const record of this.tools.read(topic, options)) into.push(record);
    };
    this.#read = Promise.all([read(this.topics.deadLetter, this.deadLetters), read(this.topics.source, this.source)]);
    // `stop` sees it.
    this.#read.catch(() => undefined);
  }
}

const headerOf = (headers: TopicRecord['headers'], name: string): string =>
  String(Buffer.from(headers.find(([header]) => header === name)?.[1] ?? []));
