// What commands say and exit with where the login host refuses the client, or cannot be reached.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyFile } from '../../src/commands/apply.ts';
import { examine } from '../../src/commands/doctor.ts';
import { planFile } from '../../src/commands/plan.ts';
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import { EXIT, ExitError, type ExitCode } from '../../src/exit-codes.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { aContext, type TestContext } from '../support/command-context.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';

/** Port 9 (discard) is not listened on. */
const nowhere = 'http://127.0.0.1:9';

let sandbox: Sandbox;
let folder: string;
let file: string;

beforeEach(async () => {
  sandbox = await startSandbox({ users: 'any' });
  folder = await mkdtemp(join(tmpdir(), 'rollcall-refused-'));
  file = join(folder, 'changes.ndjson');
  await writeFile(file, '{"group_id":"sales","add_members":["user-2"]}\n');
});

afterEach(async () => {
  await sandbox.stop();
  await rm(folder, { recursive: true });
});

interface Ended {
  readonly code: ExitCode | null;
  readonly said: string;
}

const commands: Readonly<Record<string, (context: TestContext) => Promise<ExitCode>>> = {
  doctor: (context) => examine({}, context),
  plan: (context) => planFile(file, {}, context),
  apply: (context) => applyFile(file, {}, context),
};

async function run(name: string, change: Record<string, string> = {}): Promise<Ended> {
  const context = aContext({ environment: { ...environmentOf(sandbox), KAFKA_BROKERS: '127.0.0.1:1', ...change } });
  try {
    const code = await commands[name]?.(context);
    return { code: code ?? null, said: context.out() + context.err() };
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    return { code: error.code, said: context.out() + context.err() + error.message };
  }
}

describe('a client that the login host refuses', () => {
  test.each(Object.keys(commands))('ends %s with 78, and the login host is named', async (name) => {
    sandbox.refuseClient();
    const { code, said } = await run(name);
    expect(code).toBe(EXIT.configuration);
    expect(said).toContain(`The login host ${sandbox.url} refused the OAuth client`);
    expect(said).toContain('GENESYS_CLIENT_SECRET');
  });
});

describe('a login host that cannot be reached', () => {
  test.each(['doctor', 'plan'])('ends %s with 69, and is named', async (name) => {
    const { code, said } = await run(name, { GENESYS_LOGIN_URL: nowhere, GENESYS_API_URL: nowhere });
    expect(code).toBe(EXIT.unavailable);
    expect(said).toContain(`No token could be had from ${nowhere}`);
  });

  test('is logged once, then once a minute with how many lines were left out', async () => {
    const clock = new ManualClock();
    const lines: { readonly fields: object; readonly message: string }[] = [];
    const write = (fields: object, message: string): void => void lines.push({ fields, message });
    const logger = { debug: () => undefined, info: write, warn: write, error: write };
    const urls = { apiUrl: nowhere, loginUrl: nowhere };
    const client = {
      clientId: 'x',
      clientSecret: 'y',
      requestTimeoutMs: 1_000,
      concurrency: 1,
      rateLimitPerMinute: null,
    };
    const api = createGroupApi({ ...urls, ...client }, { isShadow: false, clock, logger });
    for (let seconds = 0; seconds < 150; seconds += 1) {
      await api.ensureToken();
      await clock.advance(1_000);
    }
    await api.close();
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(lines.length).toBeLessThanOrEqual(3);
    for (const { fields, message } of lines)
      expect({ ...fields, message }).toMatchObject({ url: nowhere, message: 'token not had' });
    expect(lines[1]?.fields).toHaveProperty('leftOut');
  });
});
