/** The options of the Kafka adapter; limits and defaults of each value: config/kafka.ts. Durations in ms. */
import type { Clock, InputTopic, Logger } from '../../ports.ts';

export type KafkaSasl =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: 'oauthbearer';
      /** A token that is valid now; asked at every new connection. */
      readonly token: () => Promise<string>;
    };

export interface KafkaConnectionOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** null: plaintext. `caPem` null: the authorities that Node trusts. */
  readonly ssl: { readonly caPem: string | null } | null;
  readonly sasl: KafkaSasl | null;
}

/** Of a consumer in a group. */
export interface KafkaGroupOptions extends KafkaConnectionOptions {
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
}

export interface KafkaLogOptions extends KafkaGroupOptions {
  readonly topics: Readonly<Record<InputTopic, string>>;
}

export interface KafkaHost {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A topic that is read in order to be passed on. */
export interface KafkaRelayOptions extends KafkaGroupOptions {
  readonly topic: string;
  /** How far before what was committed reading begins. */
  readonly lookBackMs: number;
}
