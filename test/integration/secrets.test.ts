/**
 * No secret gets out, whatever is refused: `rollcall run` as a process, and the commands, at the most talkative log
 * level. What they print, write to topics and serve is searched for everything that they were trusted with.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { applyCommand } from '../../src/commands/apply.ts';
import { doctorCommand } from '../../src/commands/doctor.ts';
import { planCommand } from '../../src/commands/plan.ts';
import { topicsCommand } from '../../src/commands/topics.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { systemWorld } from '../../src/lab/sandbox/clock.ts';
import { startSandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { KafkaSecurity, SecuredBroker } from '../support/kafka-security.ts';
import { createKafkaSecurity, securedEnvironment, startSecuredBroker } from '../support/kafka-security.ts';
import { startRepeatingHost } from '../support/repeating-host.ts';
import {
  adminToken,
  aSecretsHarness,
  clientId,
  clientSecret,
  givenSecrets,
  wrong,
  type SecretsHarness,
} from '../support/secrets-harness.ts';
import { leaksIn, type Secrets } from '../support/secrets.ts';
import { type Environment, ServiceProcess } from '../support/service.ts';

const unreachable = { url: 'http://127.0.0.1:1' };

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

/** What is refused, and how, is tried on every version in kafka-security.test.ts. */
const [version] = inject('kafka').startable;

