/** `rollcall ingest poll` as a process before a real broker and an emulator of Okta: `--once`, killed, and asked to stop. */
import { afterEach, expect, test } from 'vitest';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { textOf } from '../../src/core/log/wire-intent.ts';
import type { LogTools } from '../../src/ports.ts';
import { describeNewestKafka, uniqueName } from '../support/broker.ts';
import { type OktaEmulator, startOkta } from '../support/idp/okta.ts';
import { kafkaHost, plaintext } from '../support/kafka-log-harness.ts';
import { ServiceProcess } from '../support/service.ts';

const ADD = 'group.user_membership.add';
const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

interface PollHarness {
  readonly okta: OktaEmulator;
  readonly tools: LogTools;
  readonly cursorTopic: string;
  start(...flags: readonly string[]): ServiceProcess;
  /** Event ids and groups in the source topic, in its order. */
  written(): Promise<readonly string[]>;
}

async function aPollHarness(brokers: readonly string[]): Promise<PollHarness> {
  const tools = createLogTools(plaintext(brokers), kafkaHost);
  endings.push(() => tools.close());
  const okta = await startOkta();
  const topic = uniqueName('poll');
  for (const name of [topic, `${topic}.dead-letter`])
    await tools.createTopic({ topic: name, partitionCount: 1, replicationFactor: 1, settings: {} });
  const environment = {
    KAFKA_BROKERS: brokers.join(','),
    SOURCE_TOPIC: topic,
    DEAD_LETTER_TOPIC: `${topic}.dead-letter`,
    INGEST_CURSOR_TOPIC: `${topic}.cursors`,
    ADMIN_PORT: '0',
    INGEST_OKTA_URL: okta.url,
    INGEST_OKTA_API_TOKEN: 'api-token',
    INGEST_POLL_INTERVAL_MS: '200',
    INGEST_POLL_PAGE_SIZE: '10',
  };
  return {
    okta,
    tools,
    cursorTopic: `${topic}.cursors`,
    start: (...flags) => {
      const service = new ServiceProcess(environment, ['ingest', 'poll', 'okta', ...flags]);
      endings.push(() => service.kill());
      return service;
    },
    written: async () => {
      const found: string[] = [];
      const options = { from: 'beginning', follow: false, signal: new AbortController().signal } as const;
      for await (const { value } of tools.read(topic, options)) {
        const { event_id: id, group_id: group } = JSON.parse(textOf(value) ?? '') as Record<string, string>;
        found.push(id ?? `state of ${group}`);
      }
      return found;
    },
  };
}

/** Ends by itself. */
async function once(harness: PollHarness): Promise<ServiceProcess> {
  const service = harness.start('--once');
  service.broken.catch(() => undefined);
  await service.exited;
  return service;
}

describeNewestKafka('rollcall ingest poll', ({ brokers }) => {
  test('with --once it tells what is new and ends with 0; the next one goes on there', async () => {
    const harness = await aPollHarness(brokers);
    harness.okta.groups.set('g', ['a']);
    const first = await once(harness);
    expect(await first.exited).toBe(0);
    expect(await harness.written()).toEqual(['state of g']);
    const cursors = await harness.tools.describeTopic(harness.cursorTopic);
    expect(cursors?.settings.get('cleanup.policy')).toBe('compact');
    harness.okta.log(ADD, 'g', 'b');
    await once(harness);
    const third = await once(harness);
    expect(await harness.written()).toEqual(['state of g', 'u0']);
    expect(first.printed + third.printed).not.toContain('api-token');
  });

  test('killed again and again while it reads, it skips nothing', async () => {
    const harness = await aPollHarness(brokers);
    await once(harness);
    let count = 0;
    for (let kill = 0; kill < 3; kill += 1) {
      for (let index = 0; index < 300; index += 1, count += 1) harness.okta.log(ADD, `g${count % 7}`, `m${count}`);
      const asked = harness.okta.asked.length;
      const service = harness.start();
      await harness.okta.reaches(asked + 5 + 7 * kill);
      await service.kill();
    }
    await once(harness);
    const ids = await harness.written();
    expect([...new Set(ids)]).toEqual(Array.from({ length: count }, (_, index) => `u${index}`));
  });

  test('asked to stop while it waits, it ends with 0 at once', async () => {
    const harness = await aPollHarness(brokers);
    const service = harness.start();
    await service.said('the identity provider is read from here on');
    service.signal('SIGTERM');
    expect(await service.exited).toBe(0);
    await service.said('rollcall has stopped');
  });
});
