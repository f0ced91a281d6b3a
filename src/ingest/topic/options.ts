/** What passing a topic on is told, and what it needs of the world. */
import type { SourceFormat } from '../../core/change.ts';
import type { Clock, Logger } from '../../ports.ts';
import type { Relay } from '../ports.ts';
import type { SendQueue } from '../send-queue.ts';
import type { RekeyNotices } from './notices.ts';

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
  readonly log: Logger;
  readonly notices: RekeyNotices;
}
