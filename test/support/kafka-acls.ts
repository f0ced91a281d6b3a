/** A broker that authorizes its users (SASL PLAIN, StandardAuthorizer), and Kafka's own tools to change what they may do. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import kafkajs, { type AclEntry, type Admin } from 'kafkajs';
import { fetchKafka } from '../../src/lab/kafka-broker/fetch.ts';
import type { KafkaVersion } from '../../src/lab/kafka-broker/fetch.ts';
import { startBroker } from '../../src/lab/kafka-broker/start.ts';
import { testHost } from './kafka-on-hand.ts';

export const user = { name: 'rollcall', password: 'rollcall-secret' } as const;
const administrator = { name: 'admin', password: 'admin-secret' } as const;

const login = (...users: readonly { readonly name: string; readonly password: string }[]): string =>
  `org.apache.kafka.common.security.plain.PlainLoginModule required username="${administrator.name}" ` +
  `password="${administrator.password}" ${users.map(({ name, password }) => `user_${name}="${password}"`).join(' ')};`;

const properties: Readonly<Record<string, string>> = {
  // The listener keeps its name.
  'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'listener.name.plaintext.plain.sasl.jaas.config': login(administrator, user),
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  // The controller's listener has no users.
  'super.users': `User:${administrator.name};User:ANONYMOUS`,
};

export interface AuthorizingBroker {
  readonly brokers: readonly string[];
  /** As a super user. */
  readonly admin: Admin;
  /** Runs a command as a shell would, with the tools on its path and the administrator's credentials. */
  shell(command: string): Promise<string>;
  stop(): Promise<void>;
}

/** @param others `allow.everyone.if.no.acl.found` and the like. */
export async function startAuthorizingBroker(
  version: KafkaVersion,
  others: Readonly<Record<string, string>> = {},
): Promise<AuthorizingBroker> {
  const broker = await startBroker({ version, properties: { ...properties, ...others } }, testHost);
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-acls-'));
  const tools = await writeTools(folder);
  const kafka = new kafkajs.Kafka({
    brokers: [...broker.brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    sasl: { mechanism: 'plain', username: administrator.name, password: administrator.password },
  });
  const admin = kafka.admin();
  await admin.connect();
  return {
    brokers: broker.brokers,
    admin,
    shell: async (command) => {
      const { PATH = '' } = process.env;
      const env = { ...process.env, PATH: `${tools}:${PATH}`, KAFKA_BROKERS: broker.brokers.join(',') };
      const { stdout } = await promisify(execFile)('sh', ['-c', command], { env });
      return stdout;
    },
    stop: async () => {
      await admin.disconnect();
      await broker.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The class of each script; that of the ACLs is among the jars of this release, and speaks with newer brokers. */
const scripts = { 'kafka-acls.sh': 'kafka.admin.AclCommand', 'kafka-configs.sh': 'kafka.admin.ConfigCommand' } as const;

async function writeTools(folder: string): Promise<string> {
  const lib = await fetchKafka('3.9.1', testHost);
  const tools = join(folder, 'bin');
  await mkdir(tools);
  const credentials = join(folder, 'admin.properties');
  await writeFile(credentials, `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config=${login()}\n`);
  for (const [name, main] of Object.entries(scripts)) {
    const java = `java -XX:TieredStopAtLevel=1 -cp '${lib}/*' ${main} "$@" --command-config ${credentials}`;
    await writeFile(join(tools, name), `#!/bin/sh\nexec ${java}\n`);
    await chmod(join(tools, name), 0o755);
  }
  return tools;
}

type Operation = 'READ' | 'WRITE' | 'DESCRIBE' | 'DESCRIBE_CONFIGS' | 'ALL';

export interface Rule {
  readonly kind: 'TOPIC' | 'GROUP';
  readonly name: string;
  readonly operations: readonly Operation[];
  /** Default: `LITERAL`, `ALLOW`, the user of Rollcall. */
  readonly pattern?: 'PREFIXED';
  readonly permission?: 'DENY';
  readonly principal?: string;
}

/** As the brokers have it. */
const entriesOf = ({ kind, name, operations, pattern, permission, principal }: Rule): AclEntry[] =>
  operations.map((operation) => ({
    resourceType: kafkajs.AclResourceTypes[kind],
    resourceName: name,
    resourcePatternType: kafkajs.ResourcePatternTypes[pattern ?? 'LITERAL'],
    principal: principal ?? `User:${user.name}`,
    host: '*',
    operation: kafkajs.AclOperationTypes[operation],
    permissionType: kafkajs.AclPermissionTypes[permission ?? 'ALLOW'],
  }));

export const grant = ({ admin }: AuthorizingBroker, rules: readonly Rule[]): Promise<boolean> =>
  admin.createAcls({ acl: rules.flatMap(entriesOf) });

export const revoke = async ({ admin }: AuthorizingBroker, rules: readonly Rule[]): Promise<void> => {
  await admin.deleteAcls({ filters: rules.flatMap(entriesOf) });
};

/** All of them, of all users. */
export const forgetRules = async ({ admin }: AuthorizingBroker): Promise<void> => {
  const { AclResourceTypes, ResourcePatternTypes, AclOperationTypes, AclPermissionTypes } = kafkajs;
  const any = {
    resourceType: AclResourceTypes.ANY,
    resourcePatternType: ResourcePatternTypes.ANY,
    operation: AclOperationTypes.ANY,
    permissionType: AclPermissionTypes.ANY,
  };
  await admin.deleteAcls({ filters: [any] });
};
