/** What Kafka does not permit while a service runs: a reason not to be ready until Kafka says that it is permitted again. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AccessWatch } from '../../src/console/access.ts';
import type { Need, Operation, Permitted } from '../../src/core/log/authorization.ts';
import type { PipelineStats } from '../../src/pipeline/stats.ts';
import { ManualClock } from '../support/manual-clock.ts';

const LOOK_MS = 10_000;
const needs: readonly Need[] = [{ kind: 'topic', name: 'retry', operations: ['Read', 'Write'] }];
const connection = { brokers: ['b:9092'], clientId: 'c', ssl: null, sasl: null };
const PERMITTED = 'Kafka permits again what is needed';

let clock: ManualClock;
let lines: string[];
let looks: number;
let permitted: () => Promise<readonly Permitted[]>;
let watch: AccessWatch;

const only =
  (...operations: Operation[]) =>
  async (): Promise<readonly Permitted[]> => [new Set(operations)];
const write = (_: object, message: string): void => void lines.push(message);
const logger = { debug: write, info: write, warn: write, error: write };

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  looks = 0;
  permitted = only('Read', 'Write');
  const tools = {
    permitted: async () => {
      looks += 1;
      return permitted();
    },
    close: async () => undefined,
  };
  watch = new AccessWatch(needs, { tools, connection, clock, logger });
});

afterEach(() => watch.close());

/** Why the service is not ready. */
const obstacles = (): readonly string[] => watch.judge({ ready: true } as PipelineStats)?.obstacles ?? [];

async function look(): Promise<readonly string[]> {
  await clock.advance(LOOK_MS);
  return obstacles();
}

test('what is missing is a reason until it is permitted again', async () => {
  expect(await look()).toEqual([]);
  permitted = only('Read');
  expect(await look()).toEqual([expect.stringContaining('Write')]);
  expect(lines).not.toContain(PERMITTED);
  permitted = only('Read', 'Write');
  expect(await look()).toEqual([]);
  expect(lines).toContain(PERMITTED);
});

test('a question without an answer changes nothing', async () => {
  permitted = only('Read');
  await look();
  permitted = async () => Promise.reject(new Error('no broker'));
  expect(await look()).toHaveLength(1);
  expect(lines).not.toContain(PERMITTED);
  permitted = only('Read', 'Write');
  expect(await look()).toEqual([]);
});

test('brokers that tell nothing of it are no reason', async () => {
  permitted = async () => [null];
  expect(await look()).toEqual([]);
});

test('nothing is asked for after the end, also where a question was on its way', async () => {
  let answer = (): void => undefined;
  permitted = () => new Promise((resolve) => (answer = () => resolve([new Set()])));
  await clock.advance(LOOK_MS);
  await watch.close();
  answer();
  await clock.advance(10 * LOOK_MS);
  expect([looks, clock.scheduledCount]).toEqual([1, 0]);
});
