/** docs/runbook.md: its commands, as a process each, on a real Kafka with a running service; they print what the page says. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/adapters/system.ts';
import { createLogTools, GroupInUseError, type KafkaLogTools } from '../../src/adapters/kafka/tools.ts';
import { readConfig } from '../../src/config/config.ts';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { pause } from '../../src/time.ts';
import { describeNewestKafka, namesOfService, uniqueName } from '../support/broker.ts';
import { aLog } from '../support/genesys.ts';
import { fencedBlocks } from '../support/fenced-blocks.ts';
import { program } from '../support/program.ts';
import { ServiceProcess } from '../support/service.ts';

const execute = promisify(execFile);
const blocks = fencedBlocks(readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8'));

interface Question {
  readonly name: string;
  readonly command: string;
  /** With `…` for anything. */
  readonly answer: string;
}

const questions = blocks.flatMap(({ language, marks: [mark, name = ''], content }, i): readonly Question[] =>
  language === 'bash' && mark === 'run' ? [{ name, command: content, answer: blocks[i + 1]?.content ?? '' }] : [],
);

function questionOf(name: string): Question {
  const found = questions.find((question) => question.name === name);
  if (found === undefined) throw new Error(`docs/runbook.md has no command with the mark ${name}`);
  return found;
}

/** Exit code 1: something differs, or is not repaired yet. */
const isSomethingLeft = (error: unknown): error is { readonly stdout: string } =>
  error instanceof Error && 'code' in error && error.code === 1 && 'stdout' in error;

/** For the table of the page, where RUNBOOK_TIMES is set. */
function tell(name: string, seconds: number): void {
  if (process.env['RUNBOOK_TIMES'] !== undefined) process.stdout.write(`${name}: ${seconds.toFixed(1)} s\n`);
}

/** Line by line; `…` alone on a line stands for any lines. */
const patternOf = (answer: string): RegExp =>
  new RegExp(
    `^${answer
      .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll(/\n…(?=\n)/g, '(?:\\n[^\\n]*)*')
      .replaceAll('…', '[^\\n]*')}$`,
  );

