/** What Kafka permits the user that a command connects as: judged before anything else, and watched while a service runs. */
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import type { KafkaConnectionOptions } from '../adapters/kafka/options.ts';
import type { KafkaLogTools } from '../adapters/kafka/tools.ts';
import {
  accessFinding,
  type AccessFinding,
  type Client,
  creatingTopic,
  missingOf,
  type Need,
} from '../core/authorization.ts';
import { jsonIn } from '../core/json.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { LogTools } from '../ports.ts';

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
  const lines = findings.map(({ message, mend }) => `${message}\n  ${mend.replaceAll('\n', '\n  ')}`);
  return new ExitError(EXIT.configuration, `Kafka does not permit what is needed:\n${lines.join('\n')}`, options);
}

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
export async function clientOf({ brokers, sasl }: KafkaConnectionOptions): Promise<Client> {
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
