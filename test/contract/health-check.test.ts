/** The health check of the image, as the Dockerfile has it, before an admin server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { startAdmin, type AdminServer } from '../../src/admin/server.ts';
import { KnownSecrets } from '../../src/core/text/redact.ts';
import { ManualClock } from '../support/manual-clock.ts';

const [, command = ''] =
  /^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$/m.exec(readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')) ?? [];
const [program = '', ...args] = JSON.parse(command) as string[];

let server: AdminServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

async function check(environment: Record<string, string>): Promise<number> {
  const child = spawn(program, args, { env: { PATH: process.env['PATH'] ?? '', ...environment }, stdio: 'ignore' });
  const [code] = (await once(child, 'close')) as [number];
  return code;
}

test.for([
  ['127.0.0.1', ''],
  ['0.0.0.0', '0.0.0.0'],
  ['127.0.0.2', '127.0.0.2'],
] as const)(
  'health check: a service at %s is healthy, although it has a token and is not ready',
  async ([host, given]) => {
    server = await startAdmin(
      { host, port: 0, token: 'a-token-of-the-metrics' },
      {
        stats: () => null,
        clock: new ManualClock(),
        logger: { error: () => undefined },
        secrets: new KnownSecrets([]),
      },
    );
    const { port } = new URL(server.url);
    const environment: Record<string, string> = given === '' ? {} : { ADMIN_HOST: given };
    expect(await check({ ADMIN_PORT: port, ...environment })).toBe(0);
    await server.close();
    server = null;
    expect(await check({ ADMIN_PORT: port })).toBe(1);
  },
);

test('health check: where there is no admin server there is nothing to check', async () => {
  expect(await check({ ADMIN_PORT: '0' })).toBe(0);
});