describeNewestKafka('the runbook', (kafka) => {
  let sandbox: Sandbox;
  let environment: Record<string, string>;
  let service: ServiceProcess;

  beforeAll(async () => {
    const people = Array.from({ length: 12 }, (_, i) => `person-${i}`);
    const groups = [
      { id: 'sales' },
      { id: 'old-team', members: people },
      { id: 'support', members: ['jim', 'joan', 'jane'] },
      { id: 'night-shift', members: ['kim', 'lee', 'max', 'pat'] },
    ];
    sandbox = await startSandbox({
      seed: { groups, users: ['jane', 'jim', 'joan', 'kim', 'lee', 'max', 'pat', ...people].map((id) => ({ id })) },
      limits: 'off',
    });
    const name = uniqueName('runbook');
    const [port] = await freePorts(1);
    environment = {
      ...environmentOf(sandbox),
      KAFKA_BROKERS: kafka.brokers.join(','),
      ...namesOfService(name),
      RETRY_BASE_MS: '3600000',
      RETRY_CAP_MS: '3600000',
      GUARD_GROUP_PERCENT: '100',
      // A full state waits for so long after a restart: a request of the former owner may be late.
      REQUEST_TIMEOUT_MS: '3000',
      LATE_APPLY_MS: '4000',
      ADMIN_PORT: String(port),
    };
    await rollcall('topics create --partitions 1');
    await start();
  });

  async function start(): Promise<void> {
    service = new ServiceProcess(environment);
    await service.said('partition caught up');
  }

  async function restart(): Promise<void> {
    service.signal('SIGTERM');
    await service.exited;
    await start();
  }

  /** About groups; a new instance asks for a token all the same. */
  const requestCount = (): number =>
    ['GET', 'PATCH']
      .flatMap((method) => Object.values(sandbox.stats.requests[method] ?? {}))
      .reduce((sum, count) => sum + count, 0);

  afterAll(async () => {
    await service.kill();
    await sandbox.stop();
  });

  const rollcall = (args: string): Promise<string> => run(`rollcall ${args}`);

  /** With the command as it is after an installation. */
  async function run(script: string): Promise<string> {
    const shell = `rollcall() { "${process.execPath}" ${program.map((arg) => `"${arg}"`).join(' ')} "$@"; }\n${script}`;
    const running = execute('bash', ['-e', '-c', shell], { env: { ...process.env, ...environment } });
    const { stdout } = await running.catch((error: unknown) => {
      if (isSomethingLeft(error)) return error;
      throw error;
    });
    return stdout;
  }

  async function withTools<T>(work: (tools: KafkaLogTools, topic: string) => Promise<T>): Promise<T> {
    const { kafka: connection } = readConfig(environment, ['kafka'], String);
    const tools = createLogTools(connection, { clock: systemClock, logger: aLog() });
    try {
      return await work(tools, environment['SOURCE_TOPIC'] ?? '');
    } finally {
      await tools.close();
    }
  }

  async function send(value: object, group = 'sales'): Promise<void> {
    const record = { partition: null, key: group, value: JSON.stringify({ group_id: group, ...value }), headers: [] };
    await withTools((tools, topic) => tools.send([{ topic, ...record }]));
  }

  async function until(isSo: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 20 && !(await isSo()); tries += 1) await pause(systemClock, 500);
  }

  /** Asked again until it says so: what it tells of comes about by itself. */
  async function answers(name: string): Promise<void> {
    const { command, answer } = questionOf(name);
    let said = '';
    for (let tries = 0; tries < 20; tries += 1) {
      const startedAt = performance.now();
      said = await run(command);
      const seconds = (performance.now() - startedAt) / 1_000;
      if (patternOf(answer).test(said)) return tell(name, seconds);
      await pause(systemClock, 500);
    }
    expect(said).toMatch(patternOf(answer));
  }

  test('why somebody is still in a group, and who removed them at last', { timeout: 120_000 }, async () => {
    await send({ add_members: ['jane'], event_id: 'jane-hired' });
    await sandbox.until(() => sandbox.members('sales').includes('jane'));
    const rule = sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
    await send({ remove_members: ['jane'], event_id: 'jane-left' });
    await answers('why-still');
    sandbox.removeRule(rule);
    await rollcall('replay now --group sales --member jane --yes');
    await answers('who-removed');
    await answers('members');
  });

  test('how far behind, and when it is done', { timeout: 120_000 }, async () => {
    const rule = sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
    await send({ add_members: ['jane'], event_id: 'jane-back' });
    await answers('how-far');
    sandbox.removeRule(rule);
    await rollcall('replay now --group sales --member jane --yes');
    await sandbox.until(() => sandbox.members('sales').includes('jane'));
  });

  test('the client is refused: what is affected, and what now', { timeout: 120_000 }, async () => {
    const rule = sandbox.addRule({ match: {}, fault: { kind: 'status', status: 401 } });
    await send({ remove_members: ['jane'], event_id: 'jane-gone' });
    await answers('affected');
    sandbox.removeRule(rule);
    await sandbox.until(() => !sandbox.members('sales').includes('jane'));
  });

  test(
    'everything, and one group, is paused, also for the next instance, and resumed',
    { timeout: 120_000 },
    async () => {
      await answers('pause');
      const requests = requestCount();
      await send({ add_members: ['jane'], event_id: 'jane-again' });
      await answers('paused');
      await restart();
      await answers('paused');
      expect(requestCount()).toBe(requests);
      await answers('resume');
      await sandbox.until(() => sandbox.members('sales').includes('jane'));
    },
  );

  test('what differs, and how it is repaired', { timeout: 120_000 }, async () => {
    sandbox.setMembers('sales', ['mallory']);
    await answers('differs');
    await answers('repair-plan');
    expect(sandbox.members('sales')).toEqual(['mallory']);
    await answers('repair');
    await sandbox.until(() => sandbox.members('sales').includes('jane'));
    expect(sandbox.members('sales').toSorted()).toEqual(['jane', 'mallory']);
    await answers('repaired');
  });

  test("last night's bulk change is undone", { timeout: 120_000 }, async () => {
    const removed = {
      remove_members: ['kim', 'lee', 'max'],
      event_id: 'import',
      actor: { email: 'hr-import@example.com' },
    };
    await send(removed, 'night-shift');
    await sandbox.until(() => sandbox.members('night-shift').length === 1);
    await send({ add_members: ['max'], event_id: 'max-back', actor: { email: 'boss@example.com' } }, 'night-shift');
    await sandbox.until(() => sandbox.members('night-shift').length === 2);
    await answers('undo-plan');
    expect(sandbox.members('night-shift').toSorted()).toEqual(['max', 'pat']);
    await answers('undo');
    await sandbox.until(() => sandbox.members('night-shift').length === 4);
  });

  test('removals are held: who wanted them, and which of them pass', { timeout: 120_000 }, async () => {
    const gone = { members: [], complete: true, deleted: true };
    await send({ ...gone, event_id: 'team-dissolved', actor: { email: 'hr@example.com' } }, 'old-team');
    await send({ members: [], complete: true, event_id: 'nightly-export' }, 'support');
    await answers('held');
    await answers('approve-cause');
    await sandbox.until(() => sandbox.members('old-team').length === 0);
    await answers('approve-part');
    await sandbox.until(() => !sandbox.members('support').includes('jim'));
    expect(sandbox.members('support').toSorted()).toEqual(['jane', 'joan']);
  });

  test('which groups fail most, why, and what it cost', { timeout: 120_000 }, async () => {
    await send({ add_members: ['ghost'], event_id: 'ghost-hired' });
    await answers('fails');
    await answers('fails-why');
    await answers('cost');
    // Its tries would go on beside those of the next questions.
    await send({ remove_members: ['ghost'], event_id: 'ghost-left' });
    await until(async () => !(await rollcall('replay list --group sales')).includes('ghost'));
  });

  test(
    'what would happen, if a file were applied, or what was given up were tried again',
    { timeout: 120_000 },
    async () => {
      const rule = sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 400 } });
      await send({ add_members: ['kim'], event_id: 'kim-hired' });
      await until(async () => (await rollcall('replay list --group sales')).startsWith('dead'));
      sandbox.removeRule(rule);
      await answers('would-apply');
      await answers('would-replay');
      expect(sandbox.members('sales')).not.toContain('kim');
      expect(sandbox.members('night-shift')).toContain('pat');
    },
  );

  test('what was committed is read again, once no instance runs', { timeout: 120_000 }, async () => {
    await expect(run(questionOf('rewind-plan').command)).rejects.toMatchObject({ code: 69 });
    // An instance that has joined since it was looked for: the brokers refuse.
    const commits = [{ partition: 0, offset: 0n, metadata: '' }];
    const commit = withTools((tools, topic) =>
      tools.commitWithoutMembers(environment['KAFKA_GROUP_ID'] ?? '', topic, commits),
    );
    await expect(commit).rejects.toThrow(GroupInUseError);
    service.signal('SIGTERM');
    await service.exited;
    sandbox.setMembers('sales', []);
    await answers('would-rewind');
    await answers('rewind-plan');
    await answers('rewind');
    await start();
    await sandbox.until(() => sandbox.members('sales').includes('jane'));
    expect(sandbox.members('sales')).toEqual(['jane']);
    expect(sandbox.members('support').toSorted()).toEqual(['jane', 'joan']);
  });

  test('each command of the page is run', () => {
    expect(questions.map(({ name }) => name)).toEqual([
      'why-still',
      'who-removed',
      'members',
      'how-far',
      'affected',
      'fails',
      'fails-why',
      'cost',
      'differs',
      'repair-plan',
      'repair',
      'repaired',
      'undo-plan',
      'undo',
      'pause',
      'paused',
      'resume',
      'held',
      'approve-cause',
      'approve-part',
      'would-apply',
      'would-replay',
      'would-rewind',
      'rewind-plan',
      'rewind',
    ]);
  });
});
