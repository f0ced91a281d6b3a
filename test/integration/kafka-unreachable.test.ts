// Brokers that cannot be reached: which address is named, and how often the log says so.
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import type { Finding } from '../../src/console/doctor-checks.ts';
import { examine } from '../../src/commands/doctor.ts';
import { topicsCommand } from '../../src/commands/topics.ts';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { type Broker, startBroker } from '../../src/lab/kafka-broker/start.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { describeOwnKafka, namesOfService, testHost, uniqueName } from '../support/broker.ts';
import { aContext } from '../support/command-context.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { ServiceInside, shortTimes } from '../support/service.ts';

/** What does not depend on the version, and takes long, is tried on one. */
const oneVersion = inject('kafka').startable.at(-1);

describeOwnKafka('brokers that cannot be reached', (version) => {
  let sandbox: Sandbox;
  let broker: Broker | undefined;
  let service: ServiceInside | undefined;

  beforeEach(async () => {
    sandbox = await startSandbox({ users: 'any' });
  });

  afterEach(async () => {
    await service?.stop().catch(() => undefined);
    await Promise.all([sandbox.stop(), broker?.stop()]);
    broker = service = undefined;
  });

  const environment = (brokers: readonly string[]): Record<string, string> => {
    const name = uniqueName('unreachable');
    return {
      ...environmentOf(sandbox),
      ...shortTimes,
      KAFKA_BROKERS: brokers.join(','),
      ...namesOfService(name),
    };
  };

  test('an advertised address is named with its broker, not KAFKA_BROKERS', async () => {
    // Together, so that no two are the same. The broker itself uses another listener, so that it can live with what it advertises.
    const [port = 0, nowhere = 0, internal = 0, controller = 0] = await freePorts(4);
    const properties = {
      'inter.broker.listener.name': 'INTERNAL',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${nowhere},INTERNAL://127.0.0.1:${internal}`,
    };
    const listeners = `PLAINTEXT://127.0.0.1:${port},INTERNAL://127.0.0.1:${internal}`;
    broker = await startBroker(
      {
        version,
        port,
        properties: {
          ...properties,
          listeners: `${listeners},CONTROLLER://127.0.0.1:${controller}`,
          'controller.quorum.voters': `1@127.0.0.1:${controller}`,
        },
      },
      testHost,
    );
    const settings = environment(broker.brokers);
    const context = aContext({ environment: settings });
    expect(await examine({ json: true }, context)).toBe(EXIT.unavailable);
    const { findings } = JSON.parse(context.out()) as { findings: readonly Finding[] };
    const said = `broker 1 advertises 127.0.0.1:${nowhere}, which cannot be reached from here`;
    expect(findings.filter(({ check }) => check === 'brokers')).toMatchObject([
      {
        status: 'fail',
        message: expect.stringContaining(said),
        advice: expect.stringContaining('advertised.listeners'),
      },
    ]);
    service = new ServiceInside(settings);
    await service.said('Kafka cannot be reached, trying again');
    expect(service.linesOf('Kafka cannot be reached, trying again')[0]?.['message']).toContain(said);
  });

  test.runIf(version === oneVersion)('while a broker is away each cause has one line a minute', async () => {
    broker = await startBroker({ version }, testHost);
    const settings = environment(broker.brokers);
    await topicsCommand(aContext({ environment: settings })).parseAsync(['create'], { from: 'user' });
    service = new ServiceInside(settings);
    await service.said('rollcall runs');
    await service.said('partition caught up', { count: 6 });
    const before = service.lines.length;
    await broker.kill();
    await service.said('Kafka cannot be consumed, trying again');
    // Connections are tried several times a second by all clients.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const said = service.lines.slice(before).filter(({ msg }) => msg !== 'partition lost');
    const causes = said.map(({ msg, detail = '', error = '' }) => `${msg}: ${String(detail)}${String(error)}`);
    expect(causes).toEqual([...new Set(causes)]);
    expect(causes.length, causes.join('\n')).toBeLessThanOrEqual(6);
    await broker.restart();
    await service.said('partition caught up', { count: 12 });
  });

  test('doctor says nothing of the records of a topic that is missing', async () => {
    broker = await startBroker({ version }, testHost);
    const context = aContext({ environment: environment(broker.brokers) });
    expect(await examine({ json: true }, context)).toBe(EXIT.unavailable);
    const { findings } = JSON.parse(context.out()) as { findings: readonly Finding[] };
    expect(findings.filter(({ check }) => check === 'records')).toEqual([]);
    expect(findings.filter(({ check }) => check === 'topics').map(({ status }) => status)).toEqual(
      Array(4).fill('fail'),
    );
  });
});
