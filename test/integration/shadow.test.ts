// `rollcall run --shadow` on real brokers, by its command line, beside a real service of the same names.
import { execFile } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { systemClock } from '../../src/adapters/system.ts';
import { readConfig } from '../../src/config/config.ts';
import { ReportRecord } from '../../src/core/report/report.ts';
import type { Summary } from '../../src/core/report/summary.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { describeKafka, namesOfService, uniqueName } from '../support/broker.ts';
import { aLog } from '../support/genesys.ts';
import { commitsOf } from '../support/group-offsets.ts';
import { program } from '../support/program.ts';
import { ServiceProcess } from '../support/service.ts';

describeKafka('a shadow', (kafka) => {
  let sandbox: Sandbox;
  let environment: Record<string, string>;
  const services: ServiceProcess[] = [];

  beforeEach(async () => {
    sandbox = await startSandbox({ users: 'any', seed: { groups: [{ id: 'g', members: ['old'] }] }, limits: 'off' });
    environment = {
      ...environmentOf(sandbox),
      KAFKA_BROKERS: kafka.brokers.join(','),
      ...namesOfService(uniqueName('shadow')),
      GUARD_GROUP_PERCENT: '100',
      LATE_APPLY_MS: '0',
      ADMIN_PORT: '0',
    };
  });

  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.kill()));
    await sandbox.stop();
  });

  function start(...command: readonly string[]): ServiceProcess {
    const service = new ServiceProcess(environment, command);
    services.push(service);
    return service;
  }

  async function rollcall(...args: readonly string[]) {
    const { PATH = '', HOME = '' } = process.env;
    return new Promise<{ readonly code: number; readonly out: string; readonly err: string }>((resolve) => {
      const options = { env: { PATH, HOME, ...environment } };
      execFile(process.execPath, [...program, ...args], options, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code), out, err }),
      );
    });
  }

  async function withTools<T>(work: (tools: ReturnType<typeof createLogTools>) => Promise<T>): Promise<T> {
    const { kafka: connection } = readConfig(environment, ['kafka'], String);
    const tools = createLogTools(connection, { clock: systemClock, logger: aLog() });
    try {
      return await work(tools);
    } finally {
      await tools.close();
    }
  }

  const topic = (role: 'SOURCE' | 'RETRY' | 'DEAD_LETTER' | 'REPORT'): string => environment[`${role}_TOPIC`] ?? '';

  const send = (change: object) =>
    withTools((tools) =>
      tools.send([
        {
          topic: topic('SOURCE'),
          partition: null,
          key: 'g',
          value: JSON.stringify({ group_id: 'g', ...change }),
          headers: [],
        },
      ]),
    );

  /** Resolves when the topic has so many final reports. */
  const reported = (name: string, count: number) =>
    withTools(async (tools) => {
      const found: ReportRecord[] = [];
      const { signal } = new AbortController();
      for await (const { value } of tools.read(name, { from: 'beginning', follow: true, signal })) {
        found.push(ReportRecord.parse(JSON.parse(Buffer.from(value ?? []).toString())));
        if (found.filter(({ final }) => final).length === count) break;
      }
      return found;
    });

  /** What the real service has written: what it has committed, and its topics. */
  const traces = () =>
    withTools(async (tools) => {
      const commits = await commitsOf({
        brokers: kafka.brokers,
        groupId: environment['KAFKA_GROUP_ID'] ?? '',
        topic: topic('SOURCE'),
      });
      const { signal } = new AbortController();
      const counts = [];
      for (const role of ['RETRY', 'DEAD_LETTER', 'REPORT'] as const) {
        let count = 0;
        for await (const _ of tools.read(topic(role), { from: 'beginning', follow: false, signal })) count += 1;
        counts.push(count);
      }
      return { commits, counts };
    });

  const patches = (): number => sandbox.stats.journal.filter(({ method }) => method === 'PATCH').length;

  test('reports what it would do, and touches neither the groups nor what the real service has written', async () => {
    expect((await rollcall('topics', 'create', '--partitions', '1')).code).toBe(EXIT.done);
    const real = start('run');
    await send({ add_members: ['a'] });
    await reported(topic('REPORT'), 1);
    real.signal('SIGTERM');
    expect(await real.exited).toBe(EXIT.done);
    const before = { traces: await traces(), patches: patches(), members: sandbox.members('g') };
    expect(before).toMatchObject({ patches: 1, traces: { commits: [{ offset: '1' }] } });

    const created = await rollcall('topics', 'create', '--shadow');
    expect(created).toMatchObject({ code: EXIT.done, out: expect.stringContaining(`${topic('RETRY')}.shadow`) });
    expect((await rollcall('doctor', '--shadow')).code).toBe(EXIT.done);
    const shadow = start('run', '--shadow');
    await shadow.said('shadow: nothing is sent that changes a group');
    await send({ add_members: ['b'], remove_members: ['old'] });
    const reports = await reported(`${topic('REPORT')}.shadow`, 3);
    expect(reports.every((report) => report.shadow === true)).toBe(true);
    await send({ remove_members: ['b'] });
    await reported(`${topic('REPORT')}.shadow`, 4);
    shadow.signal('SIGTERM');
    expect(await shadow.exited).toBe(EXIT.done);

    const { by_outcome } = JSON.parse((await rollcall('report', '--shadow')).out) as Summary;
    // `b` was never there, and yet its removal is one.
    expect(by_outcome).toEqual({ already_synced: 1, applied: 3 });
    expect((await rollcall('status', '--shadow')).out).toContain('unread 0, pending 0');
    const { out: compared } = await rollcall('diff', '--shadow', '--group', 'g');
    expect(compared).toMatch(/^undone {2}g {2}old {2}removed by report .*; a shadow has not sent it, or others/m);
    const { out: explained } = await rollcall('explain', '--shadow', '--group', 'g', '--member', 'old');
    expect(explained).toContain('not sent by the shadow: it has read the group, status 200');
    expect(explained).not.toContain('others have changed');
    expect(explained).toMatch(/^A member: removed at .*, by a shadow, which has not sent it\.$/m);
    const { out: text } = await rollcall('report', '--shadow', '--format', 'text');
    expect(text).toMatch(/^Of a shadow: nothing of this was sent, and no group was changed\.\n4 changes: 4 done/);
    expect({ traces: await traces(), patches: patches(), members: sandbox.members('g') }).toEqual(before);
  });

  test('run names the command that makes its topics', async () => {
    await rollcall('topics', 'create', '--partitions', '1');
    const { code, err } = await rollcall('run', '--shadow');
    expect(code).toBe(EXIT.unavailable);
    expect(err).toContain(`Kafka has no topic ${topic('RETRY')}.shadow`);
    expect(err).toContain('Run `rollcall --shadow topics create`');
    const { out } = await rollcall('topics', 'check', '--shadow');
    expect(out).toContain('Run `rollcall --shadow topics create`');
  });

  test.each([
    ['apply', 'changes.ndjson'],
    ['resync', '--all'],
    ['undo', '--since', '2026-01-01T00:00:00Z', '--until', '2026-01-01T00:00:01Z'],
  ])('%s refuses to work', async (...command) => {
    await rollcall('topics', 'create', '--partitions', '1', '--shadow');
    const { code, err } = await rollcall(...command, '--shadow');
    expect([code, err]).toEqual([EXIT.usage, expect.stringContaining('leave out --shadow')]);
    expect(patches()).toBe(0);
  });
});
