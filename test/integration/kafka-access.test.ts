// What the user of Rollcall is not permitted, on brokers that authorize: named with its remedy, which is then carried out.
import type { Command } from 'commander';
import kafkajs from 'kafkajs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, onTestFinished, test, vi } from 'vitest';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { accessFindings } from '../../src/console/access.ts';
import { doctorCommand } from '../../src/commands/doctor.ts';
import type { Finding } from '../../src/console/doctor-checks.ts';
import type { CommandContext } from '../../src/console/command-context.ts';
import { heldCommand } from '../../src/commands/held.ts';
import { ingestCommand } from '../../src/commands/ingest.ts';
import { replayCommand } from '../../src/commands/replay.ts';
import { reportCommand } from '../../src/commands/report.ts';
import { topicsCommand } from '../../src/commands/topics.ts';
import { readConfig } from '../../src/config/config.ts';
import { needsOfRun } from '../../src/core/log/authorization.ts';
import type { TopicFinding } from '../../src/core/log/topics.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { describeOwnKafka, uniqueName } from '../support/broker.ts';
import { aContext } from '../support/command-context.ts';
import {
  type AuthorizingBroker,
  forgetRules,
  grant,
  revoke,
  type Rule,
  startAuthorizingBroker,
  user,
} from '../support/kafka-acls.ts';
import { kafkaHost } from '../support/kafka-log-harness.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { ServiceInside, shortTimes } from '../support/service.ts';

const oneVersion = inject('kafka').startable.at(-1);

