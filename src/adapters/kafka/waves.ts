/** Which records of a send go together, in one request to each leader. */
import type { Sized } from './codec/write-batch.ts';

/** A partition that is written to; one object for all records of a send. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

export interface Placed extends Sized {
  /** In the caller's list. */
  readonly index: number;
  readonly place: Place;
}

/** What is written to each place, as one batch. */
export type Wave = ReadonlyMap<Place, readonly Placed[]>;

/** Below the 1 MB that a broker accepts as one batch by default. */
const partitionBytesMax = 900_000;
/** All of it is in memory several times, and is written in one go: 10 ms. */
const bytesMax = 4_000_000;

/** One compression, bounded in bytes, and never a record before an older one of its partition.
 *  The wave begins with the first record; a single record is taken at any size. */
export function takeWave(left: readonly Placed[]): { readonly wave: Wave; readonly rest: readonly Placed[] } {
  const gzip = left[0]?.record.gzip;
  const wave = new Map<Place, Placed[]>();
  const rest: Placed[] = [];
  const partitionBytes = new Map<Place, number>();
  const closed = new Set<Place>();
  let bytes = 0;
  for (const placed of left) {
    const { place } = placed;
    const before = partitionBytes.get(place) ?? 0;
    const fits = before === 0 || before + placed.bytes <= partitionBytesMax;
    const isFull = bytes > 0 && bytes + placed.bytes > bytesMax;
    if (isFull || !fits || placed.record.gzip !== gzip || closed.has(place)) {
      closed.add(place);
      rest.push(placed);
    } else {
      if (before === 0) wave.set(place, []);
      wave.get(place)?.push(placed);
      partitionBytes.set(place, before + placed.bytes);
      bytes += placed.bytes;
    }
  }
  return { wave, rest };
}

/** Of one send. */
export class Places {
  readonly #byTopic = new Map<string, Map<number, Place>>();

  of(topic: string, partition: number): Place {
    const places = this.#byTopic.get(topic) ?? new Map<number, Place>();
    this.#byTopic.set(topic, places);
    const place = places.get(partition) ?? { topic, partition };
    places.set(partition, place);
    return place;
  }
}
