/** Rollcall on a broker with TLS and SCRAM, trusted with secrets, and everything that leaves it. */
import { createTopics, readText } from '../../src/console/kafka-tools.ts';
import type { Command } from 'commander';
import { vi } from 'vitest';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { readConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/problem.ts';
import type { CommandContext } from '../../src/console/command-context.ts';
import { EXIT, ExitError, type ExitCode } from '../../src/exit-codes.ts';
import { demoTopics } from '../../src/lab/demo/service.ts';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { uniqueName } from './broker.ts';
import { aContext, type TestContext } from './command-context.ts';
import { kafkaHost } from './kafka-log-harness.ts';
import { basicOf, type Secrets } from './secrets.ts';
import { ServiceProcess, shortTimes, type Environment } from './service.ts';

export const clientId = 'the-client';
export const clientSecret = 'client-secret_.~3';
export const adminToken = 'admin-token/+%"4';
export const wrong = {
  password: 'wrong-kafka-password',
  clientSecret: 'wrong-client-secret',
  adminToken: 'wrong-admin-token',
} as const;

/** Those that are tried in vain too: they are mostly the right ones of elsewhere. */
export const givenSecrets: Secrets = {
  'client secret': clientSecret,
  'Basic credentials': basicOf(clientId, clientSecret),
  'wrong client secret': wrong.clientSecret,
  'wrong Basic credentials': basicOf(clientId, wrong.clientSecret),
  'admin token': adminToken,
  'wrong admin token': wrong.adminToken,
  'wrong Kafka password': wrong.password,
};

/** Topics and an admin port of its own. */
export async function aSecretsHarness(kafka: Environment, target: { readonly url: string }): Promise<SecretsHarness> {
  const [port = 0] = await freePorts(1);
  return new SecretsHarness(kafka, target.url, port);
}

export class SecretsHarness {
  readonly topics = demoTopics(uniqueName('secrets'));
  readonly adminUrl: string;
  readonly environment: Environment;

  constructor(kafka: Environment, targetUrl: string, port: number) {
    const { source, retry, deadLetter, report } = this.topics;
    this.adminUrl = `http://127.0.0.1:${port}`;
    this.environment = {
      ...shortTimes,
      ...kafka,
      KAFKA_GROUP_ID: source,
      SOURCE_TOPIC: source,
      RETRY_TOPIC: retry,
      DEAD_LETTER_TOPIC: deadLetter,
      REPORT_TOPIC: report,
      GENESYS_API_URL: targetUrl,
      GENESYS_LOGIN_URL: targetUrl,
      GENESYS_CLIENT_ID: clientId,
      GENESYS_CLIENT_SECRET: clientSecret,
      RETRY_MAX_ATTEMPTS: '2',
      ADMIN_PORT: String(port),
      ADMIN_TOKEN: adminToken,
      // There is no more talkative level.
      LOG_LEVEL: 'debug',
    };
  }

  /** With one partition each, and one change for each group. */
  async fill(...groups: readonly string[]): Promise<void> {
    const tools = this.#tools();
    await createTopics(this.topics, tools, { partitionCount: 1, replicationFactor: 1 });
    await tools.close();
    await this.send(...groups);
  }

  async send(...groups: readonly string[]): Promise<void> {
    const tools = this.#tools();
    const topic = this.topics.source;
    await tools.send(
      groups.map((group) => ({ topic, partition: null, key: group, value: changeOf(group), headers: [] })),
    );
    await tools.close();
  }

  /** Resolves when the metrics hold the line. */
  async counted(line: string): Promise<void> {
    const look = async (): Promise<void> => {
      const headers = { authorization: `Bearer ${adminToken}` };
      const text = await (await fetch(`${this.adminUrl}/metrics`, { headers })).text();
      if (!text.includes(line)) throw new Error(`no ${line} in\n${text}`);
    };
    await vi.waitFor(look, { timeout: 30_000, interval: 50 });
  }

  /** Everything that the admin server says: each page, and what is none, to the right, a wrong and no token. */
  async served(): Promise<string> {
    const said: string[] = [];
    for (const token of ['', adminToken, wrong.adminToken]) {
      const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
      for (const path of ['/healthz', '/readyz', '/metrics', `/nothing?token=${encodeURIComponent(token)}`]) {
        for (const method of ['GET', 'POST']) {
          const response = await fetch(this.adminUrl + path, { method, headers });
          said.push(`${response.status} ${JSON.stringify([...response.headers])}\n${await response.text()}`);
        }
      }
    }
    return said.join('\n');
  }

  /** Every key, value and header of all four topics. */
  async written(): Promise<string> {
    const tools = this.#tools();
    const texts: string[] = [];
    for (const topic of Object.values(this.topics)) {
      const options = { from: 'beginning', follow: false, signal: new AbortController().signal } as const;
      for await (const { key, value, headers } of tools.read(topic, options)) {
        const bytes = [key, value, ...headers.flat()].map((part) => Buffer.from(part ?? []));
        texts.push(...bytes.map(String));
      }
    }
    await tools.close();
    return texts.join('\n');
  }

  /** `rollcall run` while `course` lasts: what it has printed, written and served by then. */
  async run(course: (service: ServiceProcess) => Promise<void>, changes: Environment = {}): Promise<string> {
    const service = new ServiceProcess({ ...this.environment, ...changes });
    try {
      await Promise.race([course(service), service.broken]);
      const served = await this.served();
      service.signal('SIGTERM');
      const code = await service.exited;
      if (code !== EXIT.done) throw new Error(`ended with ${code}`);
      return [service.printed, served, await this.written()].join('\n');
    } catch (error) {
      throw new Error(service.printed, { cause: error });
    } finally {
      await service.kill();
    }
  }

  /** A command inside the test: what it prints, and what its error would make the program print. */
  async command(
    make: (context: CommandContext) => Command,
    args: readonly string[],
    changes: Environment = {},
  ): Promise<CommandRun> {
    const context = aContext({ environment: { ...this.environment, ...changes }, stdin: changeOf('g') });
    // `apply` would wait a minute for the target to recover.
    context.stderr.on('data', (chunk: Buffer) => {
      if (chunk.includes('breaker opened')) context.ask();
    });
    const end = await make(context)
      .parseAsync(args, { from: 'user' })
      .then(() => null, endOf);
    return { code: end?.code ?? context.exitCode(), printed: printedBy(context) + (end?.message ?? '') };
  }

  #tools() {
    return createLogTools(readConfig(this.environment, ['kafka'], readText).kafka, kafkaHost);
  }
}

export interface CommandRun {
  readonly code: ExitCode | null;
  readonly printed: string;
}

const changeOf = (group: string): string => JSON.stringify({ group_id: group, add_members: [`member-of-${group}`] });

const printedBy = (context: TestContext): string => `${context.out()}\n${context.err()}\n`;

function endOf(error: unknown): { readonly code: ExitCode; readonly message: string } {
  if (error instanceof ExitError) return error;
  if (error instanceof ConfigError) return { code: EXIT.configuration, message: error.message };
  throw error;
}
