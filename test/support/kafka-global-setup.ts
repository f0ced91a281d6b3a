/** Starts the brokers that the Kafka tests share, once per run of vitest; see kafka-on-hand.ts. */
import type { TestProject } from 'vitest/node';
import { findKafka, testHost } from './kafka-on-hand.ts';

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stop, shared, startable } = await findKafka(process.env, testHost);
  project.provide('kafka', { shared, startable });
  return stop;
}