describeOwnKafka('what Kafka permits', (version) => {
  let sandbox: Sandbox;
  let broker: AuthorizingBroker;
  let names: Names;
  let services: ServiceInside[] = [];

  beforeAll(async () => {
    broker = await startAuthorizingBroker(version);
  });

  afterAll(async () => {
    await broker.stop();
  });

  // Each test has topics and a group of its own, and no rule is left of another.
  beforeEach(async () => {
    sandbox = await startSandbox({ users: 'any' });
    services = [];
    names = await createTopics(broker);
  });

  afterEach(async () => {
    for (const service of services) await service.stop().catch(() => undefined);
    await forgetRules(broker);
    await sandbox.stop();
  });

  const environment = (): Record<string, string> => ({
    ...environmentOf(sandbox),
    ...shortTimes,
    KAFKA_BROKERS: broker.brokers.join(','),
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_SASL_USERNAME: user.name,
    KAFKA_SASL_PASSWORD: user.password,
    INGEST_PORT: '0',
    INGEST_OKTA_SECRET: 'a secret of the hook',
    KAFKA_GROUP_ID: names.group,
    SOURCE_TOPIC: names.source,
    RETRY_TOPIC: names.retry,
    DEAD_LETTER_TOPIC: names.deadLetter,
    REPORT_TOPIC: names.report,
  });

  async function command(make: (context: CommandContext) => Command, ...args: string[]) {
    const context = aContext({ environment: environment() });
    await make(context).parseAsync(args, { from: 'user' });
    return { code: context.exitCode(), out: context.out() };
  }

  async function access() {
    const { code, out } = await command(doctorCommand, '--json');
    const { findings } = JSON.parse(out) as { findings: readonly Finding[] };
    return { code, findings, found: findings.filter(({ check }) => check === 'access') };
  }

  /** What is missing by now: a rule takes a moment to reach the broker. */
  async function missing(problems: readonly string[]): Promise<void> {
    const { kafka, topics } = readConfig(environment(), ['kafka', 'topics'], String);
    const tools = createLogTools(kafka, kafkaHost);
    const look = async (): Promise<void> => {
      const found = await accessFindings(needsOfRun(topics, kafka.groupId, null), tools, kafka);
      const named = problems.map((problem) => `Kafka does not permit User:rollcall ${problem}.`);
      expect(found?.map(({ message }) => message)).toEqual(named);
    };
    await vi.waitFor(look, patience).finally(() => void tools.close());
  }

  async function checkTopics(): Promise<readonly TopicFinding[]> {
    const { out } = await command(topicsCommand, 'check', '--json');
    return (JSON.parse(out) as { findings: readonly TopicFinding[] }).findings;
  }

  function run(changes: Record<string, string> = {}): ServiceInside {
    const service = new ServiceInside({ ...environment(), ...changes });
    services.push(service);
    return service;
  }

  test('each missing operation is named with a command that grants it', async () => {
    const { code, found } = await access();
    expect(code).toBe(EXIT.configuration);
    expect(found.map(({ message }) => message)).toEqual([
      `Kafka does not permit User:rollcall Read, Describe, DescribeConfigs on the topic ${names.source}.`,
      `Kafka does not permit User:rollcall Read, Write, Describe, DescribeConfigs on the topic ${names.retry}.`,
      `Kafka does not permit User:rollcall Write, Describe, DescribeConfigs on the topic ${names.deadLetter}.`,
      `Kafka does not permit User:rollcall Write, Describe, DescribeConfigs on the topic ${names.report}.`,
      `Kafka does not permit User:rollcall Read, Describe on the group ${names.group}.`,
    ]);
    await expect(run().ended).rejects.toMatchObject({
      code: EXIT.configuration,
      message: expect.stringContaining(`on the group ${names.group}`),
    });
    for (const { advice } of found) await broker.shell(advice?.split('\n')[0] ?? 'false');
    await missing([]);
    expect((await access()).found.map(({ status }) => status)).toEqual(['ok']);
    await run().said('rollcall runs');
  });

  test('a topic that may not be made is named with commands that let it be made', async () => {
    const retry = uniqueName('retry');
    const create = async (): Promise<unknown> => {
      const context = aContext({ environment: { ...environment(), RETRY_TOPIC: retry } });
      const made = topicsCommand(context).parseAsync(['create', '--json'], { from: 'user' });
      return made.then(
        () => JSON.parse(context.out()),
        (error: unknown) => error,
      );
    };
    const refused = async (problem: string): Promise<void> => {
      const error = await create();
      expect(error).toMatchObject({ code: EXIT.configuration, message: expect.stringContaining(problem) });
      const commands = (error as Error).message.match(/kafka-acls\.sh .* --add .*/g) ?? [];
      expect(commands.length).toBeGreaterThan(0);
      for (const each of commands) await broker.shell(each);
    };
    await refused(`Kafka does not permit User:rollcall Describe, DescribeConfigs on the topic ${retry}.`);
    await vi.waitFor(
      () => refused(`Kafka does not permit User:rollcall Create, Describe, DescribeConfigs on the topic ${retry}.`),
      patience,
    );
    await vi.waitFor(async () => expect(await create()).toMatchObject({ created: [{ topic: retry }] }), patience);
  });

  test('wildcards, prefixes and rules that deny count as they do for Kafka', async () => {
    await grant(broker, [{ kind: 'TOPIC', name: '*', operations: ['ALL'] }]);
    await missing([`Read, Describe on the group ${names.group}`]);
    await grant(broker, [{ kind: 'GROUP', name: names.prefix, pattern: 'PREFIXED', operations: ['READ'] }]);
    await missing([]);
    const denied: Rule = { kind: 'TOPIC', name: names.report, operations: ['WRITE'], permission: 'DENY' };
    await grant(broker, [denied]);
    await missing([`Write on the topic ${names.report}`]);
    // The grant changes nothing, as the remedy says; the rule is found and taken back.
    const { code, found } = await access();
    expect(code).toBe(EXIT.configuration);
    const [add = '', deny = ''] = (found[0]?.advice ?? '').split('\n');
    await broker.shell(add);
    const list = /(kafka-acls\.sh \S+ \S+ --list [^,]+),/.exec(deny)?.[1] ?? 'false';
    expect(await broker.shell(list)).toContain('permissionType=DENY');
    await missing([`Write on the topic ${names.report}`]);
    await revoke(broker, [denied]);
    await missing([]);
  });

  test('where everything is permitted that has no rule, a rule for another user takes it away', async () => {
    const shared = broker;
    onTestFinished(async () => {
      await broker.stop();
      broker = shared;
    });
    broker = await startAuthorizingBroker(version, { 'allow.everyone.if.no.acl.found': 'true' });
    names = await createTopics(broker);
    await missing([]);
    await grant(broker, [{ kind: 'TOPIC', name: names.retry, operations: ['WRITE'], principal: 'User:other' }]);
    await missing([`Read, Write, Describe, DescribeConfigs on the topic ${names.retry}`]);
  });

  test.runIf(version === oneVersion)('other commands name what they need, and end with 78', async () => {
    const refused = async (work: Promise<unknown>, problem: string): Promise<void> =>
      expect(work).rejects.toMatchObject({ code: EXIT.configuration, message: expect.stringContaining(problem) });
    const reading: Rule = { kind: 'TOPIC', name: names.retry, operations: ['READ', 'DESCRIBE_CONFIGS'] };
    await refused(command(replayCommand, 'list'), `Read, Write, Describe, DescribeConfigs on the topic ${names.retry}`);
    await refused(command(heldCommand, 'list'), `on the topic ${names.retry}`);
    await refused(command(reportCommand), `Read, Describe, DescribeConfigs on the topic ${names.report}`);
    await refused(command(ingestCommand, 'webhook'), `Write, Describe, DescribeConfigs on the topic ${names.source}`);
    await grant(broker, [reading]);
    await vi.waitFor(async () => expect((await command(replayCommand, 'list')).code).toBe(EXIT.done), patience);
  });

  test.runIf(version === oneVersion)(
    'each setting that topics check complains of is right after its remedy',
    async () => {
      await grant(broker, [{ kind: 'TOPIC', name: '*', operations: ['ALL'] }]);
      const wrong = [
        [names.source, 'cleanup.policy', 'compact'],
        [names.source, 'retention.ms', '1000'],
        [names.retry, 'cleanup.policy', 'delete'],
        [names.deadLetter, 'max.message.bytes', '2000'],
        [names.report, 'cleanup.policy', 'compact'],
      ] as const;
      await setTopics(broker, wrong);
      const found = await checkTopics();
      expect(new Set(found.map(({ code }) => code))).toEqual(
        new Set([
          'retry_not_compacted',
          'eager_cleaner',
          'source_compacted',
          'report_compacted',
          'retention_too_short',
          'dead_letter_too_small',
          'not_replicated',
        ]),
      );
      for (const { code, remedy } of found)
        if (code !== 'not_replicated') await broker.shell(remedy.split('\n')[0] ?? 'false');
      expect((await checkTopics()).filter(({ code }) => code !== 'not_replicated')).toEqual([]);
    },
    300_000,
  );

  test.runIf(version === oneVersion)(
    'what is taken away while the service runs is a reason not to be ready, until it is given back',
    async () => {
      const rules = leastPrivilege(names);
      await grant(broker, rules);
      await missing([]);
      const [port = 0] = await freePorts(1);
      const service = run({ ADMIN_PORT: String(port) });
      await service.said('partition caught up', { count: 2 });
      const problems = [
        [3, `User:rollcall Write on the topic ${names.report}`],
        [4, `User:rollcall Read on the group ${names.group}`],
        [0, `User:rollcall Read on the topic ${names.source}`],
      ] as const;
      const taken = problems.flatMap(([index]) =>
        rules.slice(index, index + 1).map((rule) => ({ ...rule, operations: rule.operations.slice(0, 1) })),
      );
      // when
      await revoke(broker, taken);
      // then
      for (const [, problem] of problems) {
        await vi.waitFor(async () => expect((await ready(port)).body).toContain(problem), patience);
        await service.said('Kafka does not permit what is needed', {
          fields: { problem: `Kafka does not permit ${problem}.` },
        });
      }
      expect((await ready(port)).status).toBe(503);
      // when
      await grant(broker, taken);
      // then
      await vi.waitFor(async () => expect((await ready(port)).status).toBe(200), patience);
    },
  );
});

