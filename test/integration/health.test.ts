/** What probes and scrapes hear of services on a real broker. */
import { expect, test, vi } from 'vitest';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { describeNewestKafka, uniqueName } from '../support/broker.ts';
import { kafkaHost, plaintext } from '../support/kafka-log-harness.ts';
import { ServiceProcess, shortTimes } from '../support/service.ts';
import { openKafkaHarness } from '../support/kafka-harness.ts';

const waiting = { timeout: 60_000, interval: 200 };

/** The value of each series of the metrics. */
async function scrape(port: number): Promise<(series: string) => number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const values = new Map(text.split('\n').map((line) => line.split(/ (?=\S+$)/) as [string, string]));
  return (series) => (values.has(series) ? Number(values.get(series)) : undefined);
}

describeNewestKafka('health and metrics', ({ brokers }) => {
  test('behind a paused intake the lag is that of the broker, and the age that of the first unread record', async () => {
    // given a service that may have one change in memory, and a target that answers nothing
    const harness = await openKafkaHarness(brokers);
    const [port = 0] = await freePorts(1);
    harness.group('g');
    harness.sandbox.pauseAt(({ method }) => method === 'GET');
    const service = harness.inside({ ADMIN_PORT: String(port), MAX_PENDING_INTENTS: '1', REQUEST_TIMEOUT_MS: '2000' });
    await service.said('health and metrics are served');
    await harness.send({ group: 'g', add: ['first'] });
    await vi.waitFor(async () => expect((await scrape(port))('rollcall_intake_paused')).toBe(1), waiting);
    // when more is written, of which no batch tells
    const members = Array.from({ length: 50 }, (_, index) => `m${index}`);
    await harness.send(...members.map((member) => ({ group: 'g', add: [member] })));
    const sentAt = Date.now();
    // then
    await vi.waitFor(async () => expect((await scrape(port))('rollcall_lag')).toBe(members.length), waiting);
    const ageOf = async (): Promise<number> => {
      const said = await scrape(port);
      const ages = Array.from({ length: 20 }, (_, n) => said(`rollcall_oldest_unapplied_seconds{partition="${n}"}`));
      return Math.max(...ages.map((age) => age ?? 0));
    };
    await vi.waitFor(async () => expect(await ageOf()).toBeGreaterThan(4), waiting);
    expect(await ageOf()).toBeGreaterThanOrEqual(Math.floor((Date.now() - sentAt) / 1000));
  });

  test('ingest topic answers probes, and is ready when it is a member of its group', async () => {
    const name = uniqueName('health');
    const tools = createLogTools(plaintext(brokers), kafkaHost);
    for (const topic of [name, `${name}.from`, `${name}.dead-letter`])
      await tools.createTopic({ topic, partitionCount: 2, replicationFactor: 1, settings: {} });
    await tools.close();
    const [port = 0] = await freePorts(1);
    const environment = {
      ...shortTimes,
      KAFKA_BROKERS: brokers.join(','),
      SOURCE_TOPIC: name,
      DEAD_LETTER_TOPIC: `${name}.dead-letter`,
      INGEST_FROM_TOPIC: `${name}.from`,
      INGEST_FROM_FORMAT: 'native',
      INGEST_GROUP_ID: name,
      ADMIN_PORT: String(port),
    };
    const service = new ServiceProcess(environment, ['ingest', 'topic']);
    try {
      const ready = async (): Promise<unknown> => (await fetch(`http://127.0.0.1:${port}/readyz`)).json();
      await vi.waitFor(async () => expect(await ready()).toEqual({ ready: true, reasons: [] }), waiting);
      expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
      expect((await scrape(port))('rollcall_ready')).toBe(1);
      service.signal('SIGTERM');
      expect(await service.exited).toBe(0);
    } finally {
      await service.kill();
    }
  });
});
