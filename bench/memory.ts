/**
 * Resident memory of `rollcall run` with 200,000 changes pending, and how fast it reads them from Kafka. Every change is
 * for another member, and the target is down, so that nothing folds and nothing leaves.
 */
import { commandLog, createTopics, readText } from '../src/console/kafka-tools.ts';
import { kafkaCacheDirectory } from '../src/lab/kafka-broker/fetch.ts';
import { startBroker } from '../src/lab/kafka-broker/start.ts';
import { createLogTools } from '../src/adapters/kafka/tools.ts';
import { pause } from '../src/time.ts';
import { readConfig } from '../src/config/config.ts';
import type { LogTools } from '../src/ports.ts';
import { startSandbox } from '../src/lab/sandbox/sandbox.ts';
import { printEnvironment } from '../src/lab/sandbox/server.ts';
import type { Figure } from './figure.ts';
import { RunProcess } from './run-process.ts';
import { context, sendEvents } from './service.ts';

const EVENTS = 200_000;
const GROUPS = 500;
const PARTITIONS = 6;
const BOUND_MIB = 250;

/** @throws KafkaSetupError where there is no Kafka. */
export async function measureMemory(): Promise<readonly Figure[]> {
  if (process.platform !== 'linux') {
    process.stderr.write('!!! SKIPPED: memory, which only Linux tells in /proc\n');
    return [];
  }
  const logger = { info: (_: object, message: string) => void process.stderr.write(`${message}\n`) };
  const cacheDirectory = kafkaCacheDirectory(process.env);
  const broker = await startBroker({ version: '4.2.0' }, { cacheDirectory, logger, timer: context.clock });
  const sandbox = await startSandbox();
  try {
    await sandbox.goDown();
    return await measureRun({
      ...Object.fromEntries(
        printEnvironment(sandbox)
          .trim()
          .split('\n')
          .map((line) => line.split('=')),
      ),
      KAFKA_BROKERS: broker.brokers.join(','),
    });
  } finally {
    await sandbox.stop();
    await broker.stop();
  }
}

async function measureRun(environment: Readonly<Record<string, string>>): Promise<readonly Figure[]> {
  const config = readConfig(environment, ['kafka', 'topics'], readText);
  const tools = createLogTools(config.kafka, { clock: context.clock, logger: commandLog(context, config) });
  try {
    await createTopics(config.topics, tools, { partitionCount: PARTITIONS, replicationFactor: -1 });
    await sendBacklog(tools, config.topics.source);
  } finally {
    await tools.close();
  }
  const run = await RunProcess.start(environment);
  try {
    const recordsPerSecond = await readAll(run);
    await pause(context.clock, SETTLE_MS);
    const { peak, resident } = await run.memoryMib();
    const name = (what: string) => `memory with ${EVENTS.toLocaleString('en')} changes pending, ${what}`;
    return [
      { name: name('at its peak'), value: peak, unit: 'MiB', digits: 0, bound: BOUND_MIB },
      { name: name('afterwards'), value: resident, unit: 'MiB', digits: 0, bound: BOUND_MIB },
      { name: 'intake from Kafka', value: recordsPerSecond, unit: 'records/s', digits: 0, bound: null },
    ];
  } finally {
    await run.stop();
  }
}

const EVENTS_PER_SEND = 2_000;

/** Ids as long as the target's, a single addition per event. */
async function sendBacklog(tools: LogTools, topic: string): Promise<void> {
  const groups = Array.from({ length: GROUPS }, () => context.random.uuid());
  for (let from = 0; from < EVENTS; from += EVENTS_PER_SEND) {
    const events = Array.from({ length: EVENTS_PER_SEND }, (_, index) => {
      const group = groups[(from + index) % GROUPS] ?? '';
      const change = { group_id: group, add_members: [context.random.uuid()], remove_members: [] };
      return { group, value: JSON.stringify({ ...change, event_id: context.random.uuid() }) };
    });
    await sendEvents(tools, topic, events);
  }
}

const LOOK_MS = 100;
/** Probes, sweeps and the last garbage have had their time. */
const SETTLE_MS = 5_000;
const LIMIT_MS = 180_000;

/** Until everything is pending; returns records per second from the first record on. */
async function readAll(run: RunProcess): Promise<number> {
  const { clock } = context;
  const deadline = clock.now().monotonic + LIMIT_MS;
  let first: { readonly at: number; readonly pending: number } | null = null;
  while (clock.now().monotonic < deadline) {
    const pending = await run.pending();
    const at = clock.now().monotonic;
    if (first === null && pending > 0) first = { at, pending };
    else if (first !== null && pending >= EVENTS) return ((pending - first.pending) * 1000) / (at - first.at);
    await pause(clock, LOOK_MS);
  }
  throw new Error(`the backlog was not read within ${LIMIT_MS / 1000} s; the end of the log:\n${run.tail()}`);
}
