// The commands on real brokers: `rollcall run` as a process of its own, the others beside it.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Command } from 'commander';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { doctorCommand } from '../../src/commands/doctor.ts';
import { explainCommand } from '../../src/commands/explain.ts';
import type { CommandContext } from '../../src/console/command-context.ts';
import { replayCommand } from '../../src/commands/replay.ts';
import { reportCommand } from '../../src/commands/report.ts';
import { topicsCommand } from '../../src/commands/topics.ts';
import { readConfig } from '../../src/config/config.ts';
import { crc32, partitionOfKey } from '../../src/core/log/reading.ts';
import type { Summary } from '../../src/core/report/summary.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { systemClock } from '../../src/adapters/system.ts';
import type { LogTools } from '../../src/ports.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { describeKafka, namesOfService, uniqueName } from '../support/broker.ts';
import { aContext } from '../support/command-context.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { program } from '../support/program.ts';

describeKafka('the commands', (kafka) => {
  let sandbox: Sandbox;
  let environment: Record<string, string>;
  let runs: Run[] = [];

  beforeEach(async () => {
    const users = [{ id: 'a' }, { id: 'b' }];
    sandbox = await startSandbox({ seed: { users, groups: [{ id: 'g' }] }, limits: 'off' });
    const name = uniqueName('commands');
    environment = {
      ...environmentOf(sandbox),
      KAFKA_BROKERS: kafka.brokers.join(','),
      ...namesOfService(name),
      SLOW_RETRY_SCHEDULE_MS: '',
      LATE_APPLY_MS: '0',
      ADMIN_PORT: '0',
    };
    runs = [];
  });

  afterEach(async () => {
    for (const run of runs) run.kill();
    await sandbox.stop();
  });

  function start(): Run {
    const run = new Run(environment);
    runs.push(run);
    return run;
  }

  async function command(make: (context: CommandContext) => Command, ...args: string[]) {
    const context = aContext({ environment });
    await make(context).parseAsync(args, { from: 'user' });
    return { code: context.exitCode(), out: context.out(), err: context.err() };
  }

  async function withTools(work: (tools: LogTools) => Promise<unknown>): Promise<void> {
    const config = readConfig(environment, ['kafka', 'topics'], String);
    const silent = () => undefined;
    const logger = { debug: silent, info: silent, warn: silent, error: silent };
    const tools = createLogTools(config.kafka, { clock: systemClock, logger });
    await work(tools);
    await tools.close();
  }

  async function send(...values: readonly object[]): Promise<void> {
    const topic = String(environment['SOURCE_TOPIC']);
    await withTools((tools) =>
      tools.send(
        values.map((value) => ({ topic, partition: null, key: 'g', value: JSON.stringify(value), headers: [] })),
      ),
    );
  }

  /** Records with the keys of their groups, in partitions of the sender's choice. */
  async function place(partitionOf: (key: Uint8Array) => number, groups: readonly string[]): Promise<void> {
    const topic = String(environment['SOURCE_TOPIC']);
    await withTools((tools) =>
      tools.send(
        groups.map((group) => ({
          topic,
          partition: partitionOf(Buffer.from(group)),
          key: group,
          value: JSON.stringify({ group_id: group, add_members: ['a'] }),
          headers: [],
        })),
      ),
    );
  }

  test('topics create says why the brokers refuse a topic', async () => {
    await command(topicsCommand, 'create', '--partitions', '1');
    const [retry, source] = [environment['RETRY_TOPIC'] ?? '', environment['SOURCE_TOPIC'] ?? ''];
    environment['RETRY_TOPIC'] = retry.replaceAll('.', '_');
    await expect(command(topicsCommand, 'create')).rejects.toMatchObject({
      code: EXIT.unavailable,
      message: expect.stringMatching(/the topic \S+_retry is not created: .*\n.*choose another name/),
    });
    environment['RETRY_TOPIC'] = retry;
    environment['SOURCE_TOPIC'] = `${source}.other`;
    await expect(
      command(topicsCommand, 'create', '--partitions', '1', '--replication-factor', '99'),
    ).rejects.toMatchObject({
      code: EXIT.unavailable,
      message: expect.stringMatching(/the topic \S+ is not created: .*\n.*--replication-factor/),
    });
  });

  test('run ends with 69 and the remedy where the topics are missing', async () => {
    const run = start();
    expect(await run.exited).toBe(EXIT.unavailable);
    expect(run.log()).toContain('rollcall topics create');
  });

  test.each(['SOURCE_TOPIC', 'REPORT_TOPIC'])(
    'run ends with 69 where %s is compacted, as topics check does',
    async (name) => {
      const topic = String(environment[name]);
      const settings = { 'cleanup.policy': 'compact' };
      await withTools((tools) => tools.createTopic({ topic, partitionCount: 2, replicationFactor: -1, settings }));
      const created = await command(topicsCommand, 'create', '--partitions', '2', '--json');
      expect(created.code).toBe(EXIT.unavailable);
      const checked = await command(topicsCommand, 'check');
      expect(checked.code).toBe(EXIT.unavailable);
      expect(checked.out).toContain(`FAIL  ${topic} is compacted`);
      expect((await command(doctorCommand, '--json')).code).toBe(EXIT.unavailable);
      const run = start();
      expect(await run.exited).toBe(EXIT.unavailable);
      expect(run.log()).toContain(`${topic} is compacted`);
      expect(run.log()).toContain('cleanup.policy=delete');
    },
  );

  test('run starts where topics check only warns', async () => {
    const topic = String(environment['RETRY_TOPIC']);
    const settings = { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': '1000' };
    await withTools((tools) => tools.createTopic({ topic, partitionCount: 2, replicationFactor: -1, settings }));
    expect((await command(topicsCommand, 'create', '--partitions', '2')).code).toBe(EXIT.done);
    expect((await command(topicsCommand, 'check')).out).toContain(`warn  ${topic} has min.compaction.lag.ms=1000`);
    const run = start();
    await run.logged('rollcall runs');
    expect(run.log()).toContain('eager_cleaner');
  });

  test('a session that the brokers do not permit fails doctor and run with 78', async () => {
    await command(topicsCommand, 'create', '--partitions', '2');
    environment = {
      ...environment,
      KAFKA_SESSION_TIMEOUT_MS: '1900000',
      KAFKA_REBALANCE_TIMEOUT_MS: '1900000',
    };
    const doctor = await command(doctorCommand, '--json');
    expect(doctor.code).toBe(EXIT.configuration);
    expect(doctor.out).toContain('The brokers permit sessions of 500 to 1800000 ms');
    const run = start();
    expect(await run.exited).toBe(EXIT.configuration);
    expect(run.log()).toContain('KAFKA_SESSION_TIMEOUT_MS');
  });

  test('keys that are hashed in two ways are named by doctor and run, and a key in two partitions with its offsets', async () => {
    await command(topicsCommand, 'create', '--partitions', '4');
    const groups = Array.from({ length: 20 }, (_, i) => `group-${i}`);
    await place((key) => crc32(key) % 4, groups);
    // One consistent choice is no fault, though it is not that of Java.
    expect((await command(doctorCommand, '--json')).out).toContain('Nothing to say against the first records');
    const others = Array.from({ length: 20 }, (_, i) => `other-${i}`);
    await place((key) => partitionOfKey(key, 4), others);
    const doctor = await command(doctorCommand, '--json');
    expect(doctor.code).toBe(EXIT.done);
    const { findings } = JSON.parse(doctor.out) as { findings: readonly { check: string; status: string }[] };
    expect(findings.filter(({ check }) => check === 'records')).toMatchObject([
      { status: 'warn', message: expect.stringMatching(/murmur2.*CRC-32/) },
    ]);

    const run = start();
    await run.logged('keys_hashed_differently');
    await run.logged('rollcall runs');
    const [key = ''] = groups;
    await place((bytes) => (crc32(bytes) + 1) % 4, [key]);
    await run.logged('one key stands in two partitions');
    expect(run.log()).toMatch(/"group":"group-0","earlier":\{"partition":\d,"offset":"\d+"\},"later":/);
  });

  test('topics are created, doctor is content, run applies, reports and drains; replay wakes what was given up', async () => {
    expect((await command(topicsCommand, 'check')).code).toBe(EXIT.unavailable);
    expect((await command(topicsCommand, 'create', '--partitions', '2')).out).toContain(
      `created ${environment['SOURCE_TOPIC']}`,
    );
    expect((await command(topicsCommand, 'check', '--json')).code).toBe(EXIT.done);
    const doctor = await command(doctorCommand, '--json');
    expect(doctor.out).not.toContain('"fail"');
    expect(doctor.code).toBe(EXIT.done);

    const run = start();
    await send({ group_id: 'g', add_members: ['a', 'late'] });
    await sandbox.until(() => sandbox.members('g').includes('a'));
    await run.logged('rollcall runs');
    await untilDead();

    sandbox.putUser({ id: 'late' });
    const replayed = await command(replayCommand, 'now', '--member', 'late', '--yes', '--json');
    expect(replayed.code).toBe(EXIT.done);
    expect(JSON.parse(replayed.out)).toMatchObject({ group: 'g', member: 'late', result: 'woken' });
    await sandbox.until(() => sandbox.members('g').includes('late'));

    run.terminate();
    expect(await run.exited).toBe(EXIT.done);
    const summary = JSON.parse((await command(reportCommand)).out) as Summary;
    expect(Object.fromEntries(summary.operations.map(({ member, outcome }) => [member, outcome]))).toEqual({
      a: 'applied',
      // Given up at its first failure, so it was never parked.
      late: 'applied',
    });
    await reportsAsRowsAndPage(summary.operations);
  });

  /** As of a time, in rows and as a page. */
  async function reportsAsRowsAndPage(operations: Summary['operations']): Promise<void> {
    const total = (JSON.parse((await command(reportCommand, '--by', 'group', '--format', 'json')).out) as Rows).total;
    expect(total).toMatchObject({ changes: 2, succeeded: 2, failed: 0 });
    expect(total.requests).toBeGreaterThanOrEqual(1);
    const last = Math.max(...operations.map(({ reported_at: at }) => Date.parse(at)));
    const before = await command(reportCommand, '--until', new Date(last).toISOString());
    expect((JSON.parse(before.out) as Summary).success_count).toBeLessThan(2);
    const after = await command(reportCommand, '--until', new Date(last + 1).toISOString());
    expect((JSON.parse(after.out) as Summary).success_count).toBe(2);
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-page-'));
    const page = join(folder, 'page.html');
    await command(reportCommand, '--html', page);
    expect(await readFile(page, 'utf8')).toContain('2 changes, 0 failed');
    await byIndex(join(folder, 'index'));
    await rm(folder, { recursive: true });
  }

  /** What the topics say, also once they are in the index already. */
  async function byIndex(directory: string): Promise<void> {
    const explained = async (...args: string[]) =>
      (await command(explainCommand, '--group', 'g', '--member', 'late', '--json', ...args)).out;
    for (const _ of ['filled', 'read on']) {
      expect(await explained('--index', directory)).toBe(await explained());
      const report = await command(reportCommand, '--format', 'csv', '--index', directory);
      expect(report.out).toBe((await command(reportCommand, '--format', 'csv')).out);
      await send({ group_id: 'h', add_members: ['b'] });
    }
  }

  /** Its mark is written after its report, so that the report is no sign; reading again is, and takes its time. */
  async function untilDead(): Promise<void> {
    while (!(await command(replayCommand, 'list')).out.startsWith('dead')) continue;
  }
});

interface Rows {
  readonly total: { readonly requests: number };
}

/** `rollcall run`. */
class Run {
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #awaited = new Map<string, () => void>();

  constructor(environment: Record<string, string>) {
    const child = spawn(process.execPath, [...program, 'run'], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    this.#child = child;
    this.exited = new Promise((resolve) => child.once('close', resolve));
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#lines.push(line);
      for (const [text, resolve] of this.#awaited) if (line.includes(text)) resolve();
    });
  }

  log(): string {
    return this.#lines.join('\n');
  }

  async logged(text: string): Promise<void> {
    if (this.log().includes(text)) return;
    await new Promise<void>((resolve) => this.#awaited.set(text, resolve));
  }

  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
