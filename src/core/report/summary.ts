/**
 * Report records → summary. One record is kept per operation, for any number of repetitions and retries.
 * An operation is one source change of one member; the summary of a set of records does not depend on their order.
 */
import { z } from 'zod';
import { REPORT_OUTCOMES, ReportRecord, type ReportOutcome } from './report.ts';

/** A partition of the report topic that has had older records than it has. */
const MissingReports = z.object({
  topic: z.string(),
  partition: z.int().min(0),
  offset: z.string().meta({ description: 'of the oldest record that is left; where none is, of the next one' }),
  time: z.iso
    .datetime()
    .nullable()
    .meta({ description: 'when the oldest record was written that has a time that can be true; null: none has' }),
});
export type MissingReports = z.infer<typeof MissingReports>;

export const Summary = z
  .object({
    generated_at: z.iso.datetime(),
    total_operations: z.int().min(0),
    success_count: z.int().min(0),
    failure_count: z.int().min(0),
    by_outcome: z.record(z.string(), z.int().min(0)),
    gone: z.array(MissingReports).optional().meta({
      description:
        'of `rollcall report`: partitions that begin later than the time that is asked for, so that older reports may be missing; absent: none',
    }),
    operations: z
      .array(ReportRecord)
      .meta({ description: 'the record that counts of each operation; pauses and drift are none' }),
  })
  .meta({ title: 'Rollcall summary' });

export type Summary = z.infer<typeof Summary>;

/** The record that counts of each operation, by operation id. */
export type Operations = Map<string, ReportRecord>;

/** `generatedAt` is epoch ms. */
export function summarize(records: Iterable<ReportRecord>, generatedAt: number): Summary {
  const operations: Operations = new Map();
  for (const record of records) foldReport(operations, record);
  return summaryOf(operations, generatedAt);
}

/** Takes one record in; `operations` is changed in place, as it may hold millions. */
export function foldReport(operations: Operations, record: ReportRecord): void {
  const id = operationId(record);
  const known = operations.get(id);
  if (known === undefined || compareStanding(record, known) >= 0) operations.set(id, record);
}

export function summaryOf(
  operations: Operations,
  generatedAt: number,
  missing: readonly MissingReports[] = [],
): Summary {
  const sorted = [...operations].toSorted(([left], [right]) => compareIds(left, right)).map(([, record]) => record);
  const byOutcome = new Map<string, number>();
  for (const { outcome } of sorted) byOutcome.set(outcome, (byOutcome.get(outcome) ?? 0) + 1);
  const ended = sorted.filter(({ final }) => final);
  const changes = sorted.filter((record) => !isAboutNoChange(record));
  return {
    generated_at: new Date(generatedAt).toISOString(),
    total_operations: changes.length,
    success_count: ended.filter(isSuccess).length,
    failure_count: ended.filter(isFailure).length,
    by_outcome: Object.fromEntries(byOutcome),
    ...(missing.length > 0 && { gone: [...missing] }),
    operations: changes,
  };
}

/**
 * Member ids may hold `#`, so only a non-final id has a suffix, and only its last one is it: the attempt, or the outcome
 * that it waits with.
 */
export function operationId({ id, final, outcome }: Pick<ReportRecord, 'id' | 'final'> & Partial<Ended>): string {
  const [suffix] = final ? [] : (/#\w+$/.exec(id) ?? []);
  if (suffix === undefined || !(/^#(?:\d+|held)$/.test(suffix) || suffix === `#${outcome}`)) return id;
  return id.slice(0, -suffix.length);
}

const MEANINGS: Readonly<Record<ReportOutcome, 'success' | 'failure' | 'waits' | 'neither'>> = {
  applied: 'success',
  recovered: 'success',
  already_synced: 'success',
  superseded: 'success',
  no_changes: 'success',
  invalid: 'failure',
  failed: 'failure',
  permanent_failure: 'failure',
  retry_scheduled: 'waits',
  held: 'waits',
  paused: 'neither',
  resumed: 'neither',
  drift: 'neither',
};

type Ended = Pick<ReportRecord, 'outcome'>;

/** A pause, or its end; or a member that differs. */
export const isAboutNoChange = ({ outcome }: Ended): boolean =>
  isKnownOutcome(outcome) && MEANINGS[outcome] === 'neither';

/** Of a final report. An outcome that only a newer version knows is neither success nor failure. */
export const isSuccess = ({ outcome }: Ended): boolean => isKnownOutcome(outcome) && MEANINGS[outcome] === 'success';
export const isFailure = ({ outcome }: Ended): boolean => isKnownOutcome(outcome) && MEANINGS[outcome] === 'failure';
export const isKnownOutcome = (outcome: string): outcome is ReportOutcome =>
  (REPORT_OUTCOMES as readonly string[]).includes(outcome);

/** Since when it stands as it does, RFC 3339: what is held is reported again by each owner of its partition. */
export const standsSince = ({
  held_since: since,
  reported_at: at,
}: Pick<ReportRecord, 'held_since' | 'reported_at'>): string => since ?? at;

/** What decides which of several records counts. */
export type Standing = Pick<ReportRecord, 'id' | 'final' | 'epoch' | 'reported_at' | 'attempt'>;

/** Positive: `left` counts rather than `right`. A final one beats a non-final one, then the higher (epoch, reported_at). */
export function compareStanding(left: Standing, right: Standing): number {
  return (
    Number(left.final) - Number(right.final) ||
    left.epoch - right.epoch ||
    Date.parse(left.reported_at) - Date.parse(right.reported_at) ||
    left.attempt - right.attempt ||
    // Held and parked in one millisecond: either may have come first.
    Number(left.id > right.id) - Number(left.id < right.id)
  );
}

const collator = new Intl.Collator('en', { numeric: true });

/** Offsets in numeric order; ids that the collator takes for equal in order of their code units. */
const compareIds = (left: string, right: string): number =>
  collator.compare(left, right) || Number(left > right) - Number(left < right);

/** What an operator has asked for, not an event; its group may be misspelt. */
export const isAboutPause = ({ outcome }: Pick<ReportRecord, 'outcome'>): boolean =>
  outcome === 'paused' || outcome === 'resumed';
