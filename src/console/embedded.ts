/**
 * The service without Kafka: the same pipeline on a log in this process; and what an interrupted run leaves, as reports
 * that say so.
 */
import { MemoryBroker } from '../adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../adapters/memory-log/memory-log.ts';
import { sha256 } from '../adapters/system.ts';
import { pipelineOptions, type Config } from '../config/config.ts';
import { intentId, isChange, positionText, type Intent, type SourceFormat } from '../core/change/change.ts';
import { intentsOf } from '../core/change/pending.ts';
import { newTopics } from '../core/log/topics.ts';
import type { ReportRecord } from '../core/report/report.ts';
import type { Failure } from '../core/target/refusals.ts';
import { NO_LAG, reportRecord, retryReport } from '../core/report/reporting.ts';
import type { Operations } from '../core/report/summary.ts';
import type { Topics } from '../pipeline/state/options.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import type { GroupApi, IdMap, LogTools, Logger } from '../ports.ts';
import { FILE_SOURCE, type AppliedFrom } from './file-source.ts';
import type { CommandContext } from './command-context.ts';

export interface Embedded {
  readonly broker: MemoryBroker;
  /** Another client of the same log: the pipeline closes its own when it drains. */
  readonly tools: LogTools;
  readonly pipeline: Pipeline;
}

export interface EmbeddedParts {
  readonly context: CommandContext;
  readonly config: Config<'genesys' | 'pipeline'>;
  readonly api: GroupApi;
  readonly ids: IdMap | null;
  readonly format: SourceFormat;
  readonly logger: Logger;
}

/** Nothing runs until `pipeline.start()`. */
export function embed({ context, config, ...ports }: EmbeddedParts, topics: Topics, partitionCount: number): Embedded {
  const { clock, random } = context;
  const broker = new MemoryBroker(clock, random);
  const none = { source: null, retry: null, deadLetter: null, report: null };
  for (const topic of newTopics(topics, none, { partitionCount, replicationFactor: 1 })) {
    // No other producer writes here, so that no record is too large.
    const settings = { ...topic.settings, 'max.message.bytes': String(Number.MAX_SAFE_INTEGER) };
    broker.createTopic({ ...topic, settings });
  }
  const connect = () => new MemoryLog(broker, { groupId: 'embedded', clientId: 'embedded', topics });
  const options = pipelineOptions({ ...config, topics, kafka: null }, `embedded-${random.uuid()}`);
  const pipeline = new Pipeline({ ...ports, log: connect(), clock, random, sha256 }, options);
  return { broker, tools: connect(), pipeline };
}

const untried = (from: AppliedFrom): Failure => ({
  code: 'not_attempted',
  message: 'The run ended before this change was tried.',
  status: null,
  scimType: null,
  advice:
    from === 'file'
      ? 'Apply the file again; what has landed already is left as it is.'
      : 'Make a new plan with `plan --out`, and apply that; what has landed already is left as it is.',
});

interface LeftIn {
  readonly log: LogTools;
  readonly format: SourceFormat;
  /** The source's ids are not the target's, and which ones they stand for is not known any more. */
  readonly isMapped: boolean;
  readonly from: AppliedFrom;
}

export async function leftOver(
  { log, format, isMapped, from }: LeftIn,
  reported: Operations,
  { clock }: Pick<CommandContext, 'clock'>,
): Promise<readonly ReportRecord[]> {
  const { wall } = clock.now();
  const left: ReportRecord[] = [];
  const { signal } = new AbortController();
  const facts = { reason: untried(from), nextAttemptAt: wall, request: null, lag: NO_LAG };
  const isReported = reportedIn(reported);
  for await (const record of log.read(FILE_SOURCE.topic, { from: 'beginning', follow: false, signal })) {
    const events = format.decode(record, { partitionCount: 1 });
    for (const [i, event] of events.entries()) {
      if (!isChange(event)) continue;
      const index = events.length > 1 ? i : null;
      const { offset, timestamp } = record;
      const source = { ...FILE_SOURCE, offset, index, timestamp, eventId: event.eventId };
      for (const intent of intentsOf(event, source, wall).filter((each) => !isReported(each))) {
        const [named, groupTarget] = isMapped ? [{ ...intent, target: null }, null] : [intent, intent.group];
        left.push(reportRecord(retryReport(named, { ...facts, groupTarget, reportedAt: wall }), 0));
      }
    }
  }
  return left;
}

/** A full state is reported by its result, too. */
function reportedIn(reported: Operations): (intent: Intent) => boolean {
  const events = new Set(
    [...reported.values()].map(({ source }) => `${source.topic}/${source.partition}/${source.offset}`),
  );
  return (intent) => (intent.op === 'state' ? events.has(positionText(intent.source)) : reported.has(intentId(intent)));
}
