/** What a peer is to do, from the environment alone. */

export interface KafkaSettings {
  readonly brokers: readonly string[];
  readonly sourceTopic: string;
  readonly groupId: string;
}

export interface TargetSettings {
  readonly apiUrl: string;
  readonly loginUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Connections, and so requests in flight at most. */
  readonly concurrency: number;
}

export const kafkaSettings = (): KafkaSettings => ({
  brokers: required('KAFKA_BROKERS').split(','),
  sourceTopic: required('SOURCE_TOPIC'),
  groupId: required('KAFKA_GROUP_ID'),
});

export const targetSettings = (): TargetSettings => ({
  apiUrl: required('GENESYS_API_URL'),
  loginUrl: required('GENESYS_LOGIN_URL'),
  clientId: required('GENESYS_CLIENT_ID'),
  clientSecret: required('GENESYS_CLIENT_SECRET'),
  concurrency: Number(process.env['CONCURRENCY'] ?? 20),
});

export function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`${name} is not set`);
  return value;
}
