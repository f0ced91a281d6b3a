/** The log for operators: JSON lines, made by pino. No secret gets out: whole lines are searched. */
import pino from 'pino';
import { withNamedCommands, type Speaker } from '../core/text/named-commands.ts';
import type { KnownSecrets } from '../core/text/redact.ts';
import { visibleJson } from '../core/text/visible.ts';
import type { Logger } from '../ports.ts';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Texts that must not appear in any field, message or stack. */
  readonly secrets: Pick<KnownSecrets, 'redact'>;
}

/** @param output stderr, as a rule: stdout belongs to what commands print. In a shadow named commands have `--shadow`. */
export function createLog(output: { write(text: string): unknown } & Speaker, { level, secrets }: LogOptions): Logger {
  const { errWithCause } = pino.stdSerializers;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errWithCause, error: errWithCause },
    },
    { write: (line: string) => output.write(visibleJson(secrets.redact(withNamedCommands(output, line)))) },
  );
}
