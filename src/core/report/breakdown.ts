/**
 * Report records → how many changes came to what, in a row for each group, reason, outcome or span of time. It does not depend on the
 * order of the records, nor on repetitions. Of an operation only what is counted is kept (counting.ts).
 */
import { idKey } from '../change/change.ts';
import { CountingInMemory, type CountedChange, type CountingStore, type Tallies } from './counting.ts';
import { compareStanding, isAboutNoChange, isFailure, isSuccess, operationId, standsSince } from './summary.ts';
import type { ReportRecord } from './report.ts';
import { timeText } from './reporting.ts';

/** `spanMs`: when the record that counts was reported, or since when it is held, in spans of so many ms since 1970, UTC. */
export type BreakdownBy = 'group' | 'reason' | 'outcome' | { readonly spanMs: number };

export const HOUR_MS = 3_600_000;
/** A time that is further ahead of the clock that reads it is of a clock that was not set. */
export const AHEAD_MAX_MS = 24 * HOUR_MS;

/** How a change stands; `other`: it has ended in a way that only a newer version knows. */
export const STANDINGS = ['succeeded', 'failed', 'waiting', 'held', 'other'] as const;
export type ChangeStanding = (typeof STANDINGS)[number];

export interface Figures extends Readonly<Record<ChangeStanding, number>> {
  readonly changes: number;
  /** Distinct PATCHes, also of tries that failed. One that had changes of several rows counts in each, in the total once. */
  readonly requests: number;
  /** Version conflicts. */
  readonly conflicts: number;
  /** From reading the change to the answer of its request; null: none has sent one. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  /** Of what failed, waits or is held; null: nothing does. */
  readonly topReason: { readonly code: string; readonly count: number } | null;
}

export interface BreakdownRow extends Figures {
  /** The group as the source names it, a code, an outcome, or RFC 3339 where the span begins; null: there is none. */
  readonly name: string | null;
  /** By group: what Genesys Cloud calls it; null: not known, or not by group. */
  readonly target: string | null;
}

/** Rows by failures, then changes; of time in order. */
export interface Breakdown {
  readonly rows: readonly BreakdownRow[];
  readonly total: Figures;
}

/** A record, and the key that it was written with: the source's id of the group, also where the record is too large to hold it. */
interface Reported {
  readonly record: ReportRecord;
  readonly key: string | null;
}

/** Of the record that counts. */
export type Selected = (operation: Pick<ReportRecord, 'outcome' | 'reported_at' | 'held_since'>) => boolean;

const NONE: readonly number[] = [];

export class CountedOperations {
  readonly #since: number;
  readonly #store: CountingStore;
  /** Few texts stand in many records, each a copy of its own. */
  readonly #texts = new Map<string, string>();

  /** @param since epoch ms: only PATCHes that a record of then or later names are counted. null: all. @param store an empty one */
  constructor(since: number | null, store: CountingStore = new CountingInMemory()) {
    this.#since = since ?? -Infinity;
    this.#store = store;
  }

  /** Whether the record counts of its operation from now on; false where it is about no change. */
  take({ record, key }: Reported): boolean {
    if (isAboutNoChange(record)) return false;
    const id = operationId(record);
    const known = this.#store.get(id);
    const patches = this.#withPatch(record, known?.patches ?? NONE);
    const counts = known === undefined || compareStanding(record, known) >= 0;
    if (counts) this.#store.set(id, this.#operationOf(record, { key, patches }));
    else if (patches !== known.patches) this.#store.set(id, { ...known, patches });
    return counts;
  }

  breakdown(by: BreakdownBy, isSelected: Selected): Breakdown {
    const tallies = this.#store.tallies();
    const rows = new Map<string | null, Row>();
    const total = new Row(tallies, 0);
    const rowOf = (key: string | null): Row => {
      const row = rows.get(key) ?? new Row(tallies, rows.size + 1);
      rows.set(key, row);
      return row;
    };
    for (const operation of this.#store.changes()) {
      if (!isSelected(operation)) continue;
      const { key, ...names } = placeOf(operation, by);
      const row = rowOf(key);
      row.name(names, operation.reported_at);
      for (const each of [row, total]) each.count(operation);
      for (const patch of operation.patches) {
        const span = typeof by === 'object' ? spanText(this.#store.patchTime(patch), by.spanMs) : null;
        const place = span === null ? row : rowOf(span);
        if (span !== null) place.name({ name: span, target: null }, span);
        for (const each of [place, total]) each.countPatch(patch);
      }
    }
    const shown = [...rows.values()].map((row) => row.row());
    return { rows: shown.toSorted(typeof by === 'object' ? compareNames : compareRows), total: total.figures() };
  }

  #operationOf(
    record: ReportRecord,
    { key, patches }: { key: string | null; patches: readonly number[] },
  ): CountedChange {
    const { id, final, epoch, attempt, reported_at, held_since, conflicts, lag_ms: lag } = record;
    return {
      id,
      final,
      epoch,
      attempt,
      reported_at,
      ...(held_since !== undefined && { held_since }),
      conflicts,
      outcome: this.#shared(record.outcome),
      reason: this.#shared(record.reason?.code ?? null),
      lagMs: lag.queue === null || lag.apply === null ? null : lag.queue + lag.apply,
      sourceGroup: this.#shared(record.source_group ?? key),
      group: this.#shared(record.group),
      patches,
    };
  }

