/** Opens the log tools of Kafka for one command, and turns what Kafka refuses into an exit code with its mend. */
import { readFileSync } from 'node:fs';
import { explainKafkaError, type KafkaFault } from '../adapters/kafka/errors.ts';
import { createLogTools, type KafkaLogTools } from '../adapters/kafka/tools.ts';
import { createLog, type LogOptions } from '../adapters/log.ts';
import { readConfig, type Config } from '../config.ts';
import type { Part } from '../config/variable.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { Logger } from '../ports.ts';
import { type Host, unlessStopped } from './host.ts';

type Logging = Pick<Config<never>, 'logLevel' | 'secrets'>;

/** A command's own log is quiet unless it is asked for: what matters is its output and its error. */
export const commandLog = (host: Host, config: Logging): Logger =>
  logOf(host, config, host.environment['LOG_LEVEL'] ? config.logLevel : 'silent');

/** Of a service; its log is all that it says. */
export const serviceLog = (host: Host, config: Logging): Logger => logOf(host, config, config.logLevel);

function logOf({ stderr, secrets }: Host, config: Logging, level: LogOptions['level']): Logger {
  secrets.know(config.secrets);
  return createLog(stderr, { level, secrets });
}

export const readText = (path: string): string => readFileSync(path, 'utf8');

/** A signal ends it where it stands. @param parts beside Kafka and the topics. */
export async function withLogTools<P extends Part>(
  host: Host,
  parts: readonly P[],
  work: (config: Config<'kafka' | 'topics' | P>, tools: KafkaLogTools) => Promise<void>,
): Promise<void> {
  const config = readConfig<'kafka' | 'topics' | P>(host.environment, ['kafka', 'topics', ...parts], readText);
  const tools = createLogTools(config.kafka, { clock: host.clock, log: commandLog(host, config) });
  try {
    await unlessStopped(host, work(config, tools));
  } catch (error) {
    throw kafkaExit(error);
  } finally {
    await tools.close();
  }
}

/** Errors that are no doing of Kafka stay what they are. */
export function kafkaExit(error: unknown): unknown {
  if (error instanceof ExitError) return error;
  const { code, message, advice } = explainKafkaError(error);
  if (code === 'unexpected') return error;
  return new ExitError(kafkaExitCode(code), `Kafka: ${message}\n  ${advice}`, { cause: error });
}

export const kafkaExitCode = (fault: KafkaFault): ExitCode =>
  configurationFaults.has(fault) ? EXIT.configuration : EXIT.unavailable;

const configurationFaults: ReadonlySet<KafkaFault> = new Set([
  'credentials_refused',
  'mechanism_refused',
  'sasl_not_expected',
  'certificate_untrusted',
  'certificate_name',
  'certificate_expired',
  'tls_mismatch',
  'not_authorized',
  'group_in_use',
  'session_refused',
]);