type Setting = readonly [topic: string, name: string, value: string];

/** All of a topic together: what is not named is set back. */
async function setTopics({ admin }: AuthorizingBroker, settings: readonly Setting[]): Promise<void> {
  const topics = new Set(settings.map(([topic]) => topic));
  const resources = [...topics].map((topic) => ({
    type: kafkajs.ConfigResourceTypes.TOPIC,
    name: topic,
    configEntries: settings.flatMap(([of, name, value]) => (of === topic ? [{ name, value }] : [])),
  }));
  await admin.alterConfigs({ validateOnly: false, resources });
}

const patience = { timeout: 45_000, interval: 200 };

async function ready(port: number): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  return { status: response.status, body: await response.text() };
}

type Names = Record<'prefix' | 'group' | 'source' | 'retry' | 'deadLetter' | 'report', string>;

async function createTopics({ admin }: AuthorizingBroker): Promise<Names> {
  const prefix = uniqueName('access');
  const name = (role: string): string => `${prefix}.${role}`;
  const names = { prefix, group: name('group'), source: name('source'), retry: name('retry') };
  const all = { ...names, deadLetter: name('dead'), report: name('reports') };
  const compacted = [{ name: 'cleanup.policy', value: 'compact' }];
  await admin.createTopics({
    topics: [all.source, all.retry, all.deadLetter, all.report].map((topic) => ({
      topic,
      numPartitions: 2,
      ...(topic === all.retry && { configEntries: compacted }),
    })),
  });
  return all;
}

/** The table "Kafka" of docs/reference.md; Describe apart, so that taking Read or Write away takes nothing else. */
const leastPrivilege = ({ group, source, retry, deadLetter, report }: Names): readonly Rule[] => [
  { kind: 'TOPIC', name: source, operations: ['READ', 'DESCRIBE', 'DESCRIBE_CONFIGS'] },
  { kind: 'TOPIC', name: retry, operations: ['READ', 'WRITE', 'DESCRIBE', 'DESCRIBE_CONFIGS'] },
  { kind: 'TOPIC', name: deadLetter, operations: ['WRITE', 'DESCRIBE', 'DESCRIBE_CONFIGS'] },
  { kind: 'TOPIC', name: report, operations: ['WRITE', 'DESCRIBE', 'DESCRIBE_CONFIGS'] },
  { kind: 'GROUP', name: group, operations: ['READ', 'DESCRIBE'] },
];