  #withPatch({ request, reported_at: at }: ReportRecord, known: readonly number[]): readonly number[] {
    const time = Date.parse(at);
    const id = request?.patch_id ?? null;
    if (id === null || time < this.#since) return known;
    const number = this.#store.notePatch(id, time);
    return known.includes(number) ? known : [...known, number];
  }

  #shared<T extends string | null>(text: T): T | string {
    if (text === null) return text;
    const known = this.#texts.get(text) ?? text;
    this.#texts.set(known, known);
    return known;
  }
}

type Names = Pick<BreakdownRow, 'name' | 'target'>;
type TimedNames = Names & { readonly at: string };

function placeOf(operation: CountedChange, by: BreakdownBy): Names & { readonly key: string | null } {
  if (by === 'group') {
    const name = operation.sourceGroup ?? operation.group;
    return { key: name === null ? null : idKey(name), name, target: operation.group };
  }
  const { outcome, reason } = operation;
  const name =
    by === 'outcome' ? outcome : by === 'reason' ? reason : spanText(Date.parse(standsSince(operation)), by.spanMs);
  return { key: name, name, target: null };
}

const spanText = (at: number, spanMs: number): string => timeText(Math.floor(at / spanMs) * spanMs);

/** Counts what is put into one row. */
class Row {
  #names: TimedNames = { name: null, target: null, at: '' };
  readonly #counts: Record<ChangeStanding, number> = { succeeded: 0, failed: 0, waiting: 0, held: 0, other: 0 };
  #conflicts = 0;
  readonly #reasons = new Map<string, number>();
  readonly #tallies: Tallies;
  readonly #number: number;

  constructor(tallies: Tallies, number: number) {
    this.#tallies = tallies;
    this.#number = number;
  }

  /** Of several names those with a known target are shown, then the latest, then those that sort last. */
  name({ name, target }: Names, at: string): void {
    const names = { name, target, at };
    if (compareShown(names, this.#names) > 0) this.#names = names;
  }

  count(operation: CountedChange): void {
    const standing = standingOf(operation);
    this.#counts[standing] += 1;
    this.#conflicts += operation.conflicts;
    if (operation.lagMs !== null) this.#tallies.addLag(this.#number, operation.lagMs);
    if (operation.reason === null || standing === 'succeeded') return;
    this.#reasons.set(operation.reason, (this.#reasons.get(operation.reason) ?? 0) + 1);
  }

  countPatch(patch: number): void {
    this.#tallies.addRequest(this.#number, patch);
  }

  row(): BreakdownRow {
    const { name, target } = this.#names;
    return { name, target, ...this.figures() };
  }

  figures(): Figures {
    const [p50Ms = null, p95Ms = null] = this.#tallies.percentiles(this.#number, [50, 95]);
    const [top] = [...this.#reasons].toSorted(([a, m], [b, n]) => n - m || compareTexts(a, b));
    return {
      changes: STANDINGS.reduce((sum, standing) => sum + this.#counts[standing], 0),
      ...this.#counts,
      requests: this.#tallies.requestCount(this.#number),
      conflicts: this.#conflicts,
      p50Ms,
      p95Ms,
      topReason: top === undefined ? null : { code: top[0], count: top[1] },
    };
  }
}

export function standingOf(operation: Pick<ReportRecord, 'final' | 'outcome'>): ChangeStanding {
  if (!operation.final) return operation.outcome === 'held' ? 'held' : 'waiting';
  if (isFailure(operation)) return 'failed';
  return isSuccess(operation) ? 'succeeded' : 'other';
}

/** null comes first. */
const compareTexts = (left: string | null, right: string | null): number =>
  Number((left ?? '') > (right ?? '')) - Number((left ?? '') < (right ?? '')) ||
  Number(left !== null) - Number(right !== null);

const compareShown = (left: TimedNames, right: TimedNames): number =>
  Number(left.target !== null) - Number(right.target !== null) ||
  compareTexts(left.at, right.at) ||
  compareTexts(left.name, right.name) ||
  compareTexts(left.target, right.target);

const compareNames = (left: BreakdownRow, right: BreakdownRow): number => compareTexts(left.name, right.name);

const compareRows = (left: BreakdownRow, right: BreakdownRow): number =>
  right.failed - left.failed || right.changes - left.changes || compareNames(left, right);
