/**
 * Room formats/first-records: what the first records of a topic show before anything is applied.
 * Not here: reading them, and what a command then does (console).
 *
 * What the first records of a topic tell before anything is applied: a wrong format, a wrong key, deletes that no reader could
 * read, a cleaner that would take changes away. Pure; each finding names its remedy. An `error` loses or misreads changes:
 * `run` does not start, and `doctor` fails. A `warning` is a risk that an operator may accept: `run` logs it.
 */
import type { SourceRecord } from '../../core/change/change.ts';
import { debeziumFindings } from './debezium.ts';
import { keyFindings } from './key-findings.ts';
import type { DecodedRecord, FirstRecords, RecordFinding, RecordFindingCode } from './record-finding.ts';

/** Nothing to say about an empty topic. */
export function firstRecordFindings(first: FirstRecords): RecordFinding[] {
  const { records, format, partitionCount } = first;
  if (records.length === 0) return [];
  const decoded = records.map((record) => ({ record, events: format.decode(record, { partitionCount }) }));
  return [
    ...tombstoneFindings(first),
    ...formatFindings(first, decoded),
    ...skipFindings(first, decoded),
    ...keyFindings(first, decoded),
    ...(records.some((record) => first.name === 'debezium' || (first.name === 'auto' && isDebezium(first, record)))
      ? debeziumFindings(first)
      : []),
  ];
}

/** What `run` does not start with, and what `doctor` fails for. */
export const refusesStart = ({ severity }: RecordFinding): boolean => severity === 'error';

/** About records that may have been read already; the others are about how the topic is written and cleaned from now on, too. */
const pastCodes: ReadonlySet<RecordFindingCode> = new Set(['wrong_format', 'keyless', 'group_under_several_keys']);

export const isOfThePast = ({ severity, code }: RecordFinding): boolean => severity === 'error' && pastCodes.has(code);

/** Where all of the records are committed: a service that runs must start again, although its topic began in another shape. */
export const afterCommit = (finding: RecordFinding): RecordFinding =>
  isOfThePast(finding) ? { ...finding, severity: 'warning' } : finding;

const isDebezium = ({ auto }: FirstRecords, record: SourceRecord): boolean =>
  record.value !== null && auto.tookFor(record) === 'debezium';

function tombstoneFindings({ records, topic, debezium }: FirstRecords): RecordFinding[] {
  if (debezium.deletes === 'tombstones' || records.some(({ value }) => value !== null)) return [];
  return [
    {
      severity: 'warning',
      code: 'tombstones_only',
      message: `The first ${records.length} records of ${topic} have no values; a tombstone says nothing about a membership.`,
      remedy:
        'Let the producer write values. Where it is Debezium with flattened records, see DEBEZIUM_DELETES in docs/formats.md.',
    },
  ];
}

function formatFindings(first: FirstRecords, decoded: readonly DecodedRecord[]): RecordFinding[] {
  const { topic, name, auto } = first;
  const withValue = decoded.filter(({ record }) => record.value !== null);
  const problems = withValue.flatMap(({ events }) => events.filter((event) => event.kind === 'invalid').slice(0, 1));
  const [problem] = problems;
  if (problem === undefined || withValue.some(({ events }) => events.some((event) => event.kind !== 'invalid')))
    return [];
  const other = mostFrequent(withValue.map(({ record }) => auto.tookFor(record)));
  if (other !== null && other !== name && name !== 'auto')
    return [
      {
        severity: 'error',
        code: 'wrong_format',
        message: `None of the first ${withValue.length} records of ${topic} can be read as ${name}: they look like ${other}.`,
        remedy: `Set SOURCE_FORMAT=${other}.`,
      },
    ];
  return [
    {
      // Each becomes a dead letter with its reason, which a better record may follow.
      severity: 'warning',
      code: 'unreadable',
      message: `None of the first ${withValue.length} records of ${topic} can be read as ${name}: ${problem.message}`,
      remedy:
        'See what each record means with `rollcall decode`, and correct SOURCE_FORMAT, its settings, or the producer.',
    },
  ];
}

/** Nothing would ever be applied: either the topic is not about memberships, or a setting names other ones. */
function skipFindings({ topic, name }: FirstRecords, decoded: readonly DecodedRecord[]): RecordFinding[] {
  const events = decoded.filter(({ record }) => record.value !== null).flatMap((one) => one.events);
  const reason = mostFrequent(events.map((event) => (event.kind === 'skip' ? event.reason : null)));
  if (reason === null || !events.every(({ kind }) => kind === 'skip')) return [];
  return [
    {
      severity: 'warning',
      code: 'all_skipped',
      message: `All of the first ${decoded.length} records of ${topic} are skipped as ${name}, most of them as \`${reason}\`: nothing would be applied.`,
      remedy: `${SKIP_REMEDIES.get(reason) ?? 'See what the topic holds, and correct SOURCE_TOPIC or SOURCE_FORMAT.'} \`rollcall decode\` says what each record means.`,
    },
  ];
}

const SKIP_REMEDIES: ReadonlyMap<string, string> = new Map([
  [
    'other_table',
    'Correct DEBEZIUM_TABLE: it must be the table in `source.table`, alone or with `source.schema` before it.',
  ],
  ['not_a_member_row', 'Correct DEBEZIUM_MEMBER_WHERE: no row fulfils it.'],
  ['not_mapped', 'Correct `if_record` and `if_event` of the mapping: no record fulfils them.'],
]);

function mostFrequent<T>(values: readonly (T | null)[]): T | null {
  const counts = new Map<T, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}
