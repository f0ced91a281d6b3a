/** Where older reports are gone, so that what a command counts of a time may be less than was reported in it. */
import { timeText } from '../core/report/reporting.ts';
import type { MissingReports } from '../core/report/summary.ts';
import { counted } from '../core/text/counted.ts';
import type { OldestReports } from './oldest-reports.ts';

interface Asked {
  readonly topic: string;
  readonly partitions: readonly number[];
  /** Epoch ms; null: all was asked for. */
  readonly since: number | null;
}

/** @returns partitions that begin later than what was asked for, and have had older records */
export async function missingReports(
  oldest: OldestReports,
  { topic, partitions, since }: Asked,
): Promise<readonly MissingReports[]> {
  return [...(await oldest(partitions))].flatMap(([partition, { offset, time }]) =>
    time !== null && since !== null && time <= since
      ? []
      : [{ topic, partition, offset: String(offset), time: time === null ? null : timeText(time) }],
  );
}

const SHOWN_MAX = 8;

/** A sentence without its end; null: none is missing. */
export function missingText(missing: readonly MissingReports[]): string | null {
  if (missing.length === 0) return null;
  const places = missing.slice(0, SHOWN_MAX).map(({ topic, partition, time }) => {
    const place = `${topic}/${partition}`;
    return time === null ? `${place} has none left whose time is known` : `${place} begins at ${time}`;
  });
  const left = missing.length - places.length;
  const more = left === 0 ? '' : `, and ${counted(left, 'more partition')} may lack some`;
  return `older reports of the time that is asked for may be gone: ${places.join(', ')}${more}`;
}
