/** Where an event lies in the source, and the order of such places, those of a former source topic included. */
import { comparePositions, type ChangeSource, type Position } from '../change/change.ts';
import type { ReportedSource } from '../report/former-source.ts';
import type { ReportRecord } from '../report/report.ts';

/** Where an event lies, and since when. */
export interface Place extends Position, Pick<ChangeSource, 'timestamp'> {
  /** It is of a former source topic; when that was reported, epoch ms. Absent: it is of the present one. */
  readonly formerReportedAt?: number;
}

/** @param position that the id of the report names */
export function placeIn({ source, reported_at: at }: ReportRecord, position: Position, of: ReportedSource): Place {
  const place = { ...position, timestamp: source.timestamp };
  return of === 'former' ? { ...place, formerReportedAt: Date.parse(at) } : place;
}

export const isFormerPlace = ({ formerReportedAt }: Place): boolean => formerReportedAt !== undefined;

/** Positive: `a` is newer. All of a former topic are older. Where a key has moved between partitions the times of the records say so. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.formerReportedAt !== undefined || b.formerReportedAt !== undefined) return compareFormer(a, b);
  if (a.partition === b.partition) return comparePositions(a, b);
  return a.timestamp - b.timestamp || a.partition - b.partition;
}

function compareFormer(a: Place, b: Place): number {
  if (isFormerPlace(a) !== isFormerPlace(b)) return isFormerPlace(a) ? -1 : 1;
  // There may have been several topics of one name.
  const topics = Number(isWhollyAfter(a, b)) - Number(isWhollyAfter(b, a));
  if (topics !== 0) return topics;
  if (a.topic === b.topic && a.partition === b.partition) return comparePositions(a, b);
  return a.timestamp - b.timestamp || a.partition - b.partition || (a.topic < b.topic ? -1 : 1);
}

/** Its record was written after the other one was reported. */
const isWhollyAfter = (a: Place, b: Place): boolean => spanOf(a).from > spanOf(b).to;

const spanOf = ({
  timestamp,
  formerReportedAt = timestamp,
}: Place): { readonly from: number; readonly to: number } => ({
  from: Math.min(timestamp, formerReportedAt),
  to: Math.max(timestamp, formerReportedAt),
});

/** An id of a former topic may be that of a present operation, too. @param id of the operation at the place */
export const operationKey = (id: string, place: Place): string =>
  isFormerPlace(place) ? `${id}\n${place.timestamp}` : id;