describe.skipIf(version === undefined)('no secret gets out', () => {
  let security: KafkaSecurity;
  let broker: SecuredBroker;
  let secrets: Secrets;
  beforeAll(async () => {
    if (version === undefined) return;
    security = await createKafkaSecurity();
    broker = await startSecuredBroker(version, security);
    secrets = { ...givenSecrets, 'Kafka password': security.user.password };
  });
  afterAll(async () => {
    await broker?.stop();
    await security?.remove();
  });

  const aSecuredHarness = (target: { readonly url: string }): Promise<SecretsHarness> =>
    aSecretsHarness(securedEnvironment(broker, security), target);

  async function aRepeatingHarness() {
    const host = await startRepeatingHost();
    endings.push(() => host.stop());
    const tokens = (): Secrets =>
      Object.fromEntries(host.tokens.map((token, index) => [`access token ${index}`, token]));
    return { host, harness: await aSecuredHarness(host), all: () => ({ ...secrets, ...tokens() }) };
  }

  /** Also every token that the sandbox has ever issued: its ids that are not those of requests. */
  async function aSandboxHarness() {
    const ids: string[] = [];
    const newId = (): string => ids[ids.push(systemWorld.newId()) - 1] ?? '';
    const groups = [{ id: 'g' }, { id: 'h' }, { id: 'i' }];
    const world = { ...systemWorld, newId };
    const sandbox = await startSandbox({
      users: 'any',
      limits: 'off',
      seed: { groups },
      clientId,
      clientSecret,
      world,
    });
    endings.push(() => sandbox.stop());
    const all = (): Secrets => {
      const others = new Set(sandbox.stats.journal.map(({ correlationId }) => correlationId));
      const tokens = ids.filter((id) => !others.has(id)).map((id, index) => [`access token ${index}`, id] as const);
      expect(tokens.length).toBeGreaterThanOrEqual(sandbox.stats.tokens);
      return { ...secrets, ...Object.fromEntries(tokens) };
    };
    return { sandbox, harness: await aSecuredHarness(sandbox), all };
  }

  describe.concurrent('from run and topics check, which end with 78 and the remedy, at', () => {
    test.for<readonly [what: string, remedy: RegExp, changes: () => Environment]>([
      ['a wrong password', /KAFKA_SASL_PASSWORD/, () => ({ KAFKA_SASL_PASSWORD: wrong.password })],
      ['an unknown user', /KAFKA_SASL_USERNAME/, () => ({ KAFKA_SASL_USERNAME: 'nobody' })],
      ['an unknown CA', /KAFKA_SSL_CA_FILE/, () => ({ KAFKA_SSL_CA_FILE: security.otherCaFile })],
      ['an expired certificate', /renew it/, () => ({ KAFKA_BROKERS: broker.expired })],
      ['a certificate of another host', /not in the certificate/, () => ({ KAFKA_BROKERS: broker.wrongName })],
      ['a CA file that is missing', /KAFKA_SSL_CA_FILE/, () => ({ KAFKA_SSL_CA_FILE: '/no/such/ca.pem' })],
    ])('%s', async ([, remedy, changes], { expect }) => {
      const harness = await aSecuredHarness(unreachable);
      const service = new ServiceProcess({ ...harness.environment, ...changes() });
      const code = await service.exited;
      await service.kill();
      const check = await harness.command(topicsCommand, ['check'], changes());
      expect([code, check.code]).toEqual([EXIT.configuration, EXIT.configuration]);
      for (const printed of [service.printed, check.printed]) {
        expect(printed).toMatch(remedy);
        expect(leaksIn(printed, secrets)).toEqual([]);
      }
    });
  });

  test('from run at plaintext on the TLS port, which waits and says what to set', async () => {
    const harness = await aSecuredHarness(unreachable);
    await harness.fill();
    const left = await harness.run((service) => service.said('Kafka cannot be reached, trying again'), {
      KAFKA_SSL: 'false',
    });
    expect(left).toContain('KAFKA_SSL=true');
    expect(leaksIn(left, secrets)).toEqual([]);
  });

  test('from run while its client is refused, its tokens are revoked and its permission is missing', async () => {
    // given secrets in files that end with a line break
    const { sandbox, harness, all } = await aSandboxHarness();
    await harness.fill('g');
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-secrets-'));
    endings.push(() => rm(folder, { recursive: true }));
    const inFiles: Record<string, string> = {};
    for (const name of ['KAFKA_SASL_PASSWORD', 'GENESYS_CLIENT_SECRET', 'ADMIN_TOKEN']) {
      inFiles[name] = '';
      inFiles[`${name}_FILE`] = join(folder, name);
      await writeFile(join(folder, name), `${harness.environment[name]}\n`);
    }
    const left = await harness.run(async (service) => {
      await harness.counted('rollcall_reports_total{outcome="applied"} 1');
      // when the tokens are revoked, and no other is given
      sandbox.revokeTokens();
      sandbox.refuseClient(`no ${clientSecret}`);
      await harness.send('h');
      await service.said('breaker opened', { fields: { reason: 'auth' } });
      sandbox.refuseClient(null);
      await harness.counted('rollcall_reports_total{outcome="applied"} 2');
      // when a new token does not help either
      sandbox.deny({ group: 'i', status: 401 });
      await harness.send('i');
      await service.said('breaker opened', { count: 2, fields: { reason: 'auth' } });
      // when the permission is missing, until the change is given up
      sandbox.allow();
      sandbox.deny({ group: 'i' });
      await harness.counted('rollcall_reports_total{outcome="permanent_failure"} 1');
    }, inFiles);
    // then
    expect(sandbox.stats.tokens).toBeGreaterThan(2);
    expect(leaksIn(left, all())).toEqual([]);
  });

  test('from run where login host and API repeat what they were sent', async () => {
    const { host, harness, all } = await aRepeatingHarness();
    await harness.fill('denied');
    const course = async (service: ServiceProcess): Promise<void> => {
      await harness.counted('rollcall_reports_total{outcome="permanent_failure"} 1');
      host.status = 422;
      await harness.send('rejected');
      await harness.counted('rollcall_reports_total{outcome="failed"} 1');
      host.status = 500;
      await harness.send('broken');
      await harness.counted('rollcall_parked 1');
      host.status = 401;
      await harness.send('refused');
      await service.said('breaker opened', { fields: { reason: 'auth' } });
      host.login = 'refuses';
      await service.said('token not had', { fields: { status: 400 } });
      host.login = 'fails';
      await service.said('token not had', { fields: { status: 502 } });
    };
    // The breaker is to open for the 401 alone.
    const left = await harness.run(course, { BREAKER_FAILURES: '100' });
    expect(host.tokens.length).toBeGreaterThan(1);
    expect(left).toContain('[redacted]');
    expect(leaksIn(left, all())).toEqual([]);
  });

  test('from run and the commands with a wrong client secret', async () => {
    const { harness, all } = await aSandboxHarness();
    await harness.fill('g');
    const changes = { GENESYS_CLIENT_SECRET: wrong.clientSecret };
    const left = await harness.run(
      (service) => service.said('breaker opened', { fields: { reason: 'auth' } }),
      changes,
    );
    expect(leaksIn(left, all())).toEqual([]);
    for (const [make, args] of commands) {
      const { code, printed } = await harness.command(make, args, changes);
      expect(code).toBe(EXIT.configuration);
      expect(printed).toContain('GENESYS_CLIENT_SECRET');
      expect(leaksIn(printed, all())).toEqual([]);
    }
  });

  test.for([
    ['refuses', 403],
    ['grants', 401],
    ['grants', 403],
    ['grants', 422],
  ] as const)(
    'from doctor, plan and apply where the login host %s, the API answers %s, and both repeat all',
    async (answers) => {
      const { host, harness, all } = await aRepeatingHarness();
      [host.login, host.status] = answers;
      const printed = [];
      for (const [make, args] of commands) printed.push((await harness.command(make, args)).printed);
      expect(printed.join('\n')).toContain(host.login === 'grants' ? '[redacted]' : 'GENESYS_CLIENT_SECRET');
      expect(leaksIn(printed.join('\n'), all())).toEqual([]);
    },
  );

  test('from run where the files of the secrets are of no use, which tells all of them at once', async () => {
    const harness = await aSecuredHarness(unreachable);
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-secrets-'));
    endings.push(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'empty'), '\n');
    await writeFile(join(folder, 'filled'), adminToken);
    const service = new ServiceProcess({
      ...harness.environment,
      KAFKA_SASL_PASSWORD: '',
      KAFKA_SASL_PASSWORD_FILE: folder,
      GENESYS_CLIENT_SECRET: '',
      GENESYS_CLIENT_SECRET_FILE: join(folder, 'empty'),
      ADMIN_TOKEN_FILE: join(folder, 'filled'),
    });
    endings.push(() => service.kill());
    expect(await service.exited).toBe(EXIT.configuration);
    expect(service.printed).toContain('KAFKA_SASL_PASSWORD_FILE names a file that cannot be read (EISDIR)');
    expect(service.printed).toContain('GENESYS_CLIENT_SECRET_FILE names an empty file');
    expect(service.printed).toContain('ADMIN_TOKEN and ADMIN_TOKEN_FILE exclude each other');
    expect(leaksIn(service.printed, secrets)).toEqual([]);
  });

  test('run that others could ask without a token does not start', async () => {
    const harness = await aSecuredHarness(unreachable);
    const service = new ServiceProcess({ ...harness.environment, ADMIN_HOST: '0.0.0.0', ADMIN_TOKEN: '' });
    endings.push(() => service.kill());
    expect(await service.exited).toBe(EXIT.configuration);
    expect(service.printed).toContain('ADMIN_TOKEN is missing');
  });
});

const commands = [
  [doctorCommand, []],
  [planCommand, ['-']],
  [applyCommand, ['-']],
] as const;

test.for([
  ['plain', (secret: string) => secret],
  ['in JSON', (secret: string) => JSON.stringify({ secret })],
  ['in a log line about JSON', (secret: string) => JSON.stringify({ body: JSON.stringify({ secret }) })],
  ['in a URL', encodeURIComponent],
  ['in a form', (secret: string) => String(new URLSearchParams({ secret }))],
  ['in Base64', btoa],
  ['cut', (secret: string) => secret.slice(0, 12)],
] as const)('what looks for secrets finds one %s', ([, form]) => {
  const secret = `p "4'/+% and more`;
  expect(leaksIn(`<${form(secret)}>`, { secret })).toHaveLength(1);
  expect(leaksIn(`<${form('something else')}>`, { secret })).toEqual([]);
});
