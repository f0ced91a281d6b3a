/** `rollcall status` on real brokers, by its command line alone: two instances, one that was not asked, none, and watching. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { systemClock } from '../../src/adapters/system.ts';
import { reportCommand } from '../../src/commands/report.ts';
import { statusCommand } from '../../src/commands/status.ts';
import { topicsCommand } from '../../src/commands/topics.ts';
import { readConfig } from '../../src/config/config.ts';
import type { PartitionRow } from '../../src/core/status/overview.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { pause } from '../../src/time.ts';
import { describeKafka, namesOfService, uniqueName } from '../support/broker.ts';
import { aContext } from '../support/command-context.ts';
import { aLog } from '../support/genesys.ts';
import { program } from '../support/program.ts';
import { ServiceProcess } from '../support/service.ts';

const PARTITIONS = 4;
const GROUPS = Array.from({ length: 40 }, (_, i) => `group-${i}`);

interface Status {
  readonly in_step: boolean;
  readonly totals: { readonly unread: number };
  readonly converges_in_ms: number | null;
  readonly consumer_group: { readonly state: string };
  readonly unanswered: readonly { readonly host: string; readonly partitions: readonly number[] }[];
  readonly partitions: readonly (Pick<PartitionRow, 'partition' | 'phase' | 'unread' | 'unfinished'> & {
    readonly instance: string | null;
    readonly oldest_unapplied_at: string | null;
  })[];
}

describeKafka('rollcall status', (kafka) => {
  let sandbox: Sandbox;
  let environment: Record<string, string>;
  let urls: readonly string[];
  let services: ServiceProcess[];

  beforeEach(async () => {
    sandbox = await startSandbox({ users: 'any', seed: { groups: GROUPS.map((id) => ({ id })) }, limits: 'off' });
    environment = {
      ...environmentOf(sandbox),
      KAFKA_BROKERS: kafka.brokers.join(','),
      ...namesOfService(uniqueName('status')),
      KAFKA_SESSION_TIMEOUT_MS: '15000',
      DRIFT_EVERY_MS: '10000',
    };
    await topicsCommand(aContext({ environment })).parseAsync(['create', '--partitions', String(PARTITIONS)], {
      from: 'user',
    });
    const ports = await freePorts(2);
    urls = ports.map((port) => `http://127.0.0.1:${port}`);
    services = ports.map((port) => new ServiceProcess({ ...environment, ADMIN_PORT: String(port) }));
    await Promise.all(services.map((service) => service.owns(PARTITIONS / 2)));
  });

  afterEach(async () => {
    await Promise.all(services.map((service) => service.kill()));
    await sandbox.stop();
  });

  const adminOf = (asked: readonly string[]): string[] => asked.flatMap((url) => ['--admin', url]);

  async function status(...args: string[]): Promise<Status> {
    const context = aContext({ environment });
    await statusCommand(context).parseAsync([...args, '--json'], { from: 'user' });
    expect(context.exitCode()).toBe(EXIT.done);
    return JSON.parse(context.out()) as Status;
  }

  /** One change for each of some groups, which fall on all partitions. */
  async function send(groups: readonly string[]): Promise<void> {
    const { kafka: connection } = readConfig(environment, ['kafka'], String);
    const tools = createLogTools(connection, { clock: systemClock, logger: aLog() });
    const records = groups.map((group, i) => ({
      topic: environment['SOURCE_TOPIC'] ?? '',
      partition: i % PARTITIONS,
      key: group,
      value: JSON.stringify({ group_id: group, add_members: ['jane'] }),
      headers: [],
    }));
    await tools.send(records);
    await tools.close();
  }

  /** Asked again until it is so: commits follow the reports. */
  async function untilStatus(args: readonly string[], isSo: (found: Status) => boolean): Promise<Status> {
    let found = await status(...args);
    for (let tries = 0; tries < 40 && !isSo(found); tries += 1) {
      await pause(systemClock, 250);
      found = await status(...args);
    }
    return found;
  }

  test('all partitions of both instances; of one that was not asked its address and partitions', async () => {
    await send(GROUPS);
    const all = await untilStatus(adminOf(urls), (found) => found.in_step && found.partitions.every(isFinished));
    expect(all).toMatchObject({ converges_in_ms: 0, consumer_group: { state: 'Stable' }, unanswered: [] });
    expect(all.partitions.map(({ partition, phase }) => [partition, phase])).toEqual(
      [0, 1, 2, 3].map((partition) => [partition, 'running']),
    );
    expect(new Set(all.partitions.map(({ instance }) => instance))).toEqual(new Set(urls));
    const [first = ''] = urls;
    const half = await status('--admin', first);
    const others = all.partitions.filter(({ instance }) => instance !== first).map(({ partition }) => partition);
    expect(half).toMatchObject({ in_step: false, converges_in_ms: null });
    expect(half.unanswered).toEqual([
      { member_id: expect.any(String), client_id: 'rollcall', host: '127.0.0.1', partitions: others },
    ]);
    expect(half.partitions.filter(({ instance }) => instance === null).map(({ partition }) => partition)).toEqual(
      others,
    );
  });

  test('no instance runs: what is not finished, and since when, by the time of its record', async () => {
    await Promise.all(services.map((service) => service.kill()));
    const before = Math.trunc(systemClock.now().wall);
    await send(GROUPS.slice(0, 6));
    const after = systemClock.now().wall;
    const found = await status(...adminOf(urls));
    expect(found).toMatchObject({ in_step: false, totals: { unread: 6 }, converges_in_ms: null });
    expect(found.partitions.map(({ unread, unfinished }) => [unread, unfinished])).toEqual([
      [null, 2],
      [null, 2],
      [null, 1],
      [null, 1],
    ]);
    for (const { oldest_unapplied_at: at } of found.partitions) {
      expect(Date.parse(at ?? '')).toBeGreaterThanOrEqual(before);
      expect(Date.parse(at ?? '')).toBeLessThanOrEqual(after);
    }
  });

  test('DRIFT_EVERY_MS: each group is compared by one instance, and what others have changed is reported once', async () => {
    await send(GROUPS.slice(0, 8));
    await untilStatus(adminOf(urls), (found) => found.in_step && found.partitions.every(isFinished));
    sandbox.setMembers('group-5', []);
    const figures = async (pattern: RegExp): Promise<readonly number[]> => {
      const texts = await Promise.all(urls.map(async (url) => (await fetch(`${url}/metrics`)).text()));
      return texts.map((text) => Number(pattern.exec(text)?.[1] ?? Number.NaN));
    };
    const untilFigures = async (pattern: RegExp, isSo: (found: readonly number[]) => boolean): Promise<void> => {
      for (let tries = 0; tries < 240 && !isSo(await figures(pattern)); tries += 1) await pause(systemClock, 250);
      expect(await figures(pattern)).toSatisfy(isSo);
    };
    await untilFigures(/^rollcall_drift_members\{kind="undone"\} (\d+)$/m, ([a = 0, b = 0]) => a + b === 1);
    // Each of both once more.
    const passes = /^rollcall_drift_passes_total\{result="finished"\} (\d+)$/m;
    const before = await figures(passes);
    await untilFigures(passes, (found) => found.every((count, i) => count > (before[i] ?? Infinity)));
    const context = aContext({ environment });
    await reportCommand(context).parseAsync(['--format', 'ndjson', '--outcome', 'drift'], { from: 'user' });
    const reports = context.out().trim().split('\n');
    expect(reports.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ group: 'group-5', member: 'jane', op: 'add', drift: expect.any(Object) }),
    ]);
    for (const service of services) service.signal('SIGTERM');
    expect(await Promise.all(services.map(({ exited }) => exited))).toEqual([EXIT.done, EXIT.done]);
  });

  test('--watch asks again and again, and a signal is how it ends', async () => {
    const { PATH = '', HOME = '' } = process.env;
    const args = [...program, 'status', '--watch', '--json', ...adminOf(urls)];
    const child = spawn(process.execPath, args, { env: { PATH, HOME, ...environment } });
    const exited = once(child, 'exit');
    let count = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      expect(JSON.parse(line)).toHaveProperty('sentence');
      count += 1;
      if (count === 2) child.kill('SIGINT');
    }
    expect(await exited).toEqual([EXIT.done, null]);
    expect(count).toBeGreaterThanOrEqual(2);
  });
});

const isFinished = ({ unfinished }: Status['partitions'][number]): boolean => unfinished === 0;
