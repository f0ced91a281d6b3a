/**
 * What Kafka permits the user that a command connects as: judged before anything else, and looked at from time to time
 * while a service runs; what is missing then is a reason not to be ready.
 */
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import type { KafkaConnectionOptions, KafkaHost } from '../adapters/kafka/options.ts';
import { createLogTools, type KafkaLogTools } from '../adapters/kafka/tools.ts';
import { logLasting } from '../adapters/lasting-lines.ts';
import { withObstacles } from '../admin/readiness.ts';
import type { Config, Parts } from '../config/config.ts';
import {
  accessFinding,
  creatingTopic,
  missingOf,
  needsOfDrift,
  needsOfRun,
  type AccessFinding,
  type Client,
  type Need,
  whileRunning,
} from '../core/log/authorization.ts';
import { jsonIn } from '../core/text/json.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { PipelineStats } from '../pipeline/stats.ts';
import type { Clock, LogTools, Logger } from '../ports.ts';

/** Of `run`. @param parts null: that part of the configuration has a problem */
export function needsOfService(
  { kafka, topics }: Config<'kafka' | 'topics'>,
  parts: { readonly ids: Parts['ids'] | null; readonly drift: Parts['drift'] | null },
): readonly Need[] {
  const source = parts.ids?.source;
  const needs = needsOfRun(topics, kafka.groupId, source?.kind === 'topic' ? source.topic : null);
  return parts.drift === null || parts.drift.everyMs === null ? needs : [...needs, ...needsOfDrift(topics)];
}

type Asked = Pick<KafkaLogTools, 'permitted'>;

/** null: the brokers tell nothing of it. @throws what Kafka throws */
export async function accessFindings(
  needs: readonly Need[],
  tools: Asked,
  connection: KafkaConnectionOptions,
): Promise<readonly AccessFinding[] | null> {
  const permitted = await tools.permitted(needs);
  if (permitted.every((operations) => operations === null)) return null;
  const client = await clientOf(connection);
  return missingOf(needs, permitted).map((need) => accessFinding(need, client));
}

/** @throws ExitError (78) that names each missing operation with its remedy */
export async function demandAccess(
  needs: readonly Need[],
  tools: Asked,
  connection: KafkaConnectionOptions,
): Promise<void> {
  const findings = (await accessFindings(needs, tools, connection)) ?? [];
  if (findings.length > 0) throw notPermitted(findings);
}

function notPermitted(findings: readonly AccessFinding[], options: ErrorOptions = {}): ExitError {
  return new ExitError(EXIT.configuration, `Kafka does not permit what is needed:\n${withRemedies(findings)}`, options);
}

/** Each finding on a line, and its remedy below it. */
export const withRemedies = (findings: readonly { readonly message: string; readonly remedy: string }[]): string =>
  findings.map(({ message, remedy }) => `${message}\n  ${remedy.replaceAll('\n', '\n  ')}`).join('\n');

/** As `createTopic` of the tools. @throws ExitError (78) that names what is missing with its remedy, since no question tells it */
export async function createPermitted(
  specification: Parameters<LogTools['createTopic']>[0],
  tools: Pick<LogTools, 'createTopic'>,
  connection: KafkaConnectionOptions,
): ReturnType<LogTools['createTopic']> {
  try {
    return await tools.createTopic(specification);
  } catch (error) {
    if (explainKafkaError(error).code !== 'not_authorized') throw error;
    const finding = accessFinding(creatingTopic(specification.topic), await clientOf(connection));
    throw notPermitted([finding], { cause: error });
  }
}

/** Of what one command needs. */
export interface KafkaAccess {
  /** @throws ExitError (78) that names each missing operation with its remedy */
  demand(): Promise<void>;
  diagnosed(error: unknown): Promise<unknown>;
}

export const kafkaAccess = (
  needs: readonly Need[],
  tools: Pick<KafkaLogTools, 'permitted' | 'diagnosed'>,
  connection: KafkaConnectionOptions,
): KafkaAccess => ({
  demand: () => demandAccess(needs, tools, connection),
  diagnosed: (error) => tools.diagnosed(error),
});

/** As the authorizer of the brokers names it by default. */
async function clientOf({ brokers, sasl }: KafkaConnectionOptions): Promise<Client> {
  if (sasl === null) return { brokers, user: 'ANONYMOUS' };
  return { brokers, user: sasl.mechanism === 'oauthbearer' ? await subjectOf(sasl.token) : sasl.username };
}

/** The claim that the brokers take the name from (sasl.oauthbearer.sub.claim.name); null: the token is none of JSON. */
async function subjectOf(token: () => Promise<string>): Promise<string | null> {
  const [, payload = ''] = (await token().catch(() => '')).split('.');
  const claims = jsonIn(Buffer.from(payload, 'base64url').toString());
  const subject = typeof claims === 'object' && claims !== null && 'sub' in claims ? claims.sub : null;
  return typeof subject === 'string' ? subject : null;
}

const POLL_INTERVAL_MS = 10_000;

interface Dependencies {
  readonly tools: Pick<KafkaLogTools, 'permitted' | 'close'>;
  readonly connection: KafkaConnectionOptions;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class AccessWatch {
  readonly #needs: readonly Need[];
  readonly #around: Dependencies;
  #missing: readonly AccessFinding[] = [];
  #isClosed = false;
  #cancel: () => void = () => undefined;

  /** With connections of its own. */
  static open(needs: readonly Need[], connection: KafkaConnectionOptions, host: KafkaHost): AccessWatch {
    return new AccessWatch(needs, { ...host, connection, tools: createLogTools(connection, host) });
  }

  constructor(needs: readonly Need[], around: Dependencies) {
    this.#needs = whileRunning(needs);
    this.#around = around;
    this.#lookLater();
  }

  /** The statistics of the pipeline, with what is not permitted. */
  judge(stats: PipelineStats | null): PipelineStats | null {
    const reasons = this.#missing.map(({ message, remedy }) => `${message} ${remedy.replaceAll('\n', ' ')}`);
    return stats === null ? null : withObstacles(stats, reasons);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    return this.#around.tools.close();
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#around.clock.schedule(POLL_INTERVAL_MS, () => {
      void this.#look().finally(() => this.#lookLater());
    });
  }

  /** An unanswered question changes nothing: that the brokers are away is said elsewhere. */
  async #look(): Promise<void> {
    const { tools, connection } = this.#around;
    try {
      this.#take((await accessFindings(this.#needs, tools, connection)) ?? []);
    } catch {
      return;
    }
  }

  #take(missing: readonly AccessFinding[]): void {
    const { clock, logger } = this.#around;
    if (missing.length === 0 && this.#missing.length > 0) logger.info({}, 'Kafka permits again what is needed');
    this.#missing = missing;
    for (const { resource, message, remedy } of missing) {
      const fields = { [resource.kind]: resource.name, problem: message, remedy };
      const line = { fields, message: 'Kafka does not permit what is needed' };
      logLasting({ clock, logger }, { level: 'warn', cause: message, ...line });
    }
  }
}
