/** The log for operators: JSON lines, made by pino. No secret gets out, wherever it stands: whole lines are looked through. */
import pino from 'pino';
import type { Logger } from '../ports.ts';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Texts that must not appear, in whatever field, message or stack. */
  readonly secrets: readonly string[];
}

/** @param output stderr, as a rule: stdout belongs to what commands print. */
export function createLog(output: { write(text: string): unknown }, { level, secrets }: LogOptions): Logger {
  const redact = redactor(secrets);
  const { errWithCause } = pino.stdSerializers;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errWithCause, error: errWithCause },
    },
    { write: (line: string) => output.write(redact(line)) },
  );
}

const REDACTED = '[redacted]';

/** For other texts that leave the process: messages of errors, pages. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const forms = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  // Longest first: one secret may be the beginning of another.
  const known = [...new Set(forms)].filter((form) => form !== '').toSorted((a, b) => b.length - a.length);
  return (text) =>
    known
      .reduce((redacted, form) => redacted.replaceAll(form, REDACTED), text)
      // Tokens that were had at run time, and the credentials they were had with (RFC 6750, RFC 7617).
      .replaceAll(/\b(Bearer|Basic) [\w.~+/=-]+/gi, `$1 ${REDACTED}`);
}
