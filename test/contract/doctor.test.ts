// `rollcall doctor` against the sandbox; its look at Kafka is tested on real brokers.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { examine } from '../../src/commands/doctor.ts';
import type { Finding } from '../../src/console/doctor-checks.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { aContext } from '../support/command-context.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({ users: 'any' });
});

afterEach(() => sandbox.stop());

/** No process listens on port 1: Kafka does not answer. */
async function doctor(change: Record<string, string> = {}) {
  const environment = { ...environmentOf(sandbox), KAFKA_BROKERS: '127.0.0.1:1', ...change };
  const context = aContext({ environment });
  const code = await examine({ json: true }, context);
  const { findings } = JSON.parse(context.out()) as { findings: readonly Finding[] };
  const status = (check: Finding['check']): string[] =>
    findings.filter((finding) => finding.check === check).map((finding) => finding.status);
  return { code, findings, status };
}

test('tries what it can: the target works although Kafka does not', async () => {
  const { code, findings, status } = await doctor();
  expect(code).toBe(EXIT.unavailable);
  expect(findings.find(({ check }) => check === 'brokers')).toMatchObject({
    status: 'fail',
    advice: expect.stringContaining('KAFKA_BROKERS'),
  });
  expect([status('configuration'), status('token'), status('permission'), status('limits')]).toEqual([
    ['ok'],
    ['ok'],
    ['ok'],
    ['ok'],
  ]);
});

test('doctor: names every problem of the configuration, and tries the parts that have none', async () => {
  const { code, findings, status } = await doctor({ KAFKA_BROKERS: '', LINGER_MS: 'soon', NOTIFY_URL: 'hook' });
  expect(code).toBe(EXIT.configuration);
  const problems = findings
    .filter(({ check }) => check === 'configuration')
    .map(({ message }) => message.split(' ')[0]);
  expect(problems).toEqual(['KAFKA_BROKERS', 'LINGER_MS', 'NOTIFY_URL']);
  expect(status('brokers')).toEqual([]);
  expect(status('permission')).toEqual(['ok']);
});

test('doctor: a missing permission is named', async () => {
  sandbox.deny();
  const { findings } = await doctor();
  expect(findings.find(({ check }) => check === 'permission')).toMatchObject({
    status: 'fail',
    message: expect.stringContaining('directory:group:edit'),
  });
});

test('doctor: a refused client is reported before any further request to the target', async () => {
  sandbox.refuseClient();
  const { findings, status } = await doctor();
  expect(findings.find(({ check }) => check === 'token')).toMatchObject({
    status: 'fail',
    advice: expect.stringContaining('GENESYS_CLIENT_SECRET'),
  });
  expect(status('permission')).toEqual([]);
});
