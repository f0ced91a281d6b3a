/** The ports and options that the pipeline works with. */
import type { SourceFormat } from '../core/change/change.ts';
import type { Sha256 } from '../core/group/guard.ts';
import type { OperatorKey } from '../core/log/request-record.ts';
import type { ChangeLog, Clock, GroupApi, IdMap, Logger, Random } from '../ports.ts';
import type { PipelineOptions } from './options.ts';

export interface Ports {
  readonly log: ChangeLog;
  readonly api: GroupApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly format: SourceFormat;
  /** null: the source has the target's own ids. */
  readonly ids: IdMap | null;
  readonly sha256: Sha256;
  /** Absent: requests of operators need no signature. */
  readonly operatorKey?: OperatorKey;
}

export interface Context extends Ports {
  readonly options: PipelineOptions;
}

export const sleep = ({ clock }: Pick<Context, 'clock'>, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.schedule(delayMs, resolve);
  });

export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
