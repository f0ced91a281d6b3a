/**
 * `rollcall decode FILE|-`: what each record of a source topic means, and how that is printed, without Kafka and
 * Genesys Cloud.
 */
import { Command } from 'commander';
import { readRecords, type FileRecord } from '../console/file-source.ts';
import { print, printJson, type CommandContext, unlessStopped, wholeNumber } from '../console/command-context.ts';
import { commandConfig } from '../console/kafka-tools.ts';
import { formatOption, formatOptions, type FormatFlags, withFormat } from '../console/source-format.ts';
import {
  isChange,
  type ChangeEvent,
  type Decoded,
  type Hint,
  type Invalid,
  type Skip,
  type SourceEvent,
  type SourceFormat,
} from '../core/change/change.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { autoFormat, sourceTopicFormat } from '../formats/registry.ts';

export interface DecodeFlags extends FormatFlags {
  readonly partitions: number;
}

export function decodeCommand(context: CommandContext): Command {
  return new Command('decode')
    .summary('what each record of a source topic means')
    .description(
      'Reads records, one JSON object {"topic","key","headers","value"} a line, and prints one line for each: {"kind","changes","reason"}. A text stands for its own bytes, anything else for its JSON.',
    )
    .argument('<file>', 'NDJSON of records, or one record over several lines; - for standard input')
    .addOption(formatOption())
    .option('--mapping <file>', 'instead of MAPPING_FILE, for the format mapping')
    .option(
      '--partitions <number>',
      'of the topic: with more than one, native records need a key',
      wholeNumber(1, 1e6),
      1,
    )
    .addHelpText('after', examples)
    .action(async (file: string, flags: DecodeFlags) => {
      context.finish(await unlessStopped(context, decodeFile(file, flags, context)));
    });
}

const examples = `
Examples:
  $ kcat -C -t okta.events -e -J | jq -c '{key, headers, value: .payload}' | rollcall decode - --format okta
  $ rollcall decode records.ndjson --format mapping --mapping mapping.json
  $ rollcall decode records.ndjson --format auto | jq -r .format | sort | uniq -c

Prints {"kind":"delta|state|skip|hint|invalid",…,"format"}; of a record with several events, the kind is that of what
changes most. Exits 1 where a line is no record; the others are printed all the same.`;

export async function decodeFile(file: string, flags: DecodeFlags, context: CommandContext): Promise<ExitCode> {
  const { format: config } = await commandConfig(context, ['format'], withFormat(context.environment, flags));
  const options = await formatOptions(config);
  const detecting = config.name === 'auto' ? autoFormat(options) : null;
  const format = sourceTopicFormat(config.name, options);
  const nameOf = detecting === null ? () => format.name : detecting.tookFor;
  let hasBadLines = false;
  for await (const record of readRecords(file, context)) {
    if (record.kind === 'bad') {
      hasBadLines = true;
      await print(context.stderr, `line ${record.line}: ${visible(record.message)}\n`);
    } else await printRecord(record, { format, nameOf, partitionCount: flags.partitions }, context);
  }
  return hasBadLines ? EXIT.someFailed : EXIT.done;
}

interface Decoding {
  readonly format: SourceFormat;
  readonly nameOf: (record: FileRecord['record']) => string | null;
  readonly partitionCount: number;
}

async function printRecord({ record }: FileRecord, decoding: Decoding, context: CommandContext): Promise<void> {
  const { format, nameOf, partitionCount } = decoding;
  await format.prepare?.([record]);
  const line = decodedLine(format.decode(record, { partitionCount }), nameOf(record));
  await printJson(context.stdout, line);
}

export interface DecodedLine {
  readonly kind: SourceEvent['kind'];
  readonly changes: readonly DecodedChange[];
  /** Why there is no change; of several events, what those without a change are. */
  readonly reason: string | null;
  /** Of `hint` and `invalid`. */
  readonly code?: string;
  /** The format that it was read by; null: none fits. */
  readonly format: string | null;
}

interface DecodedChange {
  readonly group: string;
  readonly add: readonly string[];
  readonly remove: readonly string[];
  readonly members: readonly string[];
  readonly complete: boolean;
  readonly deleted: boolean;
  readonly event_id: string | null;
  readonly occurred_at: string | null;
}

/** What changes most names the record. */
const KINDS = ['state', 'delta', 'hint', 'invalid', 'skip'] as const;

export function decodedLine(events: Decoded, format: string | null): DecodedLine {
  const kind = KINDS.find((one) => events.some((event) => event.kind === one)) ?? events[0].kind;
  const named = events.find((event) => event.kind === kind);
  const code = named !== undefined && 'code' in named ? named.code : null;
  return {
    kind,
    changes: events.filter(isChange).map(changeOf),
    reason: reasonOf(events),
    ...(code !== null && { code }),
    format,
  };
}

const changeOf = (event: ChangeEvent): DecodedChange => ({
  group: event.group,
  add: event.kind === 'delta' ? event.add : [],
  remove: event.kind === 'delta' ? event.remove : [],
  members: event.kind === 'state' ? event.members : [],
  complete: event.kind === 'state',
  deleted: event.kind === 'state' && event.deleted,
  event_id: event.eventId,
  occurred_at: event.occurredAt,
});

/** A record with one event gives its reason alone; of several, each is named with its index. */
function reasonOf(events: Decoded): string | null {
  const reasons = events.flatMap((event, index) => {
    if (isChange(event)) return [];
    return [events.length === 1 ? why(event) : `event ${index}: ${event.kind}: ${why(event)}`];
  });
  return reasons.length === 0 ? null : reasons.join('; ');
}

const why = (event: Skip | Hint | Invalid): string => (event.kind === 'skip' ? event.reason : event.message);
