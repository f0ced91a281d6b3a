/** Where an event lies in its partition (protocol.md 3.1): the offset of its record and, where that holds several, its index. */

/** Of one record. */
const EVENTS_MAX = 1_024n;

/** One number that orders all events of a partition. @param index null: the record holds one event only. */
export const placeOf = (offset: bigint, index: number | null): bigint =>
  offset * EVENTS_MAX + (index === null ? 0n : BigInt(index) + 1n);

export const offsetOf = (place: bigint): bigint => place / EVENTS_MAX;

/** As ids have it: `12`, or `12.1`. */
export function placeText(place: bigint): string {
  const [offset, event] = [offsetOf(place), place % EVENTS_MAX];
  return event === 0n ? `${offset}` : `${offset}.${event - 1n}`;
}

export function readPlace(text: string): bigint {
  const [offset = '', index] = text.split('.');
  return placeOf(BigInt(offset), index === undefined ? null : Number(index));
}
