/** `rollcall decode FILE|-`: what each record of a source topic means, without Kafka and without Genesys Cloud. */
import { Command, Option } from 'commander';
import type { SourceFormat } from '../core/change.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type FormatName, formatNames } from '../formats/names.ts';
import { autoFormat, sourceTopicFormat } from '../formats/registry.ts';
import { wholeNumber } from './arguments.ts';
import { decodedLine } from './decoded-line.ts';
import { formatOptions } from './format.ts';
import { print, printJson, type Host } from './host.ts';
import { commandConfig } from './kafka-tools.ts';
import { type FileRecord, readRecords } from './record-file.ts';

export interface DecodeFlags {
  readonly format?: FormatName;
  readonly mapping?: string;
  readonly partitions: number;
}

export function decodeCommand(host: Host): Command {
  return new Command('decode')
    .summary('what each record of a source topic means')
    .description(
      'Reads records, one JSON object {"topic","key","headers","value"} a line, and prints one line for each: {"kind","changes","reason"}. A text stands for its own bytes, anything else for its JSON.',
    )
    .argument('<file>', 'NDJSON of records, or one record over several lines; - for standard input')
    .addOption(new Option('--format <name>', 'instead of SOURCE_FORMAT').choices(formatNames))
    .option('--mapping <file>', 'instead of MAPPING_FILE, for the format mapping')
    .option(
      '--partitions <number>',
      'of the topic: with more than one, native records need a key',
      wholeNumber(1, 1e6),
      1,
    )
    .addHelpText('after', examples)
    .action(async (file: string, flags: DecodeFlags) => {
      host.finish(await decodeFile(file, flags, host));
    });
}

const examples = `
Examples:
  $ kcat -C -t okta.events -e -J | jq -c '{key, headers, value: .payload}' | rollcall decode - --format okta
  $ rollcall decode records.ndjson --format mapping --mapping mapping.json
  $ rollcall decode records.ndjson --format auto | jq -r .format | sort | uniq -c

Prints {"kind":"delta|state|skip|hint|invalid",…,"format"}; of a record with several events, the kind is that of what
changes most. Exits 1 where a line is no record; the others are printed all the same.`;

export async function decodeFile(file: string, flags: DecodeFlags, host: Host): Promise<ExitCode> {
  const { format: config } = await commandConfig(host, ['format'], environmentOf(flags, host));
  const options = await formatOptions(config);
  const detecting = config.name === 'auto' ? autoFormat(options) : null;
  const format = sourceTopicFormat(config.name, options);
  const nameOf = detecting === null ? () => format.name : detecting.tookFor;
  let hasBadLines = false;
  for await (const record of readRecords(file, host)) {
    if (record.kind === 'bad') {
      hasBadLines = true;
      await print(host.stderr, `line ${record.line}: ${record.message}\n`);
    } else await printRecord(record, { format, nameOf, partitionCount: flags.partitions }, host);
  }
  return hasBadLines ? EXIT.someFailed : EXIT.done;
}

interface Decoding {
  readonly format: SourceFormat;
  readonly nameOf: (record: FileRecord['record']) => string | null;
  readonly partitionCount: number;
}

async function printRecord({ record }: FileRecord, decoding: Decoding, host: Host): Promise<void> {
  const { format, nameOf, partitionCount } = decoding;
  await format.prepare?.([record]);
  const line = decodedLine(format.decode(record, { partitionCount }), nameOf(record));
  await printJson(host.stdout, line);
}

/** What the command line says stands before the environment. */
const environmentOf = ({ format, mapping }: DecodeFlags, { environment }: Host): Host['environment'] => ({
  ...environment,
  ...(format !== undefined && { SOURCE_FORMAT: format }),
  ...(mapping !== undefined && { MAPPING_FILE: mapping }),
});
