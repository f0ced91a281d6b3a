/**
 * What a broker answers to a produce request, partition by partition. kafkajs 2.2.4 throws the first error of an answer and
 * drops the rest (kafkajs.md 7.4), sends everything again, and what was written is written again: so its answer is let through,
 * and judged here.
 */
import { createRequire } from 'node:module';

interface Response {
  parse(data: unknown): Promise<unknown>;
}

export interface ProduceError extends Error {
  /** Kafka's name for it. */
  readonly type: string;
  readonly retriable: boolean;
}

const load = createRequire(import.meta.url);
const VERSIONS = [0, 1, 2, 3, 4, 5, 6, 7];

/** Of the protocol. */
export const LEADER_NOT_AVAILABLE = 5;

/** For the whole process; doing it again changes nothing. */
export function keepProduceResults(): void {
  for (const version of VERSIONS) {
    const response = load(`kafkajs/src/protocol/requests/produce/v${version}/response`) as Response;
    response.parse = passOn;
  }
}

const passOn = async (data: unknown): Promise<unknown> => data;

/** null: written. The message begins with the name that Kafka has for the error. */
export function produceError(code: number): ProduceError | null {
  if (code === 0) return null;
  const { createErrorFromCode } = load('kafkajs/src/protocol/error') as {
    createErrorFromCode(code: number): ProduceError;
  };
  const error = createErrorFromCode(code);
  error.message = `${error.type}: ${error.message}`;
  return error;
}

/** The leader is elsewhere by now: the metadata is to be read again. */
export const isStale = ({ type }: ProduceError): boolean =>
  ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION', 'REPLICA_NOT_AVAILABLE'].includes(
    type,
  );

export const isTooLarge = ({ type }: ProduceError): boolean =>
  type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE';

/** Of one record, for which the broker refuses its batch. */
export const isRefusal = ({ type }: ProduceError): boolean => type === 'INVALID_RECORD' || type === 'INVALID_TIMESTAMP';
