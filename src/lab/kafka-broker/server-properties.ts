/**
 * The configuration files of a broker in KRaft mode (no ZooKeeper) that is its own controller. Timings are those of a
 * machine where a person waits: no delay for the first rebalance, quick compaction, quick failover.
 * Names: https://kafka.apache.org/documentation/#brokerconfigs
 */
export interface ScramUser {
  readonly name: string;
  readonly password: string;
}

/** TLS and SCRAM on the listeners for clients. Among themselves the brokers speak plaintext on another port: a
 * broker refuses to start with a certificate that it would not trust itself, and such ones are worth trying on clients. */
export interface SaslSsl {
  /** PEM: private key (PKCS#8), certificate and its CA in one file; an absolute path. */
  readonly keystoreFile: string;
  readonly users: readonly ScramUser[];
  /** Further listeners with certificates of their own, by name. */
  readonly others?: Readonly<Record<string, { readonly port: number; readonly keystoreFile: string }>>;
}

export interface NodePorts {
  readonly client: number;
  readonly controller: number;
  /** Between brokers; used only where clients need TLS. */
  readonly internal: number;
}

export interface NodeConfiguration {
  /** From 1; its own entry in `ports` is `ports[nodeId - 1]`. */
  readonly nodeId: number;
  /** Of all nodes. */
  readonly ports: readonly NodePorts[];
  readonly dataDirectory: string;
  readonly security: SaslSsl | undefined;
  /** They replace the ones written here. */
  readonly properties: Readonly<Record<string, string>>;
}

export function serverProperties(node: NodeConfiguration): string {
  const all = {
    ...listenerProperties(node),
    ...replicationProperties(node.ports.length),
    'log.dirs': node.dataDirectory,
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '500',
    'auto.create.topics.enable': 'false',
    'log.cleaner.backoff.ms': '100',
    'log.cleaner.dedupe.buffer.size': '2097152',
    'log.initial.task.delay.ms': '100',
    ...node.properties,
  };
  return `${Object.entries(all)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;
}

function listenerProperties(node: NodeConfiguration): Record<string, string> {
  const own = node.ports[node.nodeId - 1];
  if (own === undefined) throw new RangeError(`node ${node.nodeId} of ${node.ports.length} has no ports`);
  const shared = {
    'process.roles': 'broker,controller',
    'node.id': String(node.nodeId),
    'controller.quorum.voters': node.ports.map((port, i) => `${i + 1}@127.0.0.1:${port.controller}`).join(','),
    'controller.listener.names': 'CONTROLLER',
  };
  const controller = `CONTROLLER://127.0.0.1:${own.controller}`;
  if (node.security === undefined) {
    const client = `PLAINTEXT://127.0.0.1:${own.client}`;
    return {
      ...shared,
      listeners: `${client},${controller}`,
      'advertised.listeners': client,
      'inter.broker.listener.name': 'PLAINTEXT',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    };
  }
  const secured = {
    SASL_SSL: { port: own.client, keystoreFile: node.security.keystoreFile },
    ...node.security.others,
  };
  const addresses = Object.entries(secured).map(([name, { port }]) => `${name}://127.0.0.1:${port}`);
  const clientAndBroker = [...addresses, `INTERNAL://127.0.0.1:${own.internal}`].join(',');
  const protocols = Object.keys(secured).map((name) => `${name}:SASL_SSL`);
  return {
    ...shared,
    listeners: `${clientAndBroker},${controller}`,
    'advertised.listeners': clientAndBroker,
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': [...protocols, 'INTERNAL:PLAINTEXT', 'CONTROLLER:PLAINTEXT'].join(','),
    'sasl.enabled.mechanisms': scramMechanisms.join(','),
    ...Object.fromEntries(
      Object.entries(secured).flatMap(([name, { keystoreFile }]) => securedListener(name.toLowerCase(), keystoreFile)),
    ),
  };
}

const scramMechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

/** @param name in lower case, as Kafka wants it in prefixes. */
function securedListener(name: string, keystoreFile: string): readonly (readonly [string, string])[] {
  const prefix = `listener.name.${name}`;
  const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return [
    ...scramMechanisms.map((mechanism) => [`${prefix}.${mechanism.toLowerCase()}.sasl.jaas.config`, login] as const),
    [`${prefix}.ssl.keystore.type`, 'PEM'],
    [`${prefix}.ssl.keystore.location`, keystoreFile],
  ];
}

function replicationProperties(nodes: number): Record<string, string> {
  const replicas = Math.min(nodes, 3);
  const inSync = replicas === 3 ? 2 : 1;
  return {
    'offsets.topic.replication.factor': String(replicas),
    'default.replication.factor': String(replicas),
    'min.insync.replicas': String(inSync),
    'transaction.state.log.replication.factor': String(replicas),
    'transaction.state.log.min.isr': String(inSync),
    'replica.lag.time.max.ms': '3000',
    // A broker that was killed may register again only when its old session is over (9 s by default).
    'broker.session.timeout.ms': nodes === 1 ? '2000' : '3000',
    'broker.heartbeat.interval.ms': nodes === 1 ? '250' : '500',
  };
}

/** Users exist from the first start on: SCRAM credentials are part of the format. */
export function scramArguments(security: SaslSsl | undefined): readonly string[] {
  if (security === undefined) return [];
  return security.users.flatMap(({ name, password }) =>
    scramMechanisms.flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${name},password=${password}]`]),
  );
}

/** For 3.x; without a configuration the broker prints nothing at all, not even that it has started. */
export const log4jProperties = `log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{HH:mm:ss,SSS} %p %c{1} %m%n
log4j.logger.kafka.server.KafkaRaftServer=INFO
`;

/** For 4.x. */
export const log4j2Properties = `appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{HH:mm:ss,SSS} %p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
logger.started.name=kafka.server.KafkaRaftServer
logger.started.level=INFO
`;
