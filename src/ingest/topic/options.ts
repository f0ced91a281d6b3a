/**
 * The options of passing a topic on, the ports that it needs, and its warnings to operators: counted, one line
 * immediately and then at most one every ten seconds.
 */
import type { SourceFormat } from '../../core/change/change.ts';
import type { Clock, Logger } from '../../ports.ts';
import { AggregatedWarnings } from '../aggregated-warnings.ts';
import type { Relay } from '../ports.ts';
import type { SendQueue } from '../send-queue.ts';

export interface RekeyOptions {
  /** The topic that is read. */
  readonly from: string;
  readonly topic: string;
  readonly deadLetterTopic: string;
  readonly reorderMs: number;
  /** Events in hand per partition, beyond which it is read no further. */
  readonly bufferMax: number;
  /** And bytes of the records that hold them. */
  readonly bufferBytesMax: number;
}

export interface RekeyWorld {
  readonly relay: Relay;
  readonly format: SourceFormat;
  readonly queue: SendQueue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly warnings: RekeyWarnings;
}

export interface RekeyWarnings {
  readonly deadLetters: AggregatedWarnings;
  readonly superseded: AggregatedWarnings;
  readonly uncertain: AggregatedWarnings;
  close(): void;
}

export function rekeyWarnings(clock: Pick<Clock, 'schedule'>, logger: Pick<Logger, 'warn'>): RekeyWarnings {
  const tell = (message: string, advice: string): AggregatedWarnings =>
    new AggregatedWarnings(clock, (counts) => logger.warn({ counts, advice }, message));
  const deadLetters = tell('what could not be read is in the dead-letter topic', 'its headers say why');
  const superseded = tell(
    'changes came after newer ones of the same members; they are in the dead-letter topic',
    'raise INGEST_REORDER_MS if that happens often',
  );
  const uncertain = tell(
    'the order of contradicting changes is unknown; they went on in the order of their arrival',
    'have the source say when its events happened, or read such groups again',
  );
  return {
    deadLetters,
    superseded,
    uncertain,
    close: () => {
      for (const warnings of [deadLetters, superseded, uncertain]) warnings.close();
    },
  };
}
