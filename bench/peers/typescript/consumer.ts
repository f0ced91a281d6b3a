/** A consumer of kafkajs that reads the source topic from its beginning until SIGTERM. */
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type ConsumerRunConfig, type Kafka } from 'kafkajs';
import type { MemberChanges } from './groups.ts';
import type { KafkaSettings } from './settings.ts';

const STOP_LIMIT_MS = 10_000;

export const openKafka = ({ brokers }: KafkaSettings): Kafka =>
  new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.WARN });

export interface Intake {
  readonly kafka: Kafka;
  readonly settings: KafkaSettings;
  readonly handlers: ConsumerRunConfig;
}

/** At SIGTERM what is under way may end within a limit, the group is left, and the process exits with 0. */
export async function consume({ kafka, settings, handlers }: Intake): Promise<void> {
  // The wait of a fetch bounds how quickly the consumer stops and joins.
  const consumer = kafka.consumer({ groupId: settings.groupId, maxWaitTimeInMs: 500 });
  consumer.on('consumer.crash', ({ payload }) => {
    if (!payload.restart) process.exit(1);
  });
  process.once('SIGTERM', () => {
    void Promise.race([consumer.disconnect(), sleep(STOP_LIMIT_MS)]).finally(() => process.exit(0));
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [settings.sourceTopic], fromBeginning: true });
  await consumer.run(handlers);
}

const HEARTBEAT_LOOK_MS = 1_000;

/**
 * Heartbeats while the work runs, since kafkajs sends none during a handler.
 * @param work asks whether the session is lost before it starts something more.
 * @throws the error of the heartbeat that failed, after the work has ended.
 */
export async function whileBeating(
  heartbeat: () => Promise<void>,
  work: (isLost: () => boolean) => Promise<void>,
): Promise<void> {
  let failure: Error | null = null;
  const timer = setInterval(() => {
    heartbeat().catch((error: Error) => {
      failure = error;
    });
  }, HEARTBEAT_LOOK_MS);
  try {
    await work(() => failure !== null);
  } finally {
    clearInterval(timer);
  }
  if (failure !== null) throw failure as Error;
}

export interface ChangeEvent {
  readonly event_id: string;
  readonly group_id: string;
  readonly add_members: readonly string[];
  readonly remove_members: readonly string[];
}

/** null: a tombstone, or no change event; the latter is logged. */
export function readEvent(value: Buffer | null): ChangeEvent | null {
  if (value === null) return null;
  try {
    const event = JSON.parse(value.toString()) as Partial<ChangeEvent>;
    const { event_id = '', group_id, add_members, remove_members } = event;
    if (typeof group_id !== 'string' || group_id === '') throw new Error('no group_id');
    return { event_id, group_id, add_members: add_members ?? [], remove_members: remove_members ?? [] };
  } catch (error) {
    console.error(`a record that is no change event is skipped: ${String(error)}`);
    return null;
  }
}

/** A member in both lists is removed. */
export const changesOf = ({ add_members, remove_members }: ChangeEvent): MemberChanges =>
  new Map([...add_members.map((id) => [id, true] as const), ...remove_members.map((id) => [id, false] as const)]);
