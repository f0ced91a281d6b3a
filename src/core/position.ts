/** Where an event lies in the source, and how that is written. */

/** Within a group positions are totally ordered: by offset, then by index. */
export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** Which event of its record, from 0; null where the record holds one only. */
  readonly index: number | null;
}

/** Positive: `a` is the later one. Of one source partition. */
export function comparePositions(a: Position, b: Position): number {
  if (a.offset !== b.offset) return a.offset > b.offset ? 1 : -1;
  return (a.index ?? 0) - (b.index ?? 0);
}

/** The same event of the same source partition. */
export const isSamePosition = (a: Position | undefined, b: Position | undefined): boolean =>
  a !== undefined && b !== undefined && comparePositions(a, b) === 0;

/** `42`, or `42.1` for event 1 of a record that holds several. */
export const offsetText = ({ offset, index }: Pick<Position, 'offset' | 'index'>): string =>
  index === null ? String(offset) : `${offset}.${index}`;

export const OFFSET_PATTERN = /^(\d{1,19})(?:\.(\d{1,9}))?$/;

/** Reads what `offsetText` writes. @throws where the text does not fit `OFFSET_PATTERN`. */
export function readOffset(text: string): Pick<Position, 'offset' | 'index'> {
  const [, offset, index] = OFFSET_PATTERN.exec(text) ?? [];
  if (offset === undefined) throw new Error(`not an offset: ${text}`);
  return { offset: BigInt(offset), index: index === undefined ? null : Number(index) };
}

export const positionText = ({ topic, partition, ...at }: Position): string =>
  `${topic}/${partition}/${offsetText(at)}`;
