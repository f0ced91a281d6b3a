/**
 * Log lines about causes that last, at a limited rate: of each cause the first is written, then one a minute with the number of
 * those left out, which go to `debug`.
 */
import { leftOutField, RepeatedCauses } from '../core/text/repeated-causes.ts';
import type { Clock, Logger } from '../ports.ts';

/** One for each logger: several connections fail for one cause. */
const causesOf = new WeakMap<object, RepeatedCauses>();

export interface LastingLine {
  readonly level: 'info' | 'warn' | 'error';
  /** The same for each line of the same cause. */
  readonly cause: string;
  readonly fields: object;
  readonly message: string;
}

export function logLasting(
  { clock, logger }: { readonly clock: Pick<Clock, 'now'>; readonly logger: Logger },
  { level, cause, fields, message }: LastingLine,
): void {
  const causes = causesOf.get(logger) ?? new RepeatedCauses();
  causesOf.set(logger, causes);
  const leftOut = causes.admit(`${message} ${cause}`, clock.now().monotonic);
  if (leftOut === null) logger.debug(fields, message);
  else logger[level]({ ...fields, ...leftOutField(leftOut) }, message);
}
