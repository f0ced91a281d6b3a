import { afterEach, beforeEach, expect, test } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { StaleEffects } from '../chaos/stale-effects.ts';
import { adding, removing, SandboxClient } from '../support/sandbox-client.ts';

let sandbox: Sandbox;
let client: SandboxClient;
let effects: StaleEffects;

beforeEach(async () => {
  sandbox = await startSandbox({ users: 'any', limits: 'off', seed: { groups: [{ id: 'g' }] } });
  client = await SandboxClient.login(sandbox);
  effects = new StaleEffects(sandbox);
});

afterEach(async () => {
  effects.stop();
  await sandbox.stop();
});

const patch = async (...operations: readonly unknown[]): Promise<unknown> =>
  client.patch('g', operations, { headers: { 'if-match': `"${sandbox.version('g')}"` } });

test('chaos oracle: an addition that takes effect after the removal is found', async () => {
  await patch(adding('passer-1', 'm1'));
  await patch(removing('passer-1'));
  await patch(adding('passer-1'));
  expect(effects.found).toEqual(['passer-1 was added to g after his removal']);
});

test('chaos oracle: an addition that takes no effect, and members who may come back, are not', async () => {
  // given
  await patch(adding('passer-1', 'm1'));
  const stale = { headers: { 'if-match': `"${sandbox.version('g')}"` } };
  await patch(removing('passer-1'), removing('m1'));
  // when
  await client.patch('g', [adding('passer-1')], stale);
  await patch(adding('m1'));
  // then
  expect(effects.watched).toBe(1);
  expect(effects.found).toEqual([]);
});
